"""Files that hold a mask: pictures, and the arrays of NumPy, Cellpose and ilastik."""

from pathlib import Path

import numpy as np
from PIL import Image

from darkfield.data.images import DEEP, TURN, is_picture, open_image

ARRAYS = (".npy", ".h5", ".hdf5")
MOST = np.iinfo(np.int32).max


def is_mask(path: Path) -> bool:
    """Whether a path is named like a mask; hidden files are not."""
    is_array = path.suffix.lower() in ARRAYS and not path.name.startswith(".")
    return is_array or is_picture(path)


def open_mask(path: Path) -> Image.Image:
    """A mask as open_image returns pictures, also if Pillow cannot read its kind.

    Raises ValueError with the reason and the remedy if it cannot be read.
    """
    if path.suffix.lower() in ARRAYS:
        from darkfield.data.label_arrays import read

        return as_picture(read(path))
    try:
        return open_image(path)
    except ValueError as error:
        if path.suffix.lower() not in (".tif", ".tiff"):
            raise
        from darkfield.data.exact import read_exact

        try:  # integers of 32 and 64 bits, BigTIFF, other compressions
            return as_picture(read_exact(path))
        except ValueError:
            raise error from None


def as_picture(pixels: np.ndarray) -> Image.Image:
    """Integers (H, W) as a picture of the fewest bits; raises ValueError beyond 0 to 2^31 - 1."""
    low, high = int(pixels.min(initial=0)), int(pixels.max(initial=0))
    if low < 0 or high > MOST:
        raise ValueError(f"holds the value {low if low < 0 else high}; masks have 0 to {MOST:,}")
    kind = next(k for k in (np.uint8, np.uint16, np.int32) if high <= np.iinfo(k).max)
    picture = Image.fromarray(pixels.astype(kind))
    picture.info |= {TURN: 1, DEEP: False}
    return picture
