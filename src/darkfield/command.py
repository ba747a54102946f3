"""How every command ends: with a failure in plain lines, and silently after a closed pipe."""

import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import NamedTemporaryFile

from darkfield.errors import explain, unexpected
from darkfield.files import UserError


@contextmanager
def command() -> Iterator[None]:
    """Run a command; on failure exit with plain lines and code 1; a bug's traceback goes to a file.

    If the reader of the output has gone (`| head`), exit as Unix tools do, with SIGPIPE's code.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()  # not when Python exits, where nothing would catch the error
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(nowhere, stream)
        sys.exit(128 + signal.SIGPIPE)
    except UserError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("stopped; the same command continues from here")
    except Exception as error:
        if line := explain(error):
            sys.exit(line)
        with (
            suppress(OSError),
            NamedTemporaryFile("w", prefix="darkfield-", suffix=".log", delete=False) as log,
        ):
            traceback.print_exc(file=log)
            print(f"traceback: {log.name}", file=sys.stderr)
        sys.exit(unexpected(error))
