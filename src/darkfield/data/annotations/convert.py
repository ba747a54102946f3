"""`darkfield masks`: from the files of annotation programs to masks/, instances/ and images/."""

import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from darkfield.data.annotations.beside import folders, picture_of
from darkfield.data.annotations.drawing import Drawing, draw
from darkfield.data.annotations.names import classified, unknown
from darkfield.data.annotations.problems import lines_of
from darkfield.data.annotations.sources import drawings
from darkfield.data.images import open_image, write_png
from darkfield.data.listing import in_words
from darkfield.files import UserError, put, scratch, wrong_name

MASKS, INSTANCES, IMAGES = "masks", "instances", "images"  # folders below `out`
SHOWN = 5  # names in a line


class Mask(NamedTuple):
    """A mask that was made: its picture's name and file, and how much was drawn."""

    name: str
    picture: Path | None
    objects: int
    regions: int


def convert(
    source: Path, out: Path, table: Sequence[tuple[str, int]], classes: dict[str, int]
) -> list[str]:
    """Write OUT/masks/NAME.png (class indices), OUT/instances/NAME.png (uint16 numbers of objects).

    `source` is a file of an annotation program, a label image, or a folder of these; `table`, of
    names.parse, says which class each label is, beyond those named like a class of `classes`.
    OUT/instances is made if the objects of every mask are known. The pictures that lie beside are
    copied to OUT/images, unless that is there. Returns what to tell the user. Raises UserError with
    all that is wrong; then nothing is written.
    """
    check(source, out)
    out.mkdir(parents=True, exist_ok=True)
    try:
        with scratch(out) as part:
            made, passed_over = write(source, out, part, table, classes)
            if not (out / IMAGES).exists() and (pictures := [m.picture for m in made if m.picture]):
                (part / IMAGES).mkdir()
                for picture in pictures:
                    shutil.copyfile(picture, part / IMAGES / picture.name)
                put(part / IMAGES, out / IMAGES)
            if any(mask.objects for mask in made):
                put(part / INSTANCES, out / INSTANCES)
            put(part / MASKS, out / MASKS)
    finally:
        with suppress(OSError):  # unless something is in it
            out.rmdir()
    return report(made, passed_over, out)


def check(source: Path, out: Path) -> None:
    """Raise UserError if there is nothing to read, or something that would be written over."""
    problems = [
        f"{out / name}: is there already; remove it, or name another folder"
        for name in (MASKS, INSTANCES)
        if (out / name).exists()
    ]
    if not source.exists():
        problems.append(f"{source}: no such file or folder")
    if problems:
        raise UserError(*problems)


def write(
    source: Path, out: Path, part: Path, table: Sequence[tuple[str, int]], classes: dict[str, int]
) -> tuple[list[Mask], Counter[str]]:
    """Write the masks and numbers below `part`; returns them, and the files passed over by suffix.

    Raises UserError with all that is wrong.
    """
    made: dict[str, Mask] = {}
    passed_over: Counter[str] = Counter()
    problems: list[str] = []
    for folder in (MASKS, INSTANCES):
        (part / folder).mkdir()
    for path, found in drawings(source, [pattern for pattern, _ in table]):
        if found is None:
            passed_over[path.suffix.lower() or "without an ending"] += 1
        elif isinstance(found, ValueError):
            problems += [f"{path}: {line}" for line in lines_of(found)]
        for drawing in found if isinstance(found, list) else []:
            try:
                picture = picture_of(drawing.picture, folders(path, source, out / IMAGES))
                name = picture.stem if picture else Path(drawing.picture).stem
                if reason := wrong_name(name):
                    raise ValueError(reason)
                if name in made:
                    raise ValueError("is a second mask of this picture; keep one")
                mask, numbers = drawn(drawing, picture, table, classes)
            except ValueError as error:
                which = "" if drawing.picture in (path.name, path.stem) else f"{drawing.picture}: "
                problems += [f"{path}: {which}{line}" for line in lines_of(error)]
                continue
            write_png(part / MASKS / f"{name}.png", mask)
            write_png(part / INSTANCES / f"{name}.png", numbers)
            objects = np.bincount(numbers.ravel())[1:]
            made[name] = Mask(name, picture, int((objects > 0).sum()), len(drawing.regions))
    if not problems and not made:
        problems.append(f"{source}: holds no annotations of a known program; see docs/masks.md")
    if problems:
        raise UserError(*problems)
    return list(made.values()), passed_over


def drawn(
    drawing: Drawing,
    picture: Path | None,
    table: Sequence[tuple[str, int]],
    classes: dict[str, int],
) -> tuple[np.ndarray, np.ndarray]:
    """The mask and the numbers of a drawing; raises ValueError if they cannot be made of it."""
    pairs = [(region, classified(region, table, classes)) for region in drawing.regions]
    if strange := [region for region, found in pairs if found is None]:
        raise ValueError(unknown(strange, classes))
    size = drawing.size
    if picture is not None:
        width, height = open_image(picture).size
        if size not in (None, (height, width)):
            raise ValueError(
                f"is drawn on {size[1]}x{size[0]} pixels, but {picture} has {width}x{height}; "
                "annotate that picture"
            )
        size = (height, width)
    if size is None:
        raise ValueError("does not tell the size of its picture; put the picture beside it")
    return draw((found for _, found in pairs if found), size)


def report(made: Sequence[Mask], passed_over: Counter[str], out: Path) -> list[str]:
    """What was made and what was assumed, in lines for the user."""
    objects = sum(mask.objects for mask in made)
    lines = [f"{out}: masks of {len(made)} pictures, with {objects or 'no numbered'} objects"]
    if names := [mask.name for mask in made if not mask.regions]:
        lines.append(f"nothing is drawn on {some(names)}; all of it is background")
    if names := [mask.name for mask in made if not mask.picture]:
        lines.append(f"no picture found for {some(names)}; put it into {out / IMAGES}")
    if passed_over:
        lines.append(f"passed over: {in_words(passed_over)}")
    return lines


def some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
