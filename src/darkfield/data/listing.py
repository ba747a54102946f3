"""Which pictures a user means, and the name under which the results of each are written."""

import glob
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from darkfield.data.images import is_picture
from darkfield.data.reading import pictures_of
from darkfield.files import UserError, remove

LABEL, OVERLAY = "{}.png", "overlays/{}.jpg"  # of an image, below `out`
ON_REQUEST = {
    "probabilities": "probabilities/{}.tif",
    "geojson": "geojson/{}.geojson",
    "rois": "rois/{}.zip",
}
MADE = (LABEL, OVERLAY, *ON_REQUEST.values())
FOLDERS = {"overlays", *ON_REQUEST, "instances", "corrected"}  # of what is made of pictures


class Made(NamedTuple):
    """Where the files made of an image are: `name`, with subfolders, below `out`."""

    out: Path
    name: Path

    @property
    def label(self) -> Path:
        return self.out / LABEL.format(self.name)

    @property
    def overlay(self) -> Path:
        return self.out / OVERLAY.format(self.name)

    def path(self, kind: str) -> Path:
        """A file of listing.ON_REQUEST."""
        return self.out / ON_REQUEST[kind].format(self.name)

    def instances(self, name: str) -> Path:
        """The numbers of a class's objects."""
        return self.out / "instances" / name / f"{self.name}.tif"

    def kinds(self) -> set[str]:
        """What there is of it that is made on request."""
        there = {kind for kind in ON_REQUEST if self.path(kind).exists()}
        numbers = (self.out / "instances").glob(f"*/{glob.escape(str(self.name))}.tif")
        return there | ({"instances"} if any(numbers) else set())

    def files(self) -> list[Path]:
        """Where all of them are or would be; instances only of classes that have a folder."""
        folders = sorted((self.out / "instances").glob("*/"))
        of_classes = (self.instances(folder.name) for folder in folders)
        return [*(self.out / made.format(self.name) for made in MADE), *of_classes]

    def remove(self) -> None:
        """Remove all of them."""
        for path in self.files():
            remove(path)


class Source(NamedTuple):
    """A picture to be read, and the name, with subfolders, of its results.

    `part` tells which of the file's pictures it is: see `data.axes.parts`.
    """

    path: Path
    part: str
    name: Path


def sources(inputs: Sequence[str], out: Path, every: int = 1) -> list[Source]:
    """The pictures that files, folders and globs name, each once, sorted.

    A folder means everything below it except what is below the folder `out` or, if it is that
    folder, what was made there before; a glob does not mean that either. Subfolders are kept in the
    names. A name is that of the file without its suffix, or with it if two pictures would
    otherwise have the same name; several pictures of a file are numbered, and `every` is
    as in `pictures_of`. Raises UserError with all inputs that name no picture, and with all
    pictures that the results would overwrite.
    """
    found: dict[Path, Path] = {}
    problems = []
    for text in inputs:
        path = Path(text)
        # Path.glob does not accept absolute patterns.
        matches = [path] if path.exists() else map(Path, glob.glob(text, recursive=True))  # noqa: PTH207
        named = path.exists()
        new = {
            p: name
            for match in matches
            for p, name in below(match, out)
            if named or not made_before(p, out)
        }
        if not new:
            what = "holds no pictures" if path.exists() else "no such file or folder"
            problems.append(f"{text}: {what}")
        found = new | found
    pictures = [
        (path, part, name) for path, name in found.items() for part in pictures_of(path, every)
    ]
    listed = sorted(unambiguous(pictures))
    inside = set(map(real, found))
    problems += [
        f"{source.path}: --out {out} would overwrite pictures; name another folder"
        for source in listed
        if any(real(path) in inside for path in Made(out, source.name).files())
    ]
    if problems:
        raise UserError(*problems)
    return listed


def skipped(
    folder: Path, out: Path | None = None, known: Callable[[Path], bool] = is_picture
) -> Counter[str]:
    """How many files below a folder are not `known`, by suffix, except hidden ones.

    Files below `out` are not counted.
    """
    counts: Counter[str] = Counter()
    made = real(out) if out and real(out) != real(folder) else None
    for path in folder.rglob("*"):
        inside = path.relative_to(folder)
        if any(part.startswith(".") for part in inside.parts):
            continue
        if made and real(path).is_relative_to(made):
            continue
        if path.is_dir():
            counts["linked folders"] += path.is_symlink()  # which rglob does not enter
        elif not known(path):
            counts[path.suffix.lower() or "without an ending"] += 1
    return +counts


def in_words(counts: Counter[str]) -> str:
    """The counts of skipped in words: "3 .gif, 2 in subfolders"."""
    return ", ".join(f"{n} {what}" for what, n in sorted(counts.items()))


def batches(folder: str | None, n: int, every: int = 1) -> list[list[Source]]:
    """The pictures below a folder in n batches; a file's batch depends on its name alone.

    `every` is as in `pictures_of`. Raises UserError if there are none.
    """
    if folder is None:
        raise UserError("pictures.folder: null; name a folder of pictures")
    result: list[list[Source]] = [[] for _ in range(n)]
    for source in sources([folder], Path("results/predictions"), every):
        result[crc32(os.fsencode(source.path.relative_to(folder))) % n].append(source)
    return result


def below(path: Path, out: Path) -> Iterator[tuple[Path, Path]]:
    """The pictures of a folder, or the picture itself, each with its path from there.

    Hidden folders, and with them files that are just being written, are skipped.
    """
    if not path.is_dir():
        yield path, Path(path.name)
        return
    made = real(out)
    for p in path.rglob("*"):
        ours = made_before(p, out) if made == real(path) else real(p).is_relative_to(made)
        name = p.relative_to(path)
        hidden = any(part.startswith(".") for part in name.parts)
        if is_picture(p) and not hidden and not p.is_dir() and not ours:
            yield p, name


def made_before(path: Path, out: Path) -> bool:
    """Whether a file was made by an earlier run into `out`, by its folder or its overlay."""
    if not real(path).is_relative_to(real(out)):
        return False
    name = real(path).relative_to(real(out))
    return name.parts[0] in FOLDERS or (
        name.suffix == ".png" and Made(out, name.with_suffix("")).overlay.exists()
    )


def real(path: Path) -> Path:
    """A path without links; unlike Path.resolve, no error for links that form a circle."""
    return Path(os.path.realpath(path))


def unambiguous(pictures: list[tuple[Path, str, Path]]) -> list[Source]:
    """Each picture with its name: without the file's suffix, unless another has that name too."""
    whole: set[Path] = set()

    def name(path: Path, part: str, file: Path) -> Path:
        base = file if path in whole else file.with_suffix("")
        return base.with_name(base.name + part)

    while True:
        named = [Source(path, part, name(path, part, file)) for path, part, file in pictures]
        shared = Counter(source.name for source in named)
        clashes = {source.path for source in named if shared[source.name] > 1}
        if clashes <= whole:
            break
        whole |= clashes
    if clashes:
        twice = sorted({str(source.name) for source in named if shared[source.name] > 1})
        raise UserError(*(f"{name}: two inputs have a picture of this name" for name in twice))
    return named
