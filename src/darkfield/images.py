"""Pictures in and out: any PNG, TIFF or JPEG to 8-bit RGB, and back to the sizes we need."""

import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

Image.MAX_IMAGE_PIXELS = 120_000_000
SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")


def open_image(path: Path, page: int | None = None) -> Image.Image:
    """Open and decode a picture whole, or that of a TIFF's `page`, from 0.

    Raises ValueError with the reason if that fails.
    """
    try:
        with warnings.catch_warnings():
            # A picture large enough for Pillow's warning is for us one too large.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(path)
            picture.seek(page or 0)
            picture.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(f"has more than {Image.MAX_IMAGE_PIXELS} pixels") from None
    except Exception as error:  # Pillow's decoders raise nearly anything on broken files
        reason = " ".join(str(error).split()).removesuffix(f" {str(path)!r}")
        raise ValueError(f"cannot be read ({reason})") from error
    return picture


def pages(path: Path) -> list[int | None]:
    """The pages of a TIFF of several pictures, from 0; of any other file, broken ones too, [None].

    A file is opened, but not decoded.
    """
    if path.suffix.lower() in (".tif", ".tiff"):
        with suppress(Exception), Image.open(path) as picture:
            if picture.n_frames > 1:
                return list(range(picture.n_frames))
    return [None]


def to_rgb(picture: Image.Image) -> np.ndarray:
    """A decoded picture as uint8 RGB (H, W, 3); 16-bit grey is scaled by its full range."""
    if picture.mode.startswith("I;16") or picture.mode == "I":
        grey = (np.asarray(picture) >> 8).clip(0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if picture.mode == "F":
        raise ValueError("holds floating-point values; save it with 8 or 16 bits")
    return np.asarray(picture.convert("RGB"))


def read_image(path: Path, page: int | None = None) -> np.ndarray:
    """Read a picture as uint8 RGB (H, W, 3); raises ValueError if it cannot be read."""
    return to_rgb(open_image(path, page))


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize uint8 (H, W, 3) to `size` (height, width): bilinear, anti-aliased when it shrinks."""
    return np.array(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR))


def resize_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize class indices (H, W) to `size` by nearest neighbour, so that no class is invented."""
    return np.array(Image.fromarray(mask).resize(size[::-1], Image.Resampling.NEAREST))


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write uint8 (H, W) or (H, W, 3) as a PNG."""
    # Level 1 is four times as fast as the default and a tenth larger.
    Image.fromarray(pixels).save(path, compress_level=1)
