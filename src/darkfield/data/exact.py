"""The values of a file as they are stored, for masks: nothing is scaled, inverted or coloured."""

from pathlib import Path

import numpy as np
from PIL import Image

from darkfield.data.axes import CHANNEL, DEPTH, Unclear
from darkfield.data.colour import turned
from darkfield.data.kinds import EXTRA, kind
from darkfield.data.raster import ORIENTATION, explained
from darkfield.data.reading import opened

WHOLE = ("1", "L", "P", "I", "I;16", "I;16B")  # modes of Pillow whose values are those of the file
LOSSY = ("jpeg", "webp", "jpeg2000", "avif", "heif")


def read_exact(path: Path) -> np.ndarray:
    """The stored values of a file of one sample per pixel, upright: integers or bool (H, W).

    A palette gives indices. Raises ValueError with the reason and the remedy for any other file:
    of several pictures, planes or samples, of a format or compression that changes values, of
    fractions, or one that declares white as zero, which not all programs respect.
    """
    with opened(path) as scenes:  # which also refuses what is no picture
        what = {CHANNEL: "channels", DEPTH: "planes"}
        for axis, n in scenes[0].sizes.items():
            if n > 1:
                raise Unclear(f"holds {n} {what.get(axis, 'pictures')}; save only the one you mean")
        if len(scenes) > 1:
            raise Unclear(f"holds {len(scenes)} pictures; save only the one you mean")
    if (name := kind(path)) == "tiff":
        return of_tiff(path)
    if name in LOSSY:
        raise Unclear(f"is a {name.upper()} picture, which changes values; save it as PNG")
    if name in EXTRA:
        raise Unclear(f"is {EXTRA[name][0]}, and no mask; save its classes as PNG")
    with explained(path), Image.open(path) as picture:
        if picture.mode not in WHOLE:
            raise Unclear(f"is a {picture.mode} picture; save it as grey or palette")
        turn = picture.getexif().get(ORIENTATION, 1)
        return turned(np.asarray(picture), turn)


def of_tiff(path: Path) -> np.ndarray:
    """read_exact of a TIFF of one page."""
    from tifffile import COMPRESSION, TiffFile

    from darkfield.data.tiff import MINISWHITE, refuse_large, turn_of
    from darkfield.data.tiff_series import own_series

    exact = {  # those that lose nothing
        *(COMPRESSION.NONE, COMPRESSION.LZW, COMPRESSION.ADOBE_DEFLATE, COMPRESSION.DEFLATE),
        *(COMPRESSION.PACKBITS, COMPRESSION.LZMA, COMPRESSION.ZSTD, COMPRESSION.CCITTRLE),
        *(COMPRESSION.CCITT_T4, COMPRESSION.CCITT_T6, COMPRESSION.PIXTIFF),
    }
    with explained(path), TiffFile(path) as file:
        page = own_series(file)[0].keyframe
        refuse_large(page)
        if page.compression not in exact:
            name = COMPRESSION(page.compression).name
            raise Unclear(f"is a {name} picture, which changes values; save it as PNG")
        if page.samplesperpixel > 1:
            raise Unclear(f"holds {page.samplesperpixel} samples per pixel; save it as grey")
        if page.photometric == MINISWHITE:
            raise Unclear(
                "declares white as zero, which not all programs respect; save it as PNG and check "
                "it"
            )
        pixels = page.asarray()
        if pixels.dtype.kind not in "uib":
            raise Unclear(f"holds {pixels.dtype} values; save whole numbers")
        return turned(pixels, turn_of(page))
