"""Which object each pixel of a mask belongs to, where the pictures come with such numbers."""

from pathlib import Path

import numpy as np

from darkfield.classes import VOID
from darkfield.data.images import open_image


def read_numbers(path: Path, mask: np.ndarray, background: int | None = 0) -> np.ndarray:
    """The number of each pixel's object, uint16 (H, W), 0 for none; `mask` has its class, (H, W).

    `background` is the index of the class that has no objects, if one is. Raises ValueError if the
    file holds anything else, or does not agree with the mask outside VOID.
    """
    picture = open_image(path)
    numbers = np.asarray(picture)
    if picture.mode not in ("L", "I", "I;16") or numbers.min() < 0 or numbers.max() > 65535:
        raise ValueError("is no picture of object numbers; save them as grey, with 16 bits")
    if numbers.shape != mask.shape:
        (h, w), (mask_h, mask_w) = numbers.shape, mask.shape
        raise ValueError(f"is {w}x{h} pixels, its mask is {mask_w}x{mask_h}; save it at that size")
    numbers = numbers.astype(np.uint16)
    numbered = (numbers > 0) & (mask != VOID)
    of_object, of_mask = numbers[numbered], mask[numbered]
    least, most = np.full(65536, 255, np.uint8), np.zeros(65536, np.uint8)
    np.minimum.at(least, of_object, of_mask)
    np.maximum.at(most, of_object, of_mask)
    if len(wrong := np.flatnonzero((least < most) | ((least == most) & (least == background)))[:1]):
        where = "background" if least[wrong[0]] == most[wrong[0]] else "pixels of several classes"
        raise ValueError(
            f"has object {wrong[0]} on {where} of the mask; correct one of the two, or remove "
            "this file: objects are then told apart by their shape"
        )
    return numbers
