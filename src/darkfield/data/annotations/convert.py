"""`darkfield masks`: from the files of annotation programs to masks/, instances/ and images/."""

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from darkfield.classes import IGNORE, VOID
from darkfield.data.annotations.beside import folders, picture_of
from darkfield.data.annotations.mask_of import mask_of
from darkfield.data.annotations.problems import lines_of
from darkfield.data.annotations.sources import drawings
from darkfield.data.images import write_png
from darkfield.data.listing import in_words
from darkfield.data.pairs import name_of
from darkfield.files import UserError, put, scratch, wrong_name

MASKS, INSTANCES, IMAGES = "masks", "instances", "images"  # folders below `out`
SHOWN = 5  # names in a line


class Mask(NamedTuple):
    """A mask that was made: its picture, how many regions were drawn, and how many objects.

    `objects` is None if nobody knows which regions are objects.
    """

    picture: Path | None
    regions: int
    objects: int | None


def convert(
    source: Path,
    out: Path,
    table: Sequence[tuple[str, int]],
    classes: dict[str, int],
    outside: int = 0,
) -> list[str]:
    """Write OUT/masks/NAME.png (class indices), OUT/instances/NAME.png (uint16 numbers of objects).

    `source` is a file of an annotation program, a label image, or a folder of these; `table`, of
    names.parse, says which class each label is, beyond those named like a class of `classes`;
    what nobody drew on is `outside`, the background's index, or VOID if there is no such class.
    Numbers are made where all objects are known. The pictures that lie beside are copied to
    OUT/images, unless that is there. Returns what to tell the user. Raises UserError with all that
    is wrong; then nothing is written.
    """
    check(source, out)
    out.mkdir(parents=True, exist_ok=True)
    try:
        with scratch(out) as part:
            made, passed_over = write(source, out, part, table, classes, outside)
            pictures = [mask.picture for mask in made.values() if mask.picture]
            if pictures and not (out / IMAGES).exists():
                (part / IMAGES).mkdir()
                for picture in pictures:
                    shutil.copyfile(picture, part / IMAGES / picture.name)
                put(part / IMAGES, out / IMAGES)
            if any(mask.objects for mask in made.values()):
                put(part / INSTANCES, out / INSTANCES)
            put(part / MASKS, out / MASKS)
    finally:
        with suppress(OSError):  # unless something is in it
            out.rmdir()
    return report(made, passed_over, out, outside)


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
    source: Path,
    out: Path,
    part: Path,
    table: Sequence[tuple[str, int]],
    classes: dict[str, int],
    outside: int,
) -> tuple[dict[str, Mask], Counter[str]]:
    """Write masks and numbers below `part`; returns them by name, and what was passed over.

    Raises UserError with all that is wrong.
    """
    made: dict[str, Mask] = {}
    unread: list[Path] = []
    problems: list[str] = []
    for folder in (MASKS, INSTANCES):
        (part / folder).mkdir()
    for path, found in drawings(source, [pattern for pattern, _ in table]):
        if found is None:
            unread.append(path)
        elif isinstance(found, ValueError):
            problems += [f"{path}: {line}" for line in lines_of(found)]
        for drawing in found if isinstance(found, list) else []:
            try:
                places = folders(path, source, out / IMAGES)
                picture = picture_of(drawing.picture, places, path, told=drawing.told)
                name = name_in(out / IMAGES, picture or Path(drawing.picture))
                if not name or name.startswith("."):
                    raise ValueError("does not name its picture; export it again")
                if reason := wrong_name(name):
                    raise ValueError(reason)
                if name in made and (other := made[name].picture) not in (None, picture):
                    raise ValueError(f"has the name of another picture, {other}; rename one")
                if name in made:
                    raise ValueError("is a second mask of this picture; keep one")
                mask, numbers = mask_of(drawing, picture, table, classes, outside)
            except ValueError as error:
                alone = Path(drawing.picture).stem == path.stem
                which = "" if alone else f"{drawing.picture}: "
                problems += [f"{path}: {which}{line}" for line in lines_of(error)]
                continue
            write_png(part / MASKS / f"{name}.png", mask)
            if numbers is not None:
                write_png(part / INSTANCES / f"{name}.png", numbers)
            objects = None if numbers is None else len(np.unique(numbers[numbers > 0]))
            made[name] = Mask(picture, len(drawing.regions), objects)
    if not problems and not made:
        problems.append(f"{source}: holds no annotations of a known program; see docs/masks.md")
    if problems:
        raise UserError(*problems)
    pictures = {mask.picture for mask in made.values()}
    rest = (path.suffix.lower() or "without an ending" for path in unread if path not in pictures)
    return made, Counter(rest)


def name_in(images: Path, picture: Path) -> str:
    """The name of a picture, to which in OUT/images the names of its subfolders belong."""
    whole, folder = picture.absolute(), images.absolute()
    return name_of(whole.relative_to(folder)) if whole.is_relative_to(folder) else picture.stem


def report(
    made: Mapping[str, Mask], passed_over: Counter[str], out: Path, outside: int
) -> list[str]:
    """What was made and what was assumed, in lines for the user."""
    lines = [f"{out}: masks: {len(made)}, objects: {sum(m.objects or 0 for m in made.values())}"]
    empty = [name for name, mask in made.items() if not mask.regions]
    classes_only = [name for name, mask in made.items() if mask.objects is None]
    alone = [name for name, mask in made.items() if not mask.picture]
    rest = IGNORE if outside == VOID else "background"
    for what, names, then in (
        ("nothing is drawn on", empty, f"all of it is {rest}"),
        ("objects are not numbered on", classes_only, "it has classes only"),
        ("no picture found for", alone, f"put it into {out / IMAGES}"),
    ):
        if names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            lines.append(f"{what} {', '.join(names[:SHOWN])}{more}: {then}")
    if passed_over:
        lines.append(f"passed over: {in_words(passed_over)}")
    return lines
