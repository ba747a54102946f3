"""Pictures in and out: PNG, TIFF, JPEG and BMP read as 8-bit RGB, resized, written as PNG."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from darkfield.data.stacks import (
    BITS,
    PHOTOMETRIC,
    Unclear,
    check_header,
    own_frames,
    tag,
    unreadable,
)

MOST_PIXELS = 120_000_000
Image.MAX_IMAGE_PIXELS = MOST_PIXELS // 2  # Pillow warns above this, and refuses twice as many
warnings.simplefilter("ignore", Image.DecompressionBombWarning)
REMEDY = "replace it, or remove it"
SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp")
ONE_PICTURE = (".png", ".jpg", ".jpeg", ".bmp")  # not opened to count what they hold
FORMATS = ("PNG", "TIFF", "JPEG", "BMP", "GIF", "WEBP")  # recognised by content, whatever the name
COLOUR_MODES = ("RGB", "RGBA", "RGBa", "CMYK", "YCbCr", "P", "PA")
GREY_MODES = ("1", "L", "LA", "La")
ORIENTATION = 0x112
TURN, DEEP = "darkfield.turn", "darkfield.deep"  # keys of what open_image notes in Image.info
DARK = 1 << 14  # cameras of 10, 12 and 14 bits stay below this, and come out black in 16


def is_picture(path: Path) -> bool:
    """Whether a path is named like a picture; hidden files are not (macOS leaves ._NAME.png)."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def open_image(path: Path, page: int | None = None) -> Image.Image:
    """Open and decode a picture, or one page of a TIFF (from 0); turned as its EXIF tag says.

    In the `info` of the result, TURN is that tag, 1 (as stored) to 8, and DEEP is whether Pillow
    kept 8 of 16 bits per channel. Raises ValueError with the reason and the remedy if the file
    cannot be read, or if the result would not be what a viewer shows.
    """
    if path.exists() and not path.is_file():
        raise ValueError("is a folder or a device, not a file; move it elsewhere")
    with explained(path):
        picture = Image.open(path, formats=FORMATS)
        if page is None and (picture.format == "TIFF" or getattr(picture, "n_frames", 1) > 1):
            page, *more = own_frames(path, picture)
            if more:
                raise Unclear(f"holds {len(more) + 1} pictures; save only the one you mean")
        picture.seek(page or 0)
        check_header(picture)
        deep, turn = is_deep(picture), tag(picture, ORIENTATION)  # decoding drops both
        picture.load()
        turn = turn or picture.getexif().get(ORIENTATION, 1)
        ImageOps.exif_transpose(picture, in_place=True)
    picture.info |= {TURN: turn, DEEP: deep}
    return picture


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn whatever Pillow raises about a file into a ValueError with the reason and the remedy."""
    try:
        yield
    except (MemoryError, Unclear):  # the first is about the machine, not the picture
        raise
    except Image.DecompressionBombError:
        raise ValueError(f"has more than {MOST_PIXELS:,} pixels; cut it into parts") from None
    except UnidentifiedImageError as error:
        raise ValueError(unreadable(path)) from error
    except OSError as error:
        if str(error).startswith("decoder error"):
            raise ValueError(unreadable(path)) from error
        raise ValueError(f"cannot be read ({error.strerror or error}); {REMEDY}") from error
    except Exception as error:  # Pillow's decoders raise nearly anything on broken files
        reason = " ".join(str(error).split())
        raise ValueError(f"cannot be read ({reason}); {REMEDY}") from error


def is_deep(picture: Image.Image) -> bool:
    """Whether an opened picture, not yet decoded, has 16 bits per channel but is decoded to 8."""
    if picture.mode.startswith("I") or not (tiles := getattr(picture, "tile", None)):
        return False
    if picture.format == "PNG":
        return ";16" in str(tiles[0].args)
    bits: tuple[int, ...] = tag(picture, BITS, (8,))
    return max(bits) > 8


def opaque(picture: Image.Image) -> Image.Image:
    """A decoded picture without its alpha channel; raises ValueError if that hides anything."""
    if not picture.has_transparency_data:
        return picture
    rgba = (picture.convert("LA") if picture.mode == "La" else picture).convert("RGBA")
    if np.asarray(rgba.getchannel("A")).min() < 255:
        raise ValueError("is partly transparent; save it without alpha")
    return rgba.convert("RGB")


def pages(path: Path) -> list[int | None]:
    """The pages, from 0, of a TIFF that holds several pictures; [None] for any other file.

    The file is opened but not decoded; a broken one gives [None], too.
    """
    if path.suffix.lower() not in ONE_PICTURE and path.is_file():
        with suppress(Exception), Image.open(path, formats=("TIFF",)) as picture:
            if len(frames := own_frames(path, picture)) > 1:
                return [*frames]
    return [None]


def to_rgb(picture: Image.Image) -> np.ndarray:
    """A picture of open_image as uint8 RGB (H, W, 3); 16-bit values are scaled by their full range.

    Raises ValueError for a picture that cannot be read so: floating-point or 32-bit values, or 16
    bits of which the brightest pixel stays below 64 of 255.
    """
    if picture.mode.startswith("I;16"):
        grey = np.asarray(picture)
        bits = max(tag(picture, BITS, (16,)))
        if bits == 16:
            refuse_dark(int(grey.max()))
        if (grey == picture.info.get("transparency")).any():
            raise ValueError("is partly transparent; save it without alpha")
        grey = (grey >> (bits - 8)).astype(np.uint8)
        if tag(picture, PHOTOMETRIC) == 0:  # white is zero, which Pillow handles in 8 bits only
            grey = ~grey
        return np.repeat(grey[..., None], 3, axis=2)
    if picture.mode in ("F", "I"):
        kind = {"F": "floating-point", "I": "32-bit or signed"}[picture.mode]
        raise ValueError(f"holds {kind} values; save it with 8 or 16 bits")
    if picture.mode not in (*GREY_MODES, *COLOUR_MODES):
        raise ValueError(f"is a {picture.mode} picture; save it as RGB")
    rgb = np.asarray(opaque(picture).convert("RGB"))
    if picture.info.get(DEEP):
        refuse_dark(int(rgb.max()) << 8 | 0xFF)
    return rgb


def refuse_dark(largest: int) -> None:
    """Raise ValueError if a 16-bit picture's largest value is that of a camera of fewer bits."""
    if 0 < largest < DARK:
        raise ValueError(
            f"has 16 bits, but no value above {largest:,} of 65,535, and would come out nearly "
            "black; save it with 8 bits as your viewer shows it, or stretched over all 16"
        )


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
