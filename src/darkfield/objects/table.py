"""Count and measure the objects of a mask; docs/objects.md says how well.

`object_table` has one row per object, `count_table` summarises an image. Which classes have
objects, and of which kind, a model says (`objects.kinds`); of the others there is only coverage.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from darkfield.classes import class_names
from darkfield.files import stacked
from darkfield.objects.blobs import depth, fill_slots, label_blobs
from darkfield.objects.filaments import label_filaments
from darkfield.objects.kinds import label_components
from darkfield.values import Kind

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
    """The objects of a class in a mask."""

    labels: np.ndarray  # int32 (H, W), 0 where there is none, from 1
    lengths: np.ndarray | None = None  # of filaments, in pixels, float (N,)


def find(mask: np.ndarray, classes: dict[str, int], kinds: dict[str, Kind]) -> dict[str, Found]:
    """The objects of each class of `kinds` in a mask of class indices (H, W), in their order."""
    filaments = pixels_of(mask, classes, kinds, "filament")
    return {name: of_class(mask == classes[name], kind, filaments) for name, kind in kinds.items()}


def of_class(whole: np.ndarray, kind: Kind, filaments: np.ndarray) -> Found:
    """The objects of a class whose pixels are `whole`; `filaments` may cover some: bool (H, W)."""
    if kind == "filament":
        return Found(*label_filaments(whole))
    if not whole.any():
        return Found(np.broadcast_to(np.int32(0), whole.shape))  # takes no memory
    return Found(label_blobs(whole, filaments) if kind == "blob" else label_components(whole))


def numbered(
    mask: np.ndarray, classes: dict[str, int], kinds: dict[str, Kind], numbers: np.ndarray
) -> dict[str, Found]:
    """The objects in a mask of class indices (H, W), as somebody has numbered them.

    `numbers`, int (H, W), has an object's number at each of its pixels, and 0 elsewhere. As in
    `find`, the part of a blob that a filament covers belongs to the blob; an object that is in
    pieces is one, as long as all of them.
    """
    filaments = pixels_of(mask, classes, kinds, "filament")
    found = {}
    for name, kind in kinds.items():
        labels = from_one(numbers * (mask == classes[name]))
        if kind == "blob":
            extend(labels, filaments)
        lengths = [*map(length, objects_of(labels))] if kind == "filament" else None
        found[name] = Found(labels, None if lengths is None else np.array(lengths, float))
    return found


def extend(blobs: np.ndarray, filaments: np.ndarray) -> None:
    """Give blobs, int (H, W), in place, the parts that filaments, bool (H, W), cover."""
    from scipy.ndimage import distance_transform_edt

    if (slots := fill_slots(blobs > 0, filaments) & (blobs == 0)).any():
        nearest = distance_transform_edt(blobs == 0, return_indices=True)[1]
        blobs[slots] = blobs[tuple(nearest)][slots]


def pixels_of(
    mask: np.ndarray, classes: dict[str, int], kinds: dict[str, Kind], kind: Kind
) -> np.ndarray:
    """Which pixels of a mask are of a class with objects of this kind: bool (H, W)."""
    return np.isin(mask, [classes[name] for name, of in kinds.items() if of == kind])


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
    found = label_filaments(filament)[1].sum()
    return float(found or 2 * depth(np.pad(filament, 1)).max() - 1)


def object_table(
    mask: np.ndarray,
    classes: dict[str, int],
    kinds: dict[str, Kind],
    um_per_pixel: float | None = None,
    *,
    two_borders: bool = False,
    found: dict[str, Found] | None = None,
) -> pd.DataFrame:
    """One row per object in a mask of class indices (H, W), class by class in the order of `kinds`.

    `found` is what `find` returns for the mask, if it is at hand.

    class, label: the class's name, and the object's number in it, from 1.
    x, y: the centroid, in pixels from the centre of the top left one.
    area_px: number of pixels; for a blob, including those that a filament covers.
    diameter_px: of a blob or a component, that of the disc of equal area.
    eccentricity: of these, 0 (a disc) to 1, that of the ellipse of equal second moments.
    length_px: of a filament, along its centre line from tip to tip.
    width_px: of a filament, area / length.
    distance_px: of a filament, pixels to the nearest blob: 0 if they touch, NaN if there is none.
    touches_border: whether it reaches the border of the image, which may cut it.
    counted: whether it counts: all do or, with `two_borders`, those that do not reach the right or
        the lower border, as in a haemocytometer. Fields side by side then count each object once.

    Columns of a kind that `kinds` do not have are left out; values that do not apply to an object
    are NaN. With `um_per_pixel` (micrometres, above 0) the columns area_um2, diameter_um,
    length_um, width_um and distance_um follow.
    """
    found = find(mask, classes, kinds) if found is None else found
    columns = {name: kind for name, kind in COLUMNS.items() if applies(name, {*kinds.values()})}
    blobs = np.zeros(mask.shape, bool)
    for name in (name for name, kind in kinds.items() if kind == "blob"):
        blobs |= found[name].labels > 0
    parts = [pd.DataFrame({name: [] for name in columns})]
    for name, of in found.items():
        part = rows(of, blobs).assign(**{"class": name})
        parts.append(part.reindex(columns=[*columns]))
    table = stacked([part.astype(columns) for part in parts])
    table["counted"] |= not two_borders
    if um_per_pixel is not None:
        table["area_um2"] = table["area_px"] * um_per_pixel**2
        for name in ("diameter", "length", "width", "distance"):
            if f"{name}_px" in columns:
                table[f"{name}_um"] = table[f"{name}_px"] * um_per_pixel
    return table


def applies(column: str, kinds: set[Kind]) -> bool:
    """Whether a model with these kinds of objects has a column of COLUMNS."""
    if column in ("diameter_px", "eccentricity"):
        return bool(kinds - {"filament"})
    if column in ("length_px", "width_px"):
        return "filament" in kinds
    return column != "distance_px" or {"blob", "filament"} <= kinds


def rows(of: Found, blobs: np.ndarray) -> pd.DataFrame:
    """The measurements of a class's objects; `blobs`, bool (H, W), are those of all classes."""
    if of.lengths is None:
        round_ones = {"diameter_px": "equivalent_diameter_area", "eccentricity": "eccentricity"}
        return measure(of.labels, **round_ones)
    table = measure(of.labels).assign(length_px=of.lengths, distance_px=gaps(of.labels, blobs))
    table["width_px"] = table["area_px"] / of.lengths
    return table


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


def gaps(filaments: np.ndarray, blobs: np.ndarray) -> np.ndarray:
    """Pixels between each filament of labels (H, W) and the nearest blob, bool (H, W): (N,)."""
    nearest = np.full(filaments.max() + 1, np.inf if blobs.any() else np.nan)
    inside = filaments > 0
    np.minimum.at(nearest, filaments[inside], depth(~blobs)[inside])
    return np.where(nearest < 1.5, 0, nearest - 1)[1:]  # a shared side or corner


def count_table(
    objects: pd.DataFrame, mask: np.ndarray, classes: dict[str, int], kinds: dict[str, Kind]
) -> pd.DataFrame:
    """One row for an image: what `object_table` found in its mask (H, W), and its coverage.

    CLASSs, such as erythrocytes: how many of a class are counted.
    mean_diameter_px: of the blobs or components that are not at the border; NaN if there are none.
    mean_length_px: the same of filaments.
    total_length_px: of all filaments, as far as they are in the image.
    coverage_CLASS: share of the pixels, 0 to 1, of each class.

    Where several classes have diameters, each has its own column, mean_diameter_px_CLASS; the same
    of lengths. All are also in micrometres (..._um) if `objects` are. Kinds that a model lacks have
    no columns.
    """
    counted = objects.loc[objects["counted"], "class"].value_counts()
    row: dict[str, float] = {f"{name}s": counted.get(name, 0) for name in kinds}
    whole = objects[~objects["touches_border"]]
    filaments = [name for name, kind in kinds.items() if kind == "filament"]
    for unit in ("px", "um"):
        for size, names in (
            (f"diameter_{unit}", [name for name in kinds if name not in filaments]),
            (f"length_{unit}", filaments),
        ):
            for name in names if size in objects else ():
                end = f"_{name}" if len(names) > 1 else ""
                row[f"mean_{size}{end}"] = whole[size].where(whole["class"] == name).mean()
                if name in filaments:
                    row[f"total_{size}{end}"] = objects[size].where(objects["class"] == name).sum()
    row |= {f"coverage_{name}": (mask == classes[name]).mean() for name in class_names(classes)}
    return pd.DataFrame([row])
