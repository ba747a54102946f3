"""Locks that end with their process."""

import contextlib
import fcntl
import shutil
import sys
from pathlib import Path
from typing import IO

ALIVE = Path(".snakemake/darkfield.lock")
LOCKS = Path(".snakemake/locks")  # Snakemake's own


def hold(path: Path = ALIVE, text: str = "") -> IO[str]:
    """Show that this process is alive while the file returned, which holds `text`, is open."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("w")
    file.write(text)
    file.flush()
    with contextlib.suppress(OSError):  # a file system without locks
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return file


def alive(path: Path = ALIVE) -> bool:
    """Whether any process holds `path`, or might."""
    if not path.exists():
        return False
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def locked() -> bool:
    """Whether a Snakemake has locked this folder, be it alive or killed."""
    return LOCKS.is_dir() and any(LOCKS.iterdir())


def unlock() -> None:
    """Remove the lock of a Snakemake that was killed, if no run is alive, and say so."""
    if locked() and not alive():
        shutil.rmtree(LOCKS)
        print("Removed the lock of a run that was killed", file=sys.stderr)
