"""From one drawing to its mask, and the numbers of its objects."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from darkfield.classes import VOID
from darkfield.data.annotations.drawing import Drawing, draw
from darkfield.data.annotations.names import classified, unknown
from darkfield.data.axes import Asked
from darkfield.data.reading import read_raw


def mask_of(
    drawing: Drawing,
    picture: Path | None,
    table: Sequence[tuple[str, int]],
    classes: dict[str, int],
    outside: int = 0,
) -> tuple[np.ndarray, np.ndarray | None]:
    """The mask of a drawing and the numbers of its objects, None unless all regions are objects.

    `outside` is as in `draw`. Raises ValueError if they cannot be made of it.
    """
    pairs = [(region, classified(region, table, classes, outside)) for region in drawing.regions]
    if strange := [region for region, found in pairs if found is None]:
        raise ValueError(unknown(strange, classes))
    size = drawing.size
    if picture is not None:
        height, width, turn = shape_of(picture)
        # Programs that tell a picture's name turn it as its tag says, or tell how it was turned.
        fits_both = size is None or turn < 5 or width == height
        if drawing.regions and not drawing.told and turn > 1 and fits_both:
            raise ValueError(
                f"does not tell whether {picture} was shown as its EXIF tag turns it; save the "
                "picture without the tag, and draw on that"
            )
        if size not in (None, (height, width)):
            raise ValueError(
                f"is drawn on {size[1]}x{size[0]} pixels, but {picture} has {width}x{height}; "
                "annotate that picture"
            )
        size = (height, width)
    if size is None:
        raise ValueError("does not tell the size of its picture; put the picture beside it")
    known = [found for _, found in pairs if found]
    mask, numbers = draw(known, size, outside)
    return mask, numbers if all(
        each.is_object or index in (outside, VOID) for index, each in known
    ) else None


def shape_of(picture: Path) -> tuple[int, int, int]:
    """The height and width of the one picture of a file of any kind, and its turn by EXIF, applied.

    Raises ValueError if it cannot be read, or if the file holds several.
    """
    one = Asked(channels=(1,), z=1)  # all channels and planes have its size
    try:
        raw = read_raw(picture, asked=one)
    except ValueError as error:
        raise ValueError(f"is drawn on {picture}, which {error}") from error
    return raw.pixels.shape[0], raw.pixels.shape[1], raw.turn
