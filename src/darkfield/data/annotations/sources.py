"""The drawings in a file or folder, whichever programs wrote them."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from darkfield.data.annotations import brushes, label_images, voc
from darkfield.data.annotations.beside import masks_among, named_as_masks
from darkfield.data.annotations.drawing import Drawing
from darkfield.data.annotations.programs import drawings_of
from darkfield.data.images import is_picture

# A file, and its drawings: None if no program that we know wrote it, or what is wrong with it.
Found = tuple[Path, list[Drawing] | ValueError | None]


def drawings(source: Path, values: Sequence[str]) -> Iterator[Found]:
    """What each file of a source holds, in order.

    `values` are those of label images that the user has named; they decide between two readings of
    one palette. Pictures are read as label images if nothing else is there; otherwise those that
    are named like label images or brushes are passed over.
    """
    files = files_of(source)
    maps = [path for path in files if path.name == voc.LABELMAP]
    for path in maps:
        yield from of_voc(path)
    pictures = [path for path in files if is_picture(path) and not (maps and voc.holds(path))]
    annotated = bool(maps)
    for path in files:
        if is_picture(path) or path in maps:
            continue
        held = attempted(partial(drawings_of, path))
        annotated |= held is not None
        yield path, held
    drawn = [path for path in pictures if brushes.BRUSH.fullmatch(path.name)]
    if annotated:
        yield from ((path, None) for path in (*named_as_masks(pictures), *drawn))
        return
    if drawn:
        yield source, attempted(partial(brushes.read, drawn))
        return
    for path in pictures if source.is_file() else masks_among(pictures):
        yield path, attempted(partial(label_images.read_picture, path, values))


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
    for path in files_of(labelmap.parent / voc.CLASSES):
        if path.suffix.lower() == ".png":
            yield path, attempted(partial(voc.read, path, labels))
