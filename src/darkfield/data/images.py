"""Pictures and masks by themselves: named, read, resized, and written as PNG."""

from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from darkfield.data.axes import Asked, Unclear
from darkfield.data.exact import read_exact
from darkfield.data.kinds import EXTRA, READ, refusal
from darkfield.data.raster import (
    FORMATS,
    ORIENTATION,
    explained,
    frames_of,
    is_deep,
    refuse_misread,
)
from darkfield.data.reading import folder_ranges, kind_of, opened, read

SUFFIXES = (
    *(".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".jp2"),
    *(".btf", ".tf8", ".lsm", ".stk", ".svs", ".ndpi", ".scn", ".qptiff"),
    *(".avif", ".heic", ".heif", ".czi", ".nd2", ".lif"),
    *(".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv"),
)
BITS, SAMPLES = 258, 277
MOST = np.iinfo(np.int32).max
TURN, DEEP = "darkfield.turn", "darkfield.deep"  # keys of what open_image notes in Image.info


def is_picture(path: Path) -> bool:
    """Whether a path is named like a picture; hidden files are not (macOS leaves ._NAME.png)."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def read_image(path: Path, part: str = "") -> np.ndarray:
    """A picture of a file as uint8 RGB (H, W, 3), as if it were alone in its folder."""
    return read(path, part, Asked(), folder_ranges([(path, part)], Asked())).image


def open_image(path: Path) -> Image.Image:
    """Open and decode a mask, turned as its EXIF tag says; its values are those of the file.

    In the `info` of the result, TURN is that tag, 1 (as stored) to 8, and DEEP is whether Pillow
    kept 8 of 16 bits per channel. Raises ValueError with the reason and the remedy if the file
    cannot be read, or holds several pictures.
    """
    if (name := kind_of(path)) in EXTRA:
        raise Unclear(f"is {EXTRA[name][0]}, and no mask; save its classes as PNG")
    if name not in READ:
        raise ValueError(refusal(name))
    turn = 1
    with explained(path):
        if name == "tiff":
            picture, turn = of_tiff(path)
        else:
            picture = Image.open(path, formats=FORMATS)
            refuse_misread(path, picture)
            refuse_several(frames_of(picture))
        bits: tuple[int, ...] = tag(picture, BITS, (8,))
        deep = picture.mode[0] != "I" and (is_deep(picture) or max(bits) > 8)
        if (samples := tag(picture, SAMPLES, 1)) > len(picture.getbands()):
            raise Unclear(f"holds {samples} samples per pixel; save it as grey or RGB")
        picture.load()
        turn = picture.getexif().get(ORIENTATION, turn)
        ImageOps.exif_transpose(picture, in_place=True)
    picture.info |= {TURN: turn, DEEP: deep}
    return picture


def refuse_several(number: int) -> None:
    if number > 1:
        raise Unclear(f"holds {number} pictures; save only the one you mean")


def of_tiff(path: Path) -> tuple[Image.Image, int]:
    """A TIFF as Pillow opens it, or its values, if it has one sample and no palette; its turn."""
    with opened(path) as scenes:
        refuse_several(max(len(scenes), *scenes[0].sizes.values(), 0))
        turn = scenes[0].turn
    with suppress(UnidentifiedImageError):
        # By its name Pillow would map an uncompressed file, and garble it if it is to be turned.
        picture = Image.open(BytesIO(path.read_bytes()), formats=("TIFF",))
        if len(picture.getbands()) > 1 or picture.mode == "P":
            return picture, turn
    return as_picture(read_exact(path)), turn


def as_picture(values: np.ndarray) -> Image.Image:
    """Integers or bool (H, W) as a picture of as many bits; those of 64 bits, of the fewest.

    NumPy's own integers have 64 bits, whatever they mean. Raises ValueError beyond 0 to 2^31 - 1.
    """
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    if low < 0 or high > MOST:
        raise Unclear(f"holds the value {low if low < 0 else high}; masks have 0 to {MOST:,}")
    least = values.dtype.itemsize % 8
    kinds = (k for k in (np.uint8, np.uint16, np.int32) if np.dtype(k).itemsize >= least)
    kind = next(k for k in kinds if high <= np.iinfo(k).max)
    return Image.fromarray(values if values.dtype == bool else values.astype(kind))


def tag(picture: Image.Image, number: int, default: Any = None) -> Any:
    """A tag of the open frame of a TIFF; the default for any other picture."""
    return getattr(picture, "tag_v2", {}).get(number, default)


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize uint8 (H, W, 3) to `size` (height, width): bilinear, anti-aliased when it shrinks."""
    return np.array(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR))


def resize_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize class indices (H, W) to `size` by nearest neighbour, so that no class is invented."""
    return np.array(Image.fromarray(mask).resize(size[::-1], Image.Resampling.NEAREST))


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write uint8 or uint16 labels (H, W), or a picture, uint8 (H, W, 3), as a PNG."""
    from imagecodecs import PNG, png_encode

    # Labels are runs. Five times as fast as Pillow, which tries all filters on each row.
    strategy = PNG.STRATEGY.RLE if pixels.ndim == 2 else PNG.STRATEGY.DEFAULT
    whole = np.ascontiguousarray(pixels)
    path.write_bytes(png_encode(whole, level=1, strategy=strategy, filter=PNG.FILTER.UP))
