"""The scene of ../shared/cases, to be written as files of every kind: what a reader should show."""

import numpy as np

from darkfield.data.axes import Asked
from darkfield.data.reading import folder_ranges, read

ROWS, COLUMNS = np.mgrid[:64, :96]
RADIUS = np.hypot(ROWS - 32, COLUMNS - 48)
GREY = np.full((64, 96), 20, np.uint8)
GREY[(RADIUS > 14) & (RADIUS < 20)] = 200
GREY[7:10] = 140
RGB = np.stack([GREY, GREY // 2, GREY // 4], axis=-1)


def picture(path, part="", **asked):
    """What a reader makes of a file that is alone in its folder."""
    asked = Asked(**asked)
    return read(path, part, asked, folder_ranges([(path, part)], asked))


def shows(path, expected, part="", by=1, **asked):
    """Whether a file is shown as (H, W) or (H, W, 3), up to the rounding of its range."""
    image = picture(path, part, **asked).image
    expected = expected if expected.ndim == 3 else np.repeat(expected[..., None], 3, axis=2)
    return image.shape == expected.shape and np.abs(image.astype(int) - expected).max() <= by


def stretched(pixels):
    """uint8 from the smallest to the largest value, as a range of one picture makes them."""
    low, high = int(pixels.min()), int(pixels.max())
    return np.rint((pixels.astype(float) - low) * 255 / (high - low)).astype(np.uint8)
