"""How every command ends: a failure in its lines, a closed pipe in silence."""

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
    """Run a command; on failure exit with its lines and code 1, with a bug's traceback in a file.

    If whoever reads the output has gone (`| head`), exit as Unix tools do, with SIGPIPE's code.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()  # not as Python exits, where nothing catches it
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
