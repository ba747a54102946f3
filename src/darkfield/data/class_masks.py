"""Masks of one class each: which pixels have it, or which of its objects each pixel belongs to."""

from collections.abc import Mapping

import numpy as np
from PIL import Image

from darkfield.classes import VOID
from darkfield.data.mask_values import MOST, codes, refuse_specks, refuse_unsound

BLACK_AND_WHITE = {0, 255}


def of_one_class(mask: Image.Image) -> np.ndarray:
    """Integers (H, W) of a mask of open_mask: 0 where the class is not, else 1 or object numbers.

    Raises ValueError for a mask with grey edges, and for one whose file may have changed it.
    """
    if mask.mode == "1":
        refuse_unsound(mask)
        return np.asarray(mask).astype(np.uint8)
    pixels = codes(mask, BLACK_AND_WHITE)
    values, place = np.unique(pixels, return_inverse=True)
    marked = values[values > 0]
    if len(marked) > 1 and marked[-1] == 255 and pixels.dtype == np.uint8:
        raise ValueError(
            f"has {len(marked)} greys, as if its edges were smooth; save it in black and white"
        )
    if len(marked) > 1:
        refuse_specks(pixels, marked)
    return np.cumsum(values > 0)[place].reshape(pixels.shape)


def together(
    masks: Mapping[str, np.ndarray], classes: dict[str, int], background: int | None = 0
) -> tuple[np.ndarray, np.ndarray | None]:
    """Class indices, uint8, and numbers of objects, uint16, both (H, W), of masks by class.

    The masks are those of of_one_class. Where they overlap, the highest class index is on top;
    where none is, it is `background`, an index, or VOID if there is no such class. The numbers,
    from 1 and 0 for none, are None unless each class present has several. Raises ValueError if 16
    bits cannot number them.
    """
    shape = next(iter(masks.values())).shape
    outside = VOID if background is None else background
    mask, numbers = np.full(shape, outside, np.uint8), np.zeros(shape, np.int64)
    last, known = 0, True
    for name in sorted(masks, key=classes.__getitem__):
        if (index := classes[name]) == background:
            continue
        here = masks[name] > 0
        mask[here], numbers[here] = index, masks[name][here] + last
        n = int(masks[name].max(initial=0))
        known &= n != 1
        last += n
    if known and last > MOST:
        raise ValueError(f"has {last:,} objects; cut the picture into parts of at most {MOST:,}")
    return mask, numbers.astype(np.uint16) if known else None
