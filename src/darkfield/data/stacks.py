"""Which frames of a file are separate pictures, not levels, planes or channels of one."""

import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

from PIL import Image

PHOTOMETRIC, BITS, SAMPLES, PLANAR, FORMAT, COLOUR_MAP = 262, 258, 277, 284, 339, 320
SUBFILE, OLD_SUBFILE, DESCRIPTION, SUBSAMPLING = 254, 255, 270, 530
YCBCR = 6  # a photometric interpretation
# TIFFs that may hold several pictures in one frame, or say what their frames are: Zeiss, MetaMorph.
LSM, STK = 34412, 33629
AXES = {
    "C": "channels of one picture; save them as one RGB picture, or the channel you mean",
    "Z": "planes at different depths; save the plane you mean, or a projection of them; time "
    "points: save each as a file",
}
PICTURE, SERIES = "YXS", "TIQRP"  # height, width, samples; time, sequences, scenes


class Unclear(ValueError):
    """A file can be decoded, but it is unclear which picture is meant."""


def tag(picture: Image.Image, number: int, default: Any = None) -> Any:
    """A tag of the open frame of a TIFF; the default for any other picture."""
    return getattr(picture, "tag_v2", {}).get(number, default)


def own_frames(path: Path, picture: Image.Image) -> list[int]:
    """The frames, from 0, of an opened file that are separate pictures; leaves it at any frame.

    Reduced copies of a picture (a TIFF's pyramid, thumbnails) and what cameras put behind a JPEG
    are left out. Raises Unclear if the frames are channels or planes of one picture, or if one
    frame holds several pictures.
    """
    if picture.format == "MPO":
        return [0]
    number = getattr(picture, "n_frames", 1)
    if picture.format != "TIFF":
        return list(range(number))
    told, sizes = described(picture), {}
    for frame in range(number) if number > 1 else ():
        picture.seek(frame)
        if not (tag(picture, SUBFILE, 0) & 1 or tag(picture, OLD_SUBFILE) == 2):
            sizes[frame] = picture.size
    frames = list(sizes) or [0]
    if len(frames) > 1 and pyramid(list(sizes.values())):
        frames = frames[:1]
    if len(frames) > 1 or told:
        complain_of_axes(path, len(frames))
    return frames


def described(picture: Image.Image) -> bool:
    """Whether a TIFF says what its frames are."""
    text = str(tag(picture, DESCRIPTION, ""))
    hints = ("ImageJ=", "<OME", '"shape"')
    return any(hint in text for hint in hints) or any(tag(picture, n) for n in (LSM, STK))


def pyramid(sizes: list[tuple[int, int]]) -> bool:
    """Whether each (width, height) is a half, a quarter, ... of the one before, rounded."""

    def reduced(large: tuple[int, int], small: tuple[int, int]) -> bool:
        return any(
            all(abs(a / 2**k - b) < 1 for a, b in zip(large, small, strict=True))
            for k in range(1, 6)
        )

    return all(map(reduced, sizes, sizes[1:]))


def complain_of_axes(path: Path, frames: int) -> None:
    """Raise Unclear if a TIFF's own description says that its frames are parts of one picture."""
    from tifffile import TiffFile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    try:
        with TiffFile(path) as file:
            series = [dict(zip(s.axes, s.shape, strict=True)) for s in file.series]
            elsewhere = file.is_ome  # a set of files, each with some of the planes
    except Exception:  # a description that tifffile cannot parse says nothing
        return
    for axes in series:
        for axis, length in axes.items():
            if axis not in PICTURE + SERIES and length > 1:
                what = AXES.get(axis, "planes of one picture; save only the one you mean")
                raise Unclear(f"holds {length} {what}")
    held = 1
    for axis, length in series[0].items() if series else ():
        held *= length if axis in SERIES else 1
    if frames == 1 and held > 1 and not elsewhere and len(series) == 1:
        raise Unclear(f"holds {held} pictures in one frame; save each as a file")


def check_header(picture: Image.Image) -> None:
    """Raise Unclear if Pillow would not decode the open frame as its header means it."""
    bits, samples = tag(picture, BITS, (1,)), tag(picture, SAMPLES, 1)
    bands = len(picture.getbands())
    if samples > bands:
        raise Unclear(f"holds {samples} samples per pixel, not {bands}; save it as grey or RGB")
    if samples > 1 and max(bits) > 8 and tag(picture, PLANAR) == 2:
        raise Unclear("holds its channels one after the other in 16 bits; save it as 8-bit RGB")
    subsampled = tag(picture, PHOTOMETRIC) == YCBCR and tag(picture, SUBSAMPLING, (2, 2)) != (1, 1)
    if subsampled and picture.info.get("compression") == "raw":
        raise Unclear("holds its colours at a coarser scale; save it as RGB")
    if tag(picture, FORMAT) == (2,) and bits == (8,):
        raise Unclear("holds signed values; save it with 8 or 16 bits, unsigned")
    if 0 < max(tag(picture, COLOUR_MAP, (0,))) < 256:  # the values are of 16 bits
        raise Unclear("has a palette that comes out black; save it as RGB")


def unreadable(path: Path) -> str:
    """The message for a file that Pillow cannot read."""
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        return "is empty (0 bytes); replace it, or remove it"
    if start not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "cannot be read (not a PNG, TIFF, JPEG, BMP, GIF or WebP); replace it, or remove it"
    from tifffile import COMPRESSION, TiffFile

    kind = "damaged"
    with suppress(Exception), TiffFile(path) as file:
        page = file.pages.first
        compression = COMPRESSION(page.compression).name
        kind = f"{page.samplesperpixel} x {page.dtype}, compression {compression}"
    return f"cannot be read (a TIFF of {kind}); save it again as an 8-bit PNG or TIFF"
