"""What every script does: log to its rule's log file, and report a failure in one clear line."""

import logging
import re
import shutil
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from pathlib import Path
from typing import Any

from darkfield.engine import ran
from darkfield.engine.imports import STATEMENTS, code_digests
from darkfield.errors import DISK_FULL, problems_of
from darkfield.files import UserError

KILLED = "killed, perhaps for lack of memory; the same command continues from here"
STOPS = (signal.SIGINT, signal.SIGTERM)
ROOM = 1_000_000  # bytes: a disk with less is full
log = logging.getLogger("darkfield")


@contextmanager
def job(snakemake: Any) -> Iterator[logging.Logger]:
    """Run the body of a script, given Snakemake's object of that name, and note that it ran.

    On failure write the reason as the log's last line, which the Snakefile's `onerror` shows, and
    exit with 1. Whatever a library says goes to the log as well, never to the screen, which is
    Snakemake's.
    """
    for name in STOPS:
        signal.signal(name, stop)
    logfile = snakemake.log[0]
    try:
        Path(logfile).parent.mkdir(parents=True, exist_ok=True)
        Path(logfile).write_text("")
        # All who write append: from a place of its own, one would write over another's lines.
        logging.basicConfig(
            filename=logfile, filemode="a", level=logging.INFO, format="%(asctime)s %(message)s"
        )
        logging.captureWarnings(True)
        logging.raiseExceptions = False  # a full disk is reported once, not for every line
        refuse_other_code(snakemake)
        note = ran.begin(snakemake)
        with Path(logfile).open("a", buffering=1) as said, redirect_stderr(said):
            yield log
    except KeyboardInterrupt:
        fail(logfile, ["stopped; the same command continues from here"])
    except Exception as error:
        if not isinstance(error, UserError):
            with suppress(OSError), Path(logfile).open("a") as f:
                traceback.print_exc(file=f)
        fail(logfile, problems_of(error))
    else:
        with suppress(OSError):  # without a note the stage is not recorded, and the run says so
            ran.end(snakemake, note)
            ran.unmark(snakemake.rule, dict(snakemake.wildcards.items()))


def refuse_other_code(snakemake: Any) -> None:
    """Raise UserError unless the code is that with which the run began, as will be recorded.

    Scripts that Snakemake has fetched, whose file is an address, nobody edits.
    """
    script = Path(getattr(sys.modules["__main__"], "__file__", None) or "")
    known = snakemake.params.get("code") if script.is_file() else None
    if known and known not in code_digests([script], STATEMENTS).values():
        raise UserError("its code was edited since this run began; run the same command again")


def stop(*_: object) -> None:
    """Be interrupted, once: Ctrl-C reaches a job through the terminal and through Snakemake."""
    for name in STOPS:
        # Not SIG_IGN: of a signal that has come but is not yet handled, Python then complains.
        signal.signal(name, lambda *_: None)
    raise KeyboardInterrupt


def stop_all(*_: object) -> None:
    """Interrupt all processes below this one, and this one, as Ctrl-C in a terminal does."""
    import psutil

    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.send_signal(signal.SIGINT)
    raise KeyboardInterrupt


def fail(logfile: str, problems: list[str]) -> None:
    """Append the problems and, as the last line, a summary; exit with 1."""
    more = [f"{len(problems)} problems, the first: {problems[0]}"] if len(problems) > 1 else []
    with suppress(OSError), Path(logfile).open("a") as f:
        f.writelines(f"{line}\n" for line in [*problems, *more])
    sys.exit(1)


def reasons(logfile: str) -> list[str]:
    """Why a job failed: its problems if there are several, then the last line of its log.

    A job that was killed has not written one.
    """
    lines = []
    with suppress(OSError):
        lines = Path(logfile).read_text(errors="replace").split("\n")[:-1]
    if lines and not re.match(r"\d{4}-\d\d-\d\d \d\d:", lines[-1]):  # as logging begins its
        several = re.match(r"(\d+) problems, the first: ", lines[-1])
        return lines[-1 - int(several[1]) :] if several else lines[-1:]
    return [KILLED if shutil.disk_usage(".").free > ROOM else DISK_FULL]
