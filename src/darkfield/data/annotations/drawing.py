"""What somebody drew on a picture, as regions of pixels; and the mask that these make."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from darkfield.classes import VOID
from darkfield.data.raster import MOST_PIXELS

MOST = np.iinfo(np.uint16).max  # objects in a picture


class Patch(NamedTuple):
    """Pixels, bool (h, w), the first of which lies at `row` and `column` of a picture.

    A patch may reach beyond its picture, on any side.
    """

    row: int
    column: int
    pixels: np.ndarray

    def within(self, size: tuple[int, int]) -> tuple[tuple[slice, slice], np.ndarray]:
        """Where it lies in a picture of size (height, width), and its pixels there."""
        starts = (self.row, self.column)
        ends = [
            min(start + side, limit)
            for start, side, limit in zip(starts, self.pixels.shape, size, strict=True)
        ]
        firsts = [max(start, 0) for start in starts]
        rows, columns = (
            slice(first, max(first, end)) for first, end in zip(firsts, ends, strict=True)
        )
        inside = self.pixels[
            rows.start - self.row : rows.stop - self.row,
            columns.start - self.column : columns.stop - self.column,
        ]
        return (rows, columns), inside


class Region(NamedTuple):
    """A label and its pixels; of one object, or of all that a label image gives this value.

    `before` are other readings of the label, which come first.
    """

    label: str
    patch: Patch
    is_object: bool = True
    before: tuple[str, ...] = ()


class Drawing(NamedTuple):
    """The regions drawn on one picture, in the order in which they were drawn.

    `picture` is the picture's file name, with `/` between folders; if the program does not tell it,
    it is that of the drawing's own file, and `told` is false. `size`, (height, width) in pixels, is
    None if the program does not tell it.
    """

    picture: str
    size: tuple[int, int] | None
    regions: list[Region]
    told: bool = True


def union(patches: Sequence[Patch]) -> Patch:
    """The pixels of any of the patches."""
    row, column = min(patch.row for patch in patches), min(patch.column for patch in patches)
    size = (
        max(patch.row + patch.pixels.shape[0] for patch in patches) - row,
        max(patch.column + patch.pixels.shape[1] for patch in patches) - column,
    )
    pixels = np.zeros(size, bool)
    for patch in patches:
        at, inside = patch._replace(row=patch.row - row, column=patch.column - column).within(size)
        pixels[at] |= inside
    return Patch(row, column, pixels)


def patch_of(pixels: np.ndarray) -> Patch:
    """The smallest patch with all true pixels of a whole picture, bool (H, W)."""
    rows, columns = (np.flatnonzero(pixels.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return Patch(0, 0, np.zeros((0, 0), bool))
    row, column = int(rows[0]), int(columns[0])
    return Patch(row, column, pixels[row : rows[-1] + 1, column : columns[-1] + 1].copy())


def check_size(size: tuple[int, int]) -> None:
    """Raise ValueError for (height, width) that no picture has that we can open."""
    if min(size) < 1 or size[0] * size[1] > MOST_PIXELS:
        raise ValueError(f"is {size[1]}x{size[0]} pixels; it needs 1 to {MOST_PIXELS:,}")


def draw(
    regions: Iterable[tuple[int, Region]], size: tuple[int, int], outside: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Class indices, uint8, and numbers of objects, uint16, both (H, W), of (class, region) pairs.

    Where regions overlap, the highest class index is on top (a spirochaete lies over an
    erythrocyte), and within a class what was drawn last. Objects count from 1 in the order in which
    they were drawn; 0 is none. `outside` is the class of what nobody drew on, the background's or
    VOID; it lies below all others, and neither it nor VOID has objects. Raises ValueError if a
    region has no pixels, or lies wholly outside the picture, or if 16 bits cannot number the
    objects.
    """
    check_size(size)
    mask, numbers = np.full(size, outside, np.uint8), np.zeros(size, np.uint16)
    numbered = []
    objects = 0
    for index, region in regions:
        counts = region.is_object and index not in (outside, VOID)
        objects += counts
        numbered.append((index, objects if counts else 0, region))
    if blank := [region.label for _, _, region in numbered if not region.patch.pixels.any()]:
        names = ", ".join(map(repr, sorted({*blank})))
        raise ValueError(
            f"has shapes that cover no pixel of its picture: {len(blank)} of {len(numbered)} "
            f"({names}); draw them again, or delete them"
        )
    if objects > MOST:
        raise ValueError(f"has {objects:,} objects; cut the picture into parts of at most {MOST:,}")
    level = {outside: -1, VOID: VOID}
    for index, number, region in sorted(numbered, key=lambda each: level.get(each[0], each[0])):
        at, inside = region.patch.within(size)
        if not inside.any():
            raise ValueError(
                f"{region.label!r} at row {region.patch.row}, column {region.patch.column} lies "
                f"outside its picture of {size[1]}x{size[0]} pixels; is it drawn on another one?"
            )
        mask[at][inside] = index
        numbers[at][inside] = number
    return mask, numbers
