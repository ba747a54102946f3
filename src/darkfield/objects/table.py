"""Count and measure the erythrocytes and spirochaetes of a mask; docs/objects.md says how well.

`object_table` has one row per object, `count_table` summarises an image. Objects are those of the
classes named erythrocyte and spirochaete, if a model has them; of others there is only coverage.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from darkfield.classes import COUNTED, class_names
from darkfield.objects.blobs import depth, fill_slots, label_erythrocytes
from darkfield.objects.filaments import label_spirochaetes

OF_CLASS = {  # columns that only some models have, and the classes that they require
    "diameter_px": {"erythrocyte"},
    "eccentricity": {"erythrocyte"},
    "length_px": {"spirochaete"},
    "width_px": {"spirochaete"},
    "distance_px": {"erythrocyte", "spirochaete"},
}
COLUMNS = {
    "class": object,
    "label": int,
    "x": float,
    "y": float,
    "area_px": int,
    "diameter_px": float,
    "eccentricity": float,
    "length_px": float,
    "width_px": float,
    "distance_px": float,
    "touches_border": bool,
    "counted": bool,
}


class Found(NamedTuple):
    """The objects of a mask: labels, int32 (H, W), 0 where there is none, from 1; and, of the
    spirochaetes, lengths in pixels, float (N,)."""

    erythrocytes: np.ndarray
    spirochaetes: np.ndarray
    lengths: np.ndarray


def find(mask: np.ndarray, classes: dict[str, int]) -> Found:
    """The objects in a mask of class indices (H, W); none of a class that `classes` lacks."""
    erythrocyte, spirochaete = (mask == classes.get(n, -1) for n in COUNTED)
    cells = label_erythrocytes(erythrocyte, spirochaete)
    return Found(cells, *label_spirochaetes(spirochaete))


def numbered(mask: np.ndarray, classes: dict[str, int], numbers: np.ndarray) -> Found:
    """The objects in a mask of class indices (H, W), as somebody has numbered them.

    `numbers`, int (H, W), has an object's number at each of its pixels, and 0 elsewhere. As in
    `find`, the part of a cell that a spirochaete covers belongs to the cell; an object that is in
    pieces is one, as long as all of them.
    """
    from scipy.ndimage import distance_transform_edt

    erythrocyte, spirochaete = (mask == classes.get(n, -1) for n in COUNTED)
    cells, filaments = (from_one(numbers * own) for own in (erythrocyte, spirochaete))
    if (slots := fill_slots(cells > 0, spirochaete) & (cells == 0)).any():
        nearest = distance_transform_edt(cells == 0, return_indices=True)[1]
        cells[slots] = cells[tuple(nearest)][slots]
    return Found(cells, filaments, np.array([*map(length, objects_of(filaments))], float))


def from_one(numbers: np.ndarray) -> np.ndarray:
    """The same objects, int (H, W), numbered from 1 without gaps: int32 (H, W)."""
    found, place = np.unique(numbers, return_inverse=True)
    labels: np.ndarray = (place.reshape(numbers.shape) + (found[0] > 0)).astype(np.int32)
    return labels


def objects_of(labels: np.ndarray) -> Iterator[np.ndarray]:
    """The mask of each object of labels (H, W), in its own window: bool (h, w)."""
    from scipy.ndimage import find_objects

    for number, window in enumerate(find_objects(labels), 1):
        yield labels[window] == number


def length(filament: np.ndarray) -> float:
    """The length of one filament, bool (h, w), in pixels; of a mere dot, its width."""
    found = label_spirochaetes(filament)[1].sum()
    return float(found or 2 * depth(np.pad(filament, 1)).max() - 1)


def object_table(
    mask: np.ndarray,
    classes: dict[str, int],
    um_per_pixel: float | None = None,
    *,
    two_borders: bool = False,
    found: Found | None = None,
) -> pd.DataFrame:
    """One row per object in a mask of class indices (H, W): erythrocytes, then spirochaetes.

    `found` is what `find` returns for the mask, if it is at hand.

    class, label: the class's name, and the object's number in it, from 1.
    x, y: the centroid, in pixels from the centre of the top left one.
    area_px: number of pixels; for an erythrocyte, including those that a spirochaete covers.
    diameter_px: of an erythrocyte, that of the disc of equal area.
    eccentricity: of an erythrocyte, 0 (a disc) to 1, that of the ellipse of equal second moments.
    length_px: of a spirochaete, along its centre line from tip to tip.
    width_px: of a spirochaete, area / length.
    distance_px: of a spirochaete, pixels to the nearest erythrocyte: 0 if they touch, NaN if
        there is none.
    touches_border: whether it reaches the border of the image, which may cut it.
    counted: whether it counts: all do or, with `two_borders`, those that do not reach the right or
        the lower border, as in a haemocytometer. Fields side by side then count each object once.

    Columns of a class that `classes` does not have are left out; values that do not apply to an
    object are NaN. With `um_per_pixel` (micrometres, above 0) the columns area_um2, diameter_um,
    length_um, width_um and distance_um follow.
    """
    cells, filaments, lengths = found or find(mask, classes)
    of_cells = measure(cells, diameter_px="equivalent_diameter_area", eccentricity="eccentricity")
    of_filaments = measure(filaments).assign(length_px=lengths, distance_px=gaps(filaments, cells))
    of_filaments["width_px"] = of_filaments["area_px"] / lengths
    columns = {name: kind for name, kind in COLUMNS.items() if applies(name, classes)}
    parts = dict(zip(COUNTED, (of_cells, of_filaments), strict=True))
    rows = [part.assign(**{"class": n}).reindex(columns=[*columns]) for n, part in parts.items()]
    table = pd.concat([part.astype(columns) for part in rows], ignore_index=True)
    table["counted"] |= not two_borders
    if um_per_pixel is not None:
        table["area_um2"] = table["area_px"] * um_per_pixel**2
        for name in ("diameter", "length", "width", "distance"):
            if f"{name}_px" in columns:
                table[f"{name}_um"] = table[f"{name}_px"] * um_per_pixel
    return table


def applies(column: str, classes: dict[str, int]) -> bool:
    """Whether `classes` include those that a column of COLUMNS is about."""
    return OF_CLASS.get(column, set()) <= classes.keys()


def measure(labels: np.ndarray, **properties: str) -> pd.DataFrame:
    """One row per object of `labels`, int (H, W), with `properties` of regionprops.

    `counted` is False for those that reach the right or the lower border.
    """
    from skimage.measure import regionprops_table

    names = {"label": "label", "x": "centroid-1", "y": "centroid-0", "area_px": "area"} | properties
    found = regionprops_table(
        labels, properties=("label", "centroid", "area", *properties.values())
    )
    table = pd.DataFrame({name: found[property] for name, property in names.items()})
    beyond = table["label"].isin(np.concatenate([labels[-1], labels[:, -1]]))
    before = table["label"].isin(np.concatenate([labels[0], labels[:, 0]]))
    return table.assign(touches_border=beyond | before, counted=~beyond)


def gaps(filaments: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Pixels between each filament and the nearest cell, of labels (H, W): float (N,)."""
    nearest = np.full(filaments.max() + 1, np.inf if cells.any() else np.nan)
    inside = filaments > 0
    np.minimum.at(nearest, filaments[inside], depth(cells == 0)[inside])
    return np.where(nearest < 1.5, 0, nearest - 1)[1:]  # a shared side or corner


def count_table(objects: pd.DataFrame, mask: np.ndarray, classes: dict[str, int]) -> pd.DataFrame:
    """One row for an image: what `object_table` found in its mask (H, W), and its coverage.

    erythrocytes, spirochaetes: how many of them are counted.
    mean_diameter_px, mean_length_px: of those not at the border; NaN if there are none.
    total_length_px: of all spirochaetes, as far as they are in the image.
    coverage_CLASS: share of the pixels, 0 to 1, of each class.

    Also in micrometres (..._um) if `objects` are. Classes that a model lacks have no columns.
    """
    counted = objects.loc[objects["counted"], "class"].value_counts()
    row: dict[str, float] = {
        f"{name}s": counted.get(name, 0) for name in COUNTED if name in classes
    }
    whole = objects[~objects["touches_border"]]
    for unit in ("px", "um"):
        if (diameter := f"diameter_{unit}") in objects:
            row[f"mean_{diameter}"] = whole[diameter].mean()
        if (length := f"length_{unit}") in objects:
            row[f"mean_{length}"] = whole[length].mean()
            row[f"total_{length}"] = objects[length].sum()
    row |= {f"coverage_{name}": (mask == classes[name]).mean() for name in class_names(classes)}
    return pd.DataFrame([row])
