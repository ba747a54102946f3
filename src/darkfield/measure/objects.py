"""Predicted objects against drawn ones: what lies on what, and which one is which.

Objects of both masks are found alike, by `objects.table`, unless the drawn ones are numbered. They
are compared by their pixels, but filaments, a few pixels wide, by their centre lines, because
moving one by its half width halves its overlap and changes nothing that a person would count or
measure.
docs/measures.md defines everything.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd

from darkfield.classes import VOID
from darkfield.files import stacked
from darkfield.objects.confidence import EVIDENCE, evidence
from darkfield.objects.table import Found, find
from darkfield.values import Kind

REACH = 5  # pixels at native size: a centre line this near to another follows it (Wiedemann 1998)
TOLERANCES = (2, 5)  # pixels at native size, between outlines
KEY = ["image", "class"]
SIDES = ("predicted", "drawn")
ONE, OTHER = (f"{side}_object" for side in SIDES)  # columns of the numbers of a pair


class Compared(NamedTuple):
    """A predicted mask against the drawn one, as tables with a column `class`.

    objects: one row per object of either mask: drawn (bool), object (its number there, from 1),
        area_px, void_px (how many more of its pixels lie in void), line_px (pixels of its centre
        line) and length_px (as in `objects.table`), both 0 for other kinds than filaments.
    pairs: one row per predicted and drawn object of a class that share pixels, or whose centre
        lines are near each other: their numbers, ONE and OTHER; pixels (shared); predicted_near
        and drawn_near (pixels of each one's centre line within REACH of the other's).
    outlines: one row per class, of the masks whole: pixels of outlines and centre lines, and how
        many of them are near, or on, the other mask's. See `outline_row`.
    """

    objects: pd.DataFrame
    pairs: pd.DataFrame
    outlines: pd.DataFrame


def compare(
    predicted: np.ndarray,
    drawn: np.ndarray,
    classes: dict[str, int],
    kinds: dict[str, Kind],
    *,
    found: dict[str, Found] | None = None,
    drawn_found: dict[str, Found] | None = None,
) -> Compared:
    """Compare two masks of class indices, uint8 (H, W), in which `classes` are numbered alike.

    `kinds` are the classes to compare, at least one, and how their objects are told apart. `found`
    and `drawn_found` are what `objects.table.find` returns for the two masks, if that is at hand,
    or `objects.table.numbered` for the drawn one, if its objects are known. What is predicted where
    the drawn mask is VOID is part of its object, but is not compared: such pixels count in no
    column but void_px.
    """
    masks, void = (predicted, drawn), drawn == VOID
    both = found or find(predicted, classes, kinds), drawn_found or find(drawn, classes, kinds)
    tables: list[list[pd.DataFrame]] = [[], [], []]
    for name, kind in kinds.items():
        whole = [mask == classes[name] for mask in masks]
        labels, lengths = zip(*(objects[name] for objects in both), strict=True)
        lines = [centre_line(mask) if kind == "filament" else no_line(mask) for mask in whole]
        lines = [line & ~void for line in lines]
        parts = (
            object_rows(labels, lines, lengths, void),
            pair_rows(labels, lines),
            pd.DataFrame([outline_row(whole, lines, void)]),
        )
        for rows, part in zip(tables, parts, strict=True):
            rows.append(part.assign(**{"class": name}))
    return Compared(*map(stacked, tables))


def compare_seen(
    image: np.ndarray,
    seen: tuple[np.ndarray, np.ndarray],
    drawn: np.ndarray,
    classes: dict[str, int],
    kinds: dict[str, Kind],
    drawn_found: dict[str, Found] | None = None,
) -> Compared:
    """`compare` what a network saw in a picture, uint8 (H, W, 3), and `evidence` of its objects.

    `seen` are the indices and the certainty that `Predictor.labels_and_certainty` gives.
    """
    labels, certainty = seen
    objects = find(labels, classes, kinds)
    compared = compare(labels, drawn, classes, kinds, found=objects, drawn_found=drawn_found)
    of = evidence(objects, labels, classes, certainty, image)
    of = of.set_index(compared.objects.index[~compared.objects["drawn"]])
    return compared._replace(objects=compared.objects.join(of))


def nothing(classes: dict[str, int], kinds: dict[str, Kind]) -> Compared:
    """The tables of `compare_seen` without a row, and with a column `image`."""
    pixel = np.zeros((1, 1), np.uint8)
    tables = compare(pixel, pixel, classes, kinds)
    found = Compared(*(table[:0].assign(image="") for table in tables))
    return found._replace(objects=found.objects.assign(**dict.fromkeys(EVIDENCE, 0.0)))


def centre_line(mask: np.ndarray) -> np.ndarray:
    """The skeleton of a mask, bool (H, W); that of what touches the border ends there."""
    from skimage.morphology import skeletonize

    line: np.ndarray = skeletonize(np.pad(mask, 1))[1:-1, 1:-1]
    return line


def no_line(mask: np.ndarray) -> np.ndarray:
    return np.zeros(mask.shape, bool)


def outline(mask: np.ndarray) -> np.ndarray:
    """The pixels of a mask, bool (H, W), with a side on its outside; the picture's edge is none."""
    inner = cv2.erode(
        mask.astype(np.uint8),
        cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)),
        borderType=cv2.BORDER_CONSTANT,
        borderValue=1,
    )
    edge: np.ndarray = mask & (inner == 0)
    return edge


def within(of: np.ndarray, reach: float) -> np.ndarray:
    """Which pixels are at most `reach` from one of `of`, bool (H, W): bool (H, W)."""
    if not of.any():
        return np.zeros(of.shape, bool)
    away = cv2.distanceTransform((~of).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    near: np.ndarray = away <= reach + 1e-4  # float32
    return near


def outline_row(
    masks: list[np.ndarray], lines: list[np.ndarray], void: np.ndarray
) -> dict[str, int]:
    """Pixels of a class's outlines and centre lines in two masks (predicted, drawn), bool (H, W).

    For each of the two: outline; outline_T, those within T of TOLERANCES of the other's outline;
    line; line_near, those within REACH of the other's centre line; line_inside, those in the other
    mask (for clDice). The edge of `void`, bool (H, W), is no outline, nor is anything within it.
    """
    row: dict[str, int] = {}
    outlines = [outline(mask | void) & ~void for mask in masks]
    for side, name in enumerate(SIDES):
        other = 1 - side
        row[f"{name}_outline"] = int(outlines[side].sum())
        for tolerance in TOLERANCES:
            near = within(outlines[other], tolerance)
            row[f"{name}_outline_{tolerance}"] = int((outlines[side] & near).sum())
        row[f"{name}_line"] = int(lines[side].sum())
        row[f"{name}_line_near"] = int((lines[side] & within(lines[other], REACH)).sum())
        row[f"{name}_line_inside"] = int((lines[side] & masks[other]).sum())
    return row


def object_rows(
    labels: Sequence[np.ndarray],
    lines: Sequence[np.ndarray],
    lengths: Sequence[np.ndarray | None],
    void: np.ndarray,
) -> pd.DataFrame:
    """The rows of `Compared.objects`; labels are int32 (H, W), centre lines and void bool (H, W).

    `lengths` are those of the objects, (N,), None for other kinds than filaments.
    """
    parts = []
    for drawn, (numbers, line, length) in enumerate(zip(labels, lines, lengths, strict=True)):
        count = numbers.max() + 1
        sizes = {
            "area_px": np.bincount(numbers[~void], minlength=count)[1:],
            "void_px": np.bincount(numbers[void], minlength=count)[1:],
            "line_px": np.bincount(numbers[line], minlength=count)[1:],
            "length_px": np.zeros(count - 1) if length is None else length,
        }
        rows = pd.DataFrame({"drawn": bool(drawn), "object": np.arange(1, count), **sizes})
        parts.append(rows)
    return pd.concat(parts, ignore_index=True)


def pair_rows(labels: Sequence[np.ndarray], lines: Sequence[np.ndarray]) -> pd.DataFrame:
    """The rows of `Compared.pairs`, in the order of their numbers; arguments as of object_rows.

    A drawn object has no pixel in void, so what is shared has none.
    """
    predicted, drawn = labels
    both = (predicted > 0) & (drawn > 0)
    shared = counted(predicted[both], drawn[both], "pixels")
    one, other = near_each_other(*lines)
    a, b = predicted[lines[0]][one], drawn[lines[1]][other]
    real = (a > 0) & (b > 0)
    pairs = shared
    for pixel, name in ((one, "predicted_near"), (other, "drawn_near")):
        once = np.unique(np.stack([a, b, pixel])[:, real], axis=1)
        pairs = pairs.merge(counted(once[0], once[1], name), "outer", [ONE, OTHER])
    return pairs.fillna(0).astype(int).sort_values([ONE, OTHER], ignore_index=True)


def counted(predicted: np.ndarray, drawn: np.ndarray, name: str) -> pd.DataFrame:
    """How often each pair of two arrays (N,) of numbers occurs: ONE, OTHER and `name`."""
    pairs, times = np.unique(np.stack([predicted, drawn]), axis=1, return_counts=True)
    return pd.DataFrame({ONE: pairs[0], OTHER: pairs[1], name: times})


def near_each_other(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of pixels of two lines, bool (H, W), at most REACH apart, as np.argwhere's rows."""
    from scipy.spatial import KDTree

    if not one.any() or not other.any():
        return np.empty(0, int), np.empty(0, int)
    trees = (KDTree(np.argwhere(line)) for line in (one, other))
    found = next(trees).sparse_distance_matrix(next(trees), REACH, output_type="coo_matrix")
    return found.row, found.col
