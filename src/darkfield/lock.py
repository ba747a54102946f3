"""The lock of a killed Snakemake: removed by `python -m darkfield.lock` if no run is alive."""

import contextlib
import fcntl
import subprocess
from pathlib import Path
from typing import IO

from darkfield.command import command

ALIVE = Path(".snakemake/darkfield.lock")
LOCKS = Path(".snakemake/locks")  # Snakemake's own


def hold() -> IO:
    """Show that this process is alive, for as long as the file returned is open."""
    ALIVE.parent.mkdir(exist_ok=True)
    file = ALIVE.open("w")
    with contextlib.suppress(OSError):  # a file system without locks
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return file


def alive() -> bool:
    """Whether any Snakemake holds ALIVE, or may."""
    if not ALIVE.exists():
        return False
    with ALIVE.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


if __name__ == "__main__":
    with command():
        if LOCKS.is_dir() and any(LOCKS.iterdir()) and not alive():
            subprocess.run(["snakemake", "--unlock", "--quiet", "all"], check=True)
            print("Removed the lock of a run that was killed; going on from where it was")
