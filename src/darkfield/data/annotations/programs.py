"""Which program wrote a file, told by its content, and the drawings in it."""

import json
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from darkfield.data.annotations import (
    coco,
    cvat,
    imagej,
    label_images,
    label_studio,
    labelme,
    qupath,
)
from darkfield.data.annotations.drawing import Drawing
from darkfield.data.label_arrays import HDF5, NUMPY

ROI = b"Iout"  # how a .roi file begins
JSON, XML, ZIP = (b"{", b"["), b"<", b"PK\x03\x04"
EMPTY_ZIP = b"PK\x05\x06"  # a picture's set of outlines without any
BOM = b"\xef\xbb\xbf"


def drawings_of(path: Path) -> list[Drawing] | None:
    """The drawings in a file of one of the programs; None for any other file, and for pictures.

    If the program does not tell the picture's name, as QuPath and ImageJ, it is the file's own
    without its last suffix. Raises ValueError for a file that is damaged, or holds what cannot be
    drawn; see problems.lines_of.
    """
    with path.open("rb") as file:
        start = file.read(64)
    text = start.removeprefix(BOM).lstrip()
    if text.startswith(JSON):
        return of_json(path)
    if text.startswith(XML):
        return of_xml(path)
    if start.startswith(ROI) or (start.startswith(ZIP) and holds_rois(path)):
        return [Drawing(path.stem, None, imagej.read(path), told=False)]
    if start.startswith(EMPTY_ZIP):
        return [Drawing(path.stem, None, [], told=False)]
    if start.startswith((NUMPY, HDF5)):
        return label_images.read_array(path)
    return None


def of_json(path: Path) -> list[Drawing] | None:
    try:
        content: Any = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not JSON ({error}); export it again") from error
    for is_its, read in (
        (labelme.is_labelme, labelme.read),
        (coco.is_coco, coco.read),
        (label_studio.is_label_studio, label_studio.read),
    ):
        if is_its(content):
            return read(content)
    if qupath.features(content) is not None:
        return [Drawing(path.stem, None, qupath.read(content), told=False)]
    return None


def of_xml(path: Path) -> list[Drawing] | None:
    try:
        root = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, LookupError) as error:  # the latter: an unknown encoding
        raise ValueError(f"is not XML ({error}); export it again") from error
    return cvat.read(root) if cvat.is_cvat(root) else None


def holds_rois(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as file:
            return any(name.endswith(".roi") for name in file.namelist())
    except Exception as error:  # zipfile raises nearly anything for broken files
        raise ValueError("is a damaged ZIP file; save it again") from error
