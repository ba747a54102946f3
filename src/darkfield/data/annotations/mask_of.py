"""From one drawing to its mask, and the numbers of its objects."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from darkfield.classes import VOID
from darkfield.data.annotations.drawing import Drawing, draw
from darkfield.data.annotations.names import classified, unknown
from darkfield.data.images import TURN, open_image


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
        opened = open_image(picture)
        width, height = opened.size
        # Programs that tell a picture's name turn it as its tag says, or tell how it was turned.
        fits_both = size is None or opened.info[TURN] < 5 or width == height
        if drawing.regions and not drawing.told and opened.info[TURN] > 1 and fits_both:
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
