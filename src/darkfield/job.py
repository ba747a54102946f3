"""What every script does: log to its rule's log file, and end a failure in one clear line."""

import errno
import logging
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from darkfield.files import UserError

STOPS = (signal.SIGINT, signal.SIGTERM)
log = logging.getLogger("darkfield")


@contextmanager
def job(logfile: str) -> Iterator[logging.Logger]:
    """Run a script's body; on failure write the reason as the log's last line and exit with 1.

    The Snakefile's `onerror` shows that line. A traceback goes to the log, never to the screen.
    """
    Path(logfile).parent.mkdir(parents=True, exist_ok=True)
    for name in STOPS:
        signal.signal(name, stop)
    logging.basicConfig(
        filename=logfile, filemode="w", level=logging.INFO, format="%(asctime)s %(message)s"
    )
    logging.captureWarnings(True)
    try:
        yield log
    except UserError as error:
        fail(logfile, str(error).splitlines())
    except KeyboardInterrupt:
        fail(logfile, ["stopped; the same command goes on from here"])
    except Exception as error:
        with Path(logfile).open("a") as f:
            traceback.print_exc(file=f)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            fail(logfile, ["the disk is full: make room; the same command goes on from here"])
        fail(logfile, [f"{type(error).__name__}: {' '.join(str(error).split())}"])


def stop(*_) -> None:
    """Be interrupted, once: Ctrl-C reaches a job by the terminal and by Snakemake."""
    for name in STOPS:
        signal.signal(name, signal.SIG_IGN)
    raise KeyboardInterrupt


def stop_all(*_) -> None:
    """Interrupt all processes below this one, and this one, as Ctrl-C in a terminal does."""
    import psutil

    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.send_signal(signal.SIGINT)
    raise KeyboardInterrupt


def fail(logfile: str, problems: list[str]) -> None:
    """Append the problems and, last, one line that sums them up; exit with 1."""
    more = [f"{len(problems)} problems, the first: {problems[0]}"] if len(problems) > 1 else []
    with Path(logfile).open("a") as f:
        f.writelines(f"{line}\n" for line in [*problems, *more])
    print(*problems, sep="\n", file=sys.stderr)
    sys.exit(1)
