"""Locks that end with their process.

`python -m darkfield.engine.lock` removes the lock of a killed Snakemake if no run is alive.
"""

import contextlib
import fcntl
import subprocess
from pathlib import Path
from typing import IO

from darkfield.command import command

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


if __name__ == "__main__":
    with command():
        if locked() and not alive():
            subprocess.run(["snakemake", "--unlock", "--quiet", "all"], check=True)
            print("Removed the lock of a run that was killed; continuing where it stopped")
