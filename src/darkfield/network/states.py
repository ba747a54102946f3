"""Where trainings keep their states, and which of these no training will continue."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from darkfield.engine import lock
from darkfield.files import remove, sha256

STATES = Path(".snakemake/darkfield-train")
STAGE = "stage"  # the file that says whose state it is, locked while that training runs


def state_folder(params: Any, files: Iterable[Path]) -> Path:
    """The folder of the one training with these params, versions, files and code."""
    identity = [params, [[str(f), sha256(Path(f))] for f in files]]
    text = json.dumps(identity, sort_keys=True)
    return STATES / hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def claimed(folder: Path, stage: str) -> Iterator[None]:
    """Mark `folder` as the state of a stage (by the name of its log), in use during the block."""
    with closing(lock.hold(folder / STAGE, stage)):
        yield


def remove_superseded(folder: Path) -> None:
    """Remove the states of the same stage as that in `folder` whose trainings began earlier.

    They were abandoned. States of running trainings, and of other stages, stay.
    """
    mine = folder / STAGE
    for other in folder.parent.glob(f"*/{STAGE}"):
        same = other != mine and other.read_text() == mine.read_text()
        older = other.stat().st_mtime_ns <= mine.stat().st_mtime_ns
        if same and older and not lock.alive(other):
            remove(other.parent)


def unfinished() -> list[int]:
    """The sizes, in bytes, of the states of trainings that are not running."""
    return [
        sum(path.stat().st_size for path in state.rglob("*") if path.is_file())
        for state in sorted(STATES.glob("*"))
        if any(state.rglob("state.pt")) and not lock.alive(state / STAGE)
    ]
