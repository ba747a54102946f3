"""Pictures in and out: any PNG, TIFF or JPEG to 8-bit RGB, and back to the sizes we need."""

import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

MOST_PIXELS = 120_000_000
Image.MAX_IMAGE_PIXELS = MOST_PIXELS // 2  # Pillow warns, and refuses what has twice as many
warnings.simplefilter("ignore", Image.DecompressionBombWarning)
MEND = "replace it, or take it away"
SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")


def is_picture(path: Path) -> bool:
    """Whether a path is named as a picture; a hidden one is not (macOS leaves ._NAME.png)."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def open_image(path: Path, page: int | None = None) -> Image.Image:
    """Open and decode a picture whole, or that of a TIFF's `page`, from 0; turned as its EXIF says.

    Raises ValueError with the reason if that fails.
    """
    if path.exists() and not path.is_file():
        raise ValueError("is no file, but a folder or a device; move it away")
    try:
        picture = Image.open(path)
        picture.seek(page or 0)
        picture.load()
        ImageOps.exif_transpose(picture, in_place=True)
    except Image.DecompressionBombError:
        raise ValueError(f"has more than {MOST_PIXELS:,} pixels; cut it into parts") from None
    except MemoryError:  # of the machine, not of the picture
        raise
    except UnidentifiedImageError as error:
        raise ValueError(f"cannot be read (no picture of a kind that we know); {MEND}") from error
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror or error}); {MEND}") from error
    except Exception as error:  # Pillow's decoders raise nearly anything on broken files
        reason = " ".join(str(error).split())
        raise ValueError(f"cannot be read ({reason}); {MEND}") from error
    return picture


def opaque(picture: Image.Image) -> Image.Image:
    """A decoded picture without its alpha channel; raises ValueError if that hides anything."""
    if not picture.has_transparency_data:
        return picture
    rgba = picture.convert("RGBA")
    if rgba.getchannel("A").getextrema()[0] < 255:
        raise ValueError("is partly transparent; save it without alpha")
    return rgba.convert("RGB")


def pages(path: Path) -> list[int | None]:
    """The pages of a TIFF of several pictures, from 0; of any other file, broken ones too, [None].

    A file is opened, but not decoded.
    """
    if path.suffix.lower() in (".tif", ".tiff") and path.is_file():
        with suppress(Exception), Image.open(path) as picture:
            if picture.n_frames > 1:
                return list(range(picture.n_frames))
    return [None]


def to_rgb(picture: Image.Image) -> np.ndarray:
    """A decoded picture as uint8 RGB (H, W, 3); 16-bit grey is scaled by its full range.

    Raises ValueError for a picture that has no such reading.
    """
    if picture.mode.startswith("I;16"):
        grey = (np.asarray(picture) >> 8).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if picture.mode in ("F", "I"):
        kind = {"F": "floating-point", "I": "32-bit or signed"}[picture.mode]
        raise ValueError(f"holds {kind} values; save it with 8 or 16 bits")
    return np.asarray(opaque(picture).convert("RGB"))


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
