"""Which pictures a user means, and a name for what is made of each."""

import glob
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from darkfield.files import UserError
from darkfield.images import SUFFIXES


class Source(NamedTuple):
    """A picture to be read, and the name, with subfolders, of what is made of it."""

    path: Path
    name: Path


def sources(inputs: Sequence[str]) -> list[Source]:
    """The pictures (PNG, TIFF, JPEG) that files, folders and globs name, each once, sorted.

    A folder gives all below it, and its subfolders are kept in the names. A name is the file's
    without its suffix, or with it where that would name two pictures. Raises UserError with all
    inputs that name no picture.
    """
    found: dict[Path, Path] = {}
    problems = []
    for text in inputs:
        path = Path(text)
        # Path.glob takes no absolute pattern.
        matches = [path] if path.exists() else map(Path, glob.glob(text, recursive=True))  # noqa: PTH207
        new = {p: name for match in matches for p, name in below(match)}
        if not new:
            what = "holds no PNG, TIFF or JPEG" if path.exists() else "no such file or folder"
            problems.append(f"{text}: {what}")
        found |= {p: name for p, name in new.items() if p not in found}
    if problems:
        raise UserError(*problems)
    return sorted(unambiguous(found))


def below(path: Path) -> list[tuple[Path, Path]]:
    """The pictures of a folder, or the picture itself, each with its path from there."""
    if not path.is_dir():
        return [(path, Path(path.name))]
    files = (p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    return [(p, p.relative_to(path)) for p in files]


def unambiguous(files: dict[Path, Path]) -> list[Source]:
    """Each file with its name, without the suffix unless another has that name too."""
    whole: set[Path] = set()
    while True:
        names = {p: n if p in whole else n.with_suffix("") for p, n in files.items()}
        shared = Counter(names.values())
        clashes = {p for p, n in names.items() if shared[n] > 1} - whole
        if not clashes:
            break
        whole |= clashes
    if twice := [str(name) for name, n in shared.items() if n > 1]:
        raise UserError(*(f"{name}: two inputs have a picture of this name" for name in twice))
    return [Source(path, name) for path, name in names.items()]
