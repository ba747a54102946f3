"""TIFF of every sort (OME, ImageJ, LSM, STK, BigTIFF, pyramids), by tifffile and imagecodecs."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps

from darkfield.data.axes import CHANNEL, DEPTH, Channel, Scene, Unclear
from darkfield.data.colour import turned
from darkfield.data.kinds import REMEDY
from darkfield.data.raster import MOST_PIXELS, TOO_LARGE, explained, pixels_of, refuse_transparent
from darkfield.data.tiff_says import said
from darkfield.data.tiff_series import SLIDES, own_series

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffFrame, TiffPage, TiffPageSeries

    Page = TiffPage | TiffFrame

PIXELS, PAGES = "YXS", "QI"
AXES = {"C": CHANNEL, "Z": DEPTH, "T": "t", "R": "s", "P": "s", "M": "s", "Q": "page", "I": "page"}
ORIENTATION, ICC, MASK = 274, 34675, 4
MINISWHITE, MINISBLACK, RGB, PALETTE, CMYK, YCBCR, LAB, CFA = 0, 1, 2, 3, 5, 6, 8, 32803
OLD_JPEG, JPEG, SUBSAMPLING = 6, 7, 530
ALPHA = (1, 2)  # associated, or not: values of ExtraSamples
CAMERA_RAW = "is a camera's raw file; develop it and save it as TIFF"


@contextmanager
def opened(path: Path) -> Iterator[list[Scene]]:
    """The scenes of a TIFF; raises ValueError with the reason and the remedy if it is unreadable.

    Pages whose meaning the file does not tell are pictures on an axis "page". Reduced copies of a
    picture (levels of a pyramid, thumbnails) are left out.
    """
    from tifffile import TiffFile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    with explained(path):
        file = TiffFile(path)
    with file:
        with explained(path):
            scenes = scenes_of(file, path)
        yield scenes


def scenes_of(file: "TiffFile", path: Path) -> list[Scene]:
    """The scenes of an open TIFF."""
    first = file.pages.first
    subfiles = [*(first.pages or [])] if first.subifds else []
    if first.is_dng or any(page.photometric == CFA for page in (first, *subfiles)):
        raise Unclear(CAMERA_RAW)
    if not any(getattr(first, slide) for slide in SLIDES):
        refuse_cut(file)
    series = own_series(file)
    if any(each.is_multifile for each in series):
        raise Unclear("is one of several OME-TIFFs that hold one data set; save it as one file")
    plain = all(set(each.axes) <= set(PIXELS + PAGES) for each in series) and not file.is_ome
    if plain and all(map(one_plane_a_page, series)):
        pages = sorted((p for each in series for p in each.pages if p), key=lambda page: page.index)
        found = scene(file, path, series[0], {"page": len(pages)}, pages)
        if len({(p.keyframe.dtype, p.keyframe.bitspersample) for p in pages if p.keyframe}) > 1:
            found = found._replace(channels=[Channel()], limits_from="")  # those of the first page
        return [found]
    return [
        scene(file, path, each, sizes_of(each), each.pages if one_plane_a_page(each) else None)
        for each in series
    ]


def lead(series: "TiffPageSeries") -> dict[str, int]:
    """The lengths of a series' axes other than height, width and samples, as tifffile names them.

    Channels that are samples of a page (LSM) are none of them. Raises Unclear if two axes have one
    name.
    """
    axes = [(a, n) for a, n in zip(series.axes, series.shape, strict=True) if a not in PIXELS]
    if "S" in series.keyframe.axes and "S" not in series.axes:
        axes = [(a, n) for a, n in axes if AXES.get(a) != CHANNEL]
    if len(dict(axes)) == len(axes):
        return dict(axes)
    if set(dict(axes)) <= set(PAGES):
        return {"Q": prod(n for _, n in axes)}
    raise Unclear(f"holds planes on two axes of one name ({series.axes}); save each as a file")


def one_plane_a_page(series: "TiffPageSeries") -> bool:
    """Whether each page of a series is one plane, not a stack of them."""
    planes = prod(lead(series).values())
    return set(series.keyframe.axes) <= set(PIXELS) and planes == len(series)


def sizes_of(series: "TiffPageSeries") -> dict[str, int]:
    """The sizes of a scene; raises Unclear for an axis of several planes that has no meaning."""
    sizes: dict[str, int] = {}
    for axis, length in lead(series).items():
        key = AXES.get(axis, axis)
        if length > 1 and (axis not in AXES or sizes.get(key, 1) > 1):
            raise Unclear(f"holds {length} planes on an axis {axis!r}; save the one you mean")
        sizes[key] = max(length, sizes.get(key, 1))
    return sizes


def scene(
    file: "TiffFile",
    path: Path,
    series: "TiffPageSeries",
    sizes: dict[str, int],
    pages: "Sequence[Page | None] | None",
) -> Scene:
    """A scene of a series; `pages`, if given, has one for each place on the axes of `sizes`."""
    key = series.keyframe
    order, lengths = [*sizes], [*sizes.values()]
    samples = samples_of(key, file)
    if samples > 1:
        if sizes.get(CHANNEL, 1) > 1:
            raise Unclear(f"holds {samples} samples per pixel in each channel; save it as RGB")
        sizes = sizes | {CHANNEL: samples}

    def plane(at: Mapping[str, int]) -> np.ndarray:
        with explained(path):
            if pages is None:
                refuse_large(key)
                page, axes = key, "".join(a for a in series.axes if a in PIXELS)
                place = (slice(None) if a in PIXELS else at[AXES.get(a, a)] for a in series.axes)
                pixels = series.asarray(out="memmap")[tuple(place)]
            else:
                index = np.ravel_multi_index([at[axis] for axis in order], lengths) if order else 0
                if (found := pages[int(index)]) is None:
                    raise Unclear("lacks planes that its description names; save it again")
                page = found.keyframe or key
                axes = page.axes
                refuse_large(page)
                refuse_incomplete(found, file)
                if by_pillow(page):
                    return pillow_page(path, found.index)
                pixels = found.asarray()
            if pixels.ndim != len(axes) or not pixels.size:
                raise Unclear(f"cannot be read (it holds no picture); {REMEDY}")
            if "S" in axes:
                pixels = np.moveaxis(pixels, axes.index("S"), -1)
            as_shown = shown(page, pixels, samples)
            return turned(as_shown[..., at[CHANNEL]] if samples > 1 else as_shown, turn_of(page))

    told, number = said(file, key), sizes.get(CHANNEL, 1)
    channels = told.channels if len(told.channels) == number else [told.channels[0]] * number
    return Scene(
        sizes,
        plane,
        channels,
        told.limits_from,
        told.um_per_pixel,
        told.um_from,
        turn_of(key),
        None if by_pillow(key) else tag(key, ICC),
    )


def tag(page: "TiffPage", number: int, default: Any = None) -> Any:
    return page.tags[number].value if number in page.tags else default


def turn_of(page: "TiffPage") -> int:
    turn = int(tag(page, ORIENTATION, 1))
    return turn if 1 <= turn <= 8 else 1


def samples_of(page: "TiffPage", file: "TiffFile") -> int:
    """The samples of a pixel that are channels, not colours or alpha; 1 if there are none."""
    samples: int = page.samplesperpixel
    if page.photometric not in (MINISBLACK, MINISWHITE) and not file.is_lsm:
        return 1
    return samples - sum(extra in ALPHA for extra in page.extrasamples) if samples > 1 else 1


def refuse_cut(file: "TiffFile") -> None:
    """Raise Unclear if the chain of a file's pages leads beyond its end."""
    len(file.pages)  # follows the chain
    if at := file.pages.next_page_offset:
        file.filehandle.seek(at)
        data = file.filehandle.read(file.tiff.offsetsize)
        if len(data) < file.tiff.offsetsize or any(data):
            raise Unclear(f"cannot be read (pages at its end are missing); {REMEDY}")


def refuse_incomplete(page: "Page", file: "TiffFile") -> None:
    """Raise Unclear if a page's data lie beyond the file's end; some decoders would not tell."""
    ends = map(sum, zip(page.dataoffsets, page.databytecounts, strict=False))
    if max(ends, default=0) > file.filehandle.size:
        raise Unclear(f"cannot be read (its end is missing); {REMEDY}")


def refuse_large(page: "TiffPage") -> None:
    if page.imagewidth * page.imagelength > MOST_PIXELS or page.size > 8 * MOST_PIXELS:
        raise Unclear(TOO_LARGE)


def by_pillow(page: "TiffPage") -> bool:
    """Whether a page has colours that tifffile leaves as they are, or is JPEG of the old kind."""
    raw_ycbcr = page.photometric == YCBCR and page.compression != JPEG
    return raw_ycbcr or page.photometric in (CMYK, LAB) or page.compression == OLD_JPEG


def pillow_page(path: Path, index: int) -> np.ndarray:
    """A page decoded by Pillow, upright: uint8 (H, W) or RGB (H, W, 3)."""
    # By its name Pillow would map an uncompressed file, and garble it if it is to be turned.
    with path.open("rb") as file, Image.open(file, formats=("TIFF",)) as picture:
        picture.seek(index)
        tags = getattr(picture, "tag_v2", {})
        subsampled = tuple(tags.get(SUBSAMPLING, (2, 2))) != (1, 1)
        if tags.get(262) == YCBCR and subsampled and picture.info.get("compression") == "raw":
            raise Unclear("holds its colours at a coarser scale; save it as RGB")
        if tags.get(277, 1) > len(picture.getbands()):
            raise Unclear(f"holds {tags[277]} samples per pixel; save it as grey or RGB")
        picture.load()
        return pixels_of(ImageOps.exif_transpose(picture))


def shown(page: "TiffPage", pixels: np.ndarray, channels: int) -> np.ndarray:
    """A page's stored values, (H, W) or (H, W, S), as it shows them: bright is high, no palette.

    `channels` is `samples_of` the page. Raises Unclear if alpha hides anything, and for samples
    whose meaning the file does not tell.
    """
    if pixels.dtype.kind not in "uifb":
        raise Unclear(f"holds {pixels.dtype} values; save it as grey or RGB")
    if pixels.dtype.kind == "b":
        pixels = pixels * np.uint8(255)
    if page.photometric == PALETTE:
        return coloured(page, pixels)
    if pixels.ndim > 2:
        for at, extra in enumerate(page.extrasamples, pixels.shape[2] - len(page.extrasamples)):
            if extra in ALPHA:
                refuse_transparent(pixels[..., at])
        colours = 3 if page.photometric in (RGB, YCBCR) and channels == 1 else channels
        left = pixels.shape[2] - sum(extra in ALPHA for extra in page.extrasamples)
        if left != colours:
            raise Unclear(f"holds {pixels.shape[2]} samples per pixel; save it as grey or RGB")
        pixels = pixels[..., :colours] if colours > 1 else pixels[..., 0]
    if page.photometric == MINISWHITE:
        return inverted(pixels, page.bitspersample)
    if page.photometric in (MINISBLACK, RGB, YCBCR):
        return pixels
    from tifffile import PHOTOMETRIC

    raise Unclear(f"is a {PHOTOMETRIC(page.photometric).name} picture; save it as RGB")


def inverted(pixels: np.ndarray, bits: int) -> np.ndarray:
    """Values whose lowest is white, so that it is the highest; `bits` are those that are used."""
    if pixels.dtype.kind == "f":
        result: np.ndarray = -pixels
    elif pixels.dtype.kind == "u" and 1 < bits < 8 * pixels.itemsize:
        result = 2**bits - 1 - pixels
    else:
        result = ~pixels
    return result


def coloured(page: "TiffPage", pixels: np.ndarray) -> np.ndarray:
    """Indices (H, W) as the colours of the page's palette: uint8 (H, W, 3)."""
    palette = np.asarray(page.colormap).T
    if palette.max() > 255:  # 16 bits, as they should have
        palette = palette >> 8
    colours: np.ndarray = palette.astype(np.uint8)[pixels.astype(np.intp)]
    return colours
