"""ImageJ's .roi files and RoiSet.zip: the outlines of one picture."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from darkfield.data.annotations.drawing import Patch, Region
from darkfield.data.annotations.outlines import RIGHT_EDGE, Points, centres, ellipse, rectangle
from darkfield.data.annotations.problems import Problems, no_area, of_each

if TYPE_CHECKING:
    from roifile import ImagejRoi

POSITION = re.compile(r"\d+(-\d+)*")  # what ImageJ calls outlines that nobody has named


def read(path: Path) -> list[Region]:
    """The regions in a .roi file or a .zip of these; each is labelled by its name.

    ImageJ has no classes, but people name outlines after them: "erythrocyte", "erythrocyte 12",
    "erythrocyte-1", of which the number is left out unless it belongs to a class's name. A name
    that ImageJ itself made of the position ("0012-0345") is no label. Raises Problems with every
    outline that has no area, and if they lie on several planes of a stack.
    """
    from roifile import ImagejRoi

    try:
        found = ImagejRoi.fromfile(path)
        rois: list[ImagejRoi] = found if isinstance(found, list) else [found]
    except Exception as error:  # roifile raises nearly anything for broken files
        raise ValueError("cannot be read as ImageJ's outlines; save it again") from error
    planes = {(roi.position, roi.c_position, roi.z_position, roi.t_position) for roi in rois}
    if len(planes) > 1:
        raise Problems(
            [f"has outlines on {len(planes)} planes of a stack; save those of one picture"]
        )
    return of_each(rois, region_of, "outline")


def region_of(roi: "ImagejRoi") -> Region:
    try:
        name = roi.name or ""
        return Region(label_of(name), patch_of_roi(roi), before=readings(name))
    except (IndexError, NotImplementedError, RuntimeError) as error:  # of roifile
        raise ValueError(
            f"{roi.name!r} has curves or is damaged; save it as a polygon, or make a mask of it"
        ) from error


def readings(name: str) -> tuple[str, ...]:
    """What comes before `label_of`: "grade2 7", as we write it, is of grade2, and so is "grade2".

    Only where no class is called grade2 is the latter the second of a class "grade".
    """
    return () if POSITION.fullmatch(name) else (re.sub(r" \d+$", "", name), name)


def label_of(name: str) -> str:
    if POSITION.fullmatch(name):
        return ""
    return re.sub(r"[ _#-]*\d+$", "", name)


def patch_of_roi(roi: "ImagejRoi") -> Patch:
    """The pixels that ImageJ selects; raises ValueError for lines, points and text."""
    from roifile import ROI_TYPE

    if roi.composite:
        return centres([ring.tolist() for ring in roi.coordinates(multi=True)], RIGHT_EDGE)
    left, top, right, bottom = sides(roi)
    if roi.roitype == ROI_TYPE.RECT and not roi.rounded_rect_arc_size:
        outline: Points = rectangle(left, top, right - left, bottom - top)
    elif roi.roitype == ROI_TYPE.OVAL:
        width, height = right - left, bottom - top
        outline = ellipse(left + width / 2, top + height / 2, width / 2, height / 2)
    elif roi.roitype in (ROI_TYPE.POLYGON, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED):
        outline = np.asarray(roi.coordinates()).tolist()
    else:
        kind = "rounded rectangle" if roi.roitype == ROI_TYPE.RECT else roi.roitype.name.lower()
        raise no_area(roi.name or "", kind)
    return centres([outline], RIGHT_EDGE)


def sides(roi: "ImagejRoi") -> tuple[float, float, float, float]:
    """Left, top, right and bottom, with fractions of pixels where the file has them."""
    if roi.subpixelrect:
        return roi.xd, roi.yd, roi.xd + roi.widthd, roi.yd + roi.heightd
    return roi.left, roi.top, roi.right, roi.bottom
