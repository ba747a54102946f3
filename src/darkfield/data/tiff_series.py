"""Which series of a TIFF, as tifffile divides it, are pictures, and not copies or views of them."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from darkfield.data.axes import Unclear

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPageSeries

SLIDES = ("is_svs", "is_ndpi", "is_scn", "is_bif", "is_philips", "is_qpi", "is_avs", "is_indica")
# Names of images beside a scan: "label image", "macro", "NAME [overview]".
BESIDE = re.compile(r"(?:^|[\W_])(?:thumbnail|label|macro|preview|overview)(?: image)?\W*$", re.I)


def own_series(file: "TiffFile") -> "list[TiffPageSeries]":
    """The series of a TIFF that are not reduced copies, previews or masks of others.

    Nor those in other files of a set, which OME-XML describes in each of its files. Raises Unclear
    if the TIFF holds no other.
    """
    series = [each for each in file.series if each.keyframe.parent is file]
    if not series:
        raise Unclear("describes pictures that are in other files; name those")
    if file.pages.first.is_scn:
        return scans(file.pages.first.description, series)
    if any(getattr(file.pages.first, slide) for slide in SLIDES):
        return series[:1]
    own = [
        each
        for each in series
        if not (each.keyframe.is_reduced or each.keyframe.is_mask) and not BESIDE.search(each.name)
    ] or series[:1]
    if len(own) > 1 and not file.is_ome and pyramid([each.keyframe.shape[:2] for each in own]):
        return own[:1]
    return own


def scans(text: str, series: "list[TiffPageSeries]") -> "list[TiffPageSeries]":
    """The series of a Leica SCN, by its XML, but macro images, which view the whole collection.

    Raises Unclear if the XML does not tell which those are.
    """
    sides = ("sizeX", "sizeY")
    macro = [
        all(view.get(side) == collection.get(side) for side in sides)
        for collection in ElementTree.fromstring(text).iterfind("{*}collection")
        for view in collection.iterfind("{*}image/{*}view")
    ]
    if len(macro) != len(series):
        raise Unclear("holds scans that cannot be told from its macro image; export it as OME-TIFF")
    return [each for each, beside in zip(series, macro, strict=True) if not beside] or series


def pyramid(sizes: Sequence[tuple[int, ...]]) -> bool:
    """Whether each (height, width) is a half, a quarter, ... of the one before, rounded."""

    def reduced(large: tuple[int, ...], small: tuple[int, ...]) -> bool:
        return any(
            all(abs(a / 2**k - b) < 1 for a, b in zip(large, small, strict=True))
            for k in range(1, 6)
        )

    return all(map(reduced, sizes, sizes[1:]))
