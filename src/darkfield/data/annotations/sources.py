"""The drawings in a file or folder, whichever programs wrote them."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from darkfield.classes import INSTANCES
from darkfield.data.annotations import arrays, brushes, voc
from darkfield.data.annotations.beside import masks_among
from darkfield.data.annotations.drawing import Drawing
from darkfield.data.annotations.programs import drawings_of
from darkfield.data.images import is_picture
from darkfield.data.mask_files import open_mask
from darkfield.data.mask_values import code, codes, spelled
from darkfield.values import MASK_VALUE

# A file, and its drawings: None if no program that we know wrote it, or what is wrong with it.
Found = tuple[Path, list[Drawing] | ValueError | None]


def drawings(source: Path, values: Sequence[str]) -> Iterator[Found]:
    """What each file of a source holds, in order.

    `values` are those of label images that the user has named; they decide between two readings of
    one palette. Pictures are read as label images if nothing else is there.
    """
    files = files_of(source)
    if maps := [path for path in files if path.name == voc.LABELMAP]:
        for path in maps:
            yield from of_voc(path)
        return
    pictures = [path for path in files if is_picture(path)]
    annotated = False
    for path in sorted({*files} - {*pictures}):
        held = attempted(partial(drawings_of, path))
        annotated |= held is not None
        yield path, held
    if annotated:
        return
    if drawn := [path for path in pictures if brushes.BRUSH.fullmatch(path.name)]:
        yield source, attempted(partial(brushes.read, drawn))
        return
    for path in pictures if source.is_file() else masks_among(pictures):
        yield path, attempted(partial(of_label_image, path, values))


def files_of(source: Path) -> list[Path]:
    """The file itself, or all files below a folder, sorted; hidden ones are left out."""
    if source.is_file():
        return [source]
    return sorted(
        path
        for path in source.rglob("*")
        if not any(part.startswith(".") for part in path.relative_to(source).parts)
        and path.is_file()
    )


def attempted(read: Callable[[], list[Drawing] | None]) -> list[Drawing] | ValueError | None:
    """What `read` returns, or the ValueError that it raises."""
    try:
        return read()
    except ValueError as error:
        return error


def of_voc(labelmap: Path) -> Iterator[Found]:
    """The drawings of the masks that lie beside a labelmap.txt."""
    try:
        labels = voc.labelmap(labelmap)
    except ValueError as error:
        yield labelmap, error
        return
    for path in sorted((labelmap.parent / voc.CLASSES).glob("*.png")):
        yield path, attempted(partial(voc.read, path, labels))


def of_label_image(path: Path, values: Sequence[str]) -> list[Drawing]:
    """The drawing of a label image: a region for each value, or each colour "#rrggbb"."""
    known = {code(v) for v in values if re.fullmatch(MASK_VALUE, v) and v != INSTANCES}
    pixels = codes(open_mask(path), known or {0})
    regions = [r._replace(label=spelled(int(r.label))) for r in arrays.regions(pixels)]
    return [Drawing(path.name, (pixels.shape[0], pixels.shape[1]), regions)]
