"""Files that hold a mask: pictures, and the arrays of NumPy, Cellpose and ilastik."""

from pathlib import Path

from PIL import Image

from darkfield.data.images import DEEP, TURN, as_picture, is_picture, open_image

ARRAYS = (".npy", ".h5", ".hdf5")


def is_mask(path: Path) -> bool:
    """Whether a path is named like a mask; hidden files are not."""
    is_array = path.suffix.lower() in ARRAYS and not path.name.startswith(".")
    return is_array or is_picture(path)


def open_mask(path: Path) -> Image.Image:
    """A mask as open_image returns it, also from a file of ARRAYS.

    Raises ValueError with the reason and the remedy if it cannot be read.
    """
    if path.suffix.lower() not in ARRAYS:
        return open_image(path)
    from darkfield.data.label_arrays import read

    picture = as_picture(read(path))
    picture.info |= {TURN: 1, DEEP: False}
    return picture
