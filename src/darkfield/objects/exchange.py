"""Objects as files of other programs: label images, QuPath's GeoJSON, ImageJ's RoiSet.zip.

Outlines run along the sides of pixels, with cut corners, in coordinates whose origin is the top
left corner of the picture, as QuPath and ImageJ count them.
"""

import json
import math
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import pandas as pd

from darkfield.data.listing import Made
from darkfield.files import atomic
from darkfield.objects.table import Found

MOST = np.iinfo(np.uint16).max  # objects of a 16-bit label image
MOST_PER_CENTIMETRE = np.iinfo(np.uint32).max  # pixels, in a TIFF's tags
MOVE, LINE, CLOSE = 0.0, 1.0, 4.0  # segments of a path in ImageJ's composite ROIs

Polygon = list[np.ndarray]  # rings, float (N, 2), of x and y: the outer one, then its holes


def write_objects(
    made: Made,
    also: Collection[str],
    objects: pd.DataFrame,
    found: dict[str, Found],
    colours: dict[str, str],
    um_per_pixel: float | None,
) -> None:
    """Write an image's objects, rows of `table.object_table`, to files that `also` names.

    `colours` are the "#rrggbb" of each class of the model. Raises ValueError as write_instances.
    """
    if "instances" in also:
        for name, of in found.items():
            write_instances(made.instances(name), of.labels, um_per_pixel)
    if not {"geojson", "rois"}.isdisjoint(also):
        polygons = [each for of in found.values() for each in outlines(of.labels)]
        for kind, write in (("geojson", write_geojson), ("rois", write_rois)):
            if kind in also:
                write(made.path(kind), objects, polygons, colours)


def size_tags(name: str, axes: str, um_per_pixel: float | None) -> dict[str, Any]:
    """Arguments of tifffile for an OME-TIFF of these axes whose pixels have this size, if known.

    The UUID that OME wants is made from the file's `name`, since a random one would give each run
    other bytes. The size is written twice, in OME's metadata and in TIFF's own tags, in pixels per
    centimetre, as far as these can hold it: some programs read one, some the other.
    """
    metadata: dict[str, Any] = {"axes": axes, "UUID": str(uuid5(NAMESPACE_URL, name))}
    options: dict[str, Any] = {"ome": True, "photometric": "minisblack", "metadata": metadata}
    if um_per_pixel is not None:
        for side in "XY":
            metadata |= {
                f"PhysicalSize{side}": um_per_pixel,
                f"PhysicalSize{side}Unit": "µm",
            }
        if (resolution := 1e4 / um_per_pixel) <= MOST_PER_CENTIMETRE:
            options |= {"resolution": (resolution,) * 2, "resolutionunit": "CENTIMETER"}
    return options


def has_size(path: Path, um_per_pixel: float | None) -> bool:
    """Whether a TIFF says that its pixels have this size or, for None, says nothing of it.

    What is not a TIFF at all says nothing.
    """
    import tifffile

    said = None
    with suppress(tifffile.TiffFileError), tifffile.TiffFile(path) as file:
        said = re.search(r'PhysicalSizeX="([^"]*)"', file.ome_metadata or "")
    return (float(said[1]) if said else None) == um_per_pixel


def write_instances(path: Path, labels: np.ndarray, um_per_pixel: float | None) -> None:
    """Write the numbers of objects, int (H, W), 0 where there is none, as a 16-bit TIFF.

    Raises ValueError if there are more objects than 16 bits can number.
    """
    import tifffile

    if labels.max() > MOST:
        raise ValueError(
            f"has {labels.max():,} objects of one class, and a 16-bit label image numbers only "
            f"{MOST:,}; cut the picture into parts, or leave out --instances"
        )
    with atomic(path) as part:
        options = size_tags(path.name, "YX", um_per_pixel)
        tifffile.imwrite(part, labels.astype(np.uint16), compression="zlib", **options)


def outlines(labels: np.ndarray) -> Iterator[list[Polygon]]:
    """The polygons of each object of labels, int (H, W), in their order; one for each piece."""
    from contourpy import contour_generator
    from scipy.ndimage import find_objects

    for number, window in enumerate(find_objects(labels), 1):
        inside = np.pad(labels[window] == number, 1).astype(float)
        # The centre of the first pixel in the window, which is padded by one.
        corner = np.array([side.start - 0.5 for side in reversed(window)])
        found: Any = contour_generator(z=inside, fill_type="OuterOffset").filled(0.5, 2)
        yield [
            [corner + corners(ring) for ring in np.split(rings, end[1:-1])]
            for rings, end in zip(*found, strict=True)
        ]


def corners(ring: np.ndarray) -> np.ndarray:
    """A closed ring (N, 2) without the points at which it goes straight on."""
    steps = np.diff(ring, axis=0)
    turns = steps[:, 0] * np.roll(steps[:, 1], 1) != steps[:, 1] * np.roll(steps[:, 0], 1)
    kept = ring[:-1][turns]
    return np.concatenate([kept, kept[:1]])


def write_geojson(
    path: Path,
    objects: pd.DataFrame,
    polygons: Sequence[list[Polygon]],
    colours: dict[str, str],
    kind: Literal["detection", "annotation"] = "detection",
) -> None:
    """Write objects, rows of `table.object_table`, as QuPath's, with their measurements.

    `polygons` are the `outlines` of each row, `colours` the "#rrggbb" of each class. QuPath's user
    can change annotations, but not detections.
    """
    known = ("image", "class", "label", "um_from")
    classes = {n: {"name": n, "color": [*bytes.fromhex(c[1:])]} for n, c in colours.items()}
    rows = objects.to_dict("records")
    features = [
        {
            "type": "Feature",
            "geometry": {
                "type": "MultiPolygon",
                "coordinates": [[ring.tolist() for ring in polygon] for polygon in pieces],
            },
            "properties": {
                "objectType": kind,
                "name": f"{row['class']} {row['label']}",
                "classification": classes[row["class"]],
                "measurements": {
                    str(name): float(value)
                    for name, value in row.items()
                    if name not in known and not math.isnan(value)
                },
            },
        }
        for row, pieces in zip(rows, polygons, strict=True)
    ]
    text = json.dumps({"type": "FeatureCollection", "features": features}, allow_nan=False)
    with atomic(path) as part:
        part.write_text(text)


def write_rois(
    path: Path, objects: pd.DataFrame, polygons: Sequence[list[Polygon]], colours: dict[str, str]
) -> None:
    """Write objects as a RoiSet.zip for ImageJ's ROI Manager; the arguments are as above."""
    from roifile import ROI_TYPE, ImagejRoi, roiwrite

    rois = []
    for (name, label), pieces in zip(
        objects[["class", "label"]].itertuples(index=False), polygons, strict=True
    ):
        rings = [ring for polygon in pieces for ring in polygon]
        roi = ImagejRoi(roitype=ROI_TYPE.RECT, name=f"{name} {label}")
        roi.multi_coordinates = np.concatenate([path_of(ring) for ring in rings])
        roi.shape_roi_size = len(roi.multi_coordinates)
        every = np.concatenate(rings)
        roi.left, roi.top = map(int, np.floor(every.min(axis=0)))
        roi.right, roi.bottom = map(int, np.ceil(every.max(axis=0)))
        roi.stroke_color = b"\xff" + bytes.fromhex(colours[name][1:])
        rois.append(roi)
    with atomic(path) as part:
        roiwrite(part, rois, mode="w")


def path_of(ring: np.ndarray) -> np.ndarray:
    """A closed ring (N, 2) as ImageJ's composite ROIs store it: float32, segment by segment."""
    segments = [[MOVE, *ring[0]], *([LINE, *point] for point in ring[1:-1]), [CLOSE]]
    return np.concatenate(segments).astype(np.float32)
