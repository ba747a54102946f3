"""How sure it is that an object is real, and how sure the number of a picture's objects is.

A model's `Calibration` decides, which `measure.calibration` fits on pictures that the model did not
learn from.
"""

import math

import cv2
import numpy as np
import pandas as pd

from darkfield.objects.calibration import Calibration, Objects
from darkfield.objects.table import Found, count_table, object_table
from darkfield.values import Kind

EVIDENCE, DIGITS = ["probability", "sharpness"], 4
CHANCE_DIGITS = 6  # further ones differ from machine to machine
ROWS = 512  # of a picture at a time


def evidence(
    found: dict[str, Found],
    mask: np.ndarray,
    classes: dict[str, int],
    certainty: np.ndarray,
    image: np.ndarray,
) -> pd.DataFrame:
    """What pixels tell about the objects of a mask: one row each, in the order of `object_table`.

    `mask` holds class indices (H, W); `certainty`, float (H, W), is the probability of the class of
    each pixel, before calibration; `image` is uint8 (H, W, 3).

    probability: the mean certainty of the object's own pixels, 0 to 1.
    sharpness: the mean gradient of brightness, the largest of the three channels, along its
        outline, in grey levels (0 to 255) per pixel.

    Both are rounded to DIGITS, as they are stored.
    """
    totals = [np.zeros((4, of.labels.max() + 1)) for of in found.values()]
    height = len(mask)
    for top in range(0, height, ROWS):  # the gradients of a large picture would fill the memory
        around = slice(max(0, top - 1), min(height, top + ROWS + 1))
        rows = slice(top - around.start, min(top + ROWS, height) - around.start)
        gradient, sure = steepness(image[around])[rows], certainty[around][rows]
        for (name, of), total in zip(found.items(), totals, strict=True):
            labels, edge = of.labels[around][rows], outline(of.labels[around])[rows]
            own = (mask[around][rows] == classes[name]) & (labels > 0)
            for k, values, where in ((0, sure, own), (2, gradient, edge)):
                total[k] += np.bincount(labels[where], values[where], len(total[k]))
                total[k + 1] += np.bincount(labels[where], minlength=len(total[k]))
    sums = np.concatenate([np.empty((4, 0)), *(total[:, 1:] for total in totals)], axis=1)
    means = sums[[0, 2]] / np.maximum(sums[[1, 3]], 1)
    return pd.DataFrame(means.T, columns=EVIDENCE).round(DIGITS)


def doubts(mask: np.ndarray, certainty: np.ndarray, classes: int) -> np.ndarray:
    """How many pixels of each class are wrong by the model's own reckoning: float (classes,).

    `mask` holds class indices (H, W), of which each is wrong by 1 - its `certainty` (H, W).
    """
    wrong = np.zeros(classes)
    for top in range(0, len(mask), ROWS):
        rows = slice(top, top + ROWS)
        unsure = 1 - certainty[rows].ravel().astype(float)
        wrong += np.bincount(mask[rows].ravel(), unsure, classes)
    return wrong


def steepness(image: np.ndarray) -> np.ndarray:
    """The gradient of the brightest channel of uint8 (H, W, 3), in levels per pixel: float64.

    From whole numbers: OpenCV's own magnitude may vary in its last bit with where a picture lies in
    memory.
    """
    grey = image.max(axis=2)
    across, down = (cv2.Sobel(grey, cv2.CV_16S, *way).astype(int) for way in ((1, 0), (0, 1)))
    gradient: np.ndarray = np.sqrt(across**2 + down**2) / 8
    return gradient


def outline(labels: np.ndarray) -> np.ndarray:
    """The pixels of objects, int32 (H, W), with a neighbour that is not theirs: bool (H, W)."""
    numbers = labels.astype(np.float32)  # cv2 takes no int32; below 2^24 nothing is lost
    square = np.ones((3, 3), np.uint8)
    edge: np.ndarray = cv2.dilate(numbers, square) != cv2.erode(numbers, square)
    return edge & (labels > 0)


def explained(objects: pd.DataFrame) -> np.ndarray:
    """What confidence is a logistic function of, float (N, 5).

    From the columns probability, area_px, length_px (only filaments have one) and sharpness: the
    logarithms of the odds of the first, of the second, and of 1 + the others; and the product of
    those of probability and length, since the longer a filament, the more its probability says.
    """
    p = objects["probability"].to_numpy(float).clip(0.01, 0.9999)
    length = objects.get("length_px", pd.Series(0.0, objects.index)).fillna(0).to_numpy(float)
    area, sharpness = objects[["area_px", "sharpness"]].to_numpy(float).T
    odds, lengths = np.log(p / (1 - p)), np.log1p(length)
    return np.column_stack([odds, np.log(area), lengths, np.log1p(sharpness), odds * lengths])


def chances(objects: pd.DataFrame, of: Objects) -> np.ndarray:
    """The chance, 0 to 1, that each object of a class is real: float (N,), of CHANCE_DIGITS."""
    odds = of.intercept + explained(objects) @ np.array(of.slopes)
    share: np.ndarray = (1 / (1 + np.exp(-odds))).round(CHANCE_DIGITS)
    return share


def confidences(objects: pd.DataFrame, calibration: Calibration | None) -> np.ndarray:
    """`chances` of objects of any class, float (N,); NaN of a class that is not calibrated."""
    result = np.full(len(objects), np.nan)
    for name, of in (calibration.objects if calibration else {}).items():
        rows = (objects["class"] == name).to_numpy()
        result[rows] = chances(objects[rows], of)
    return result


def likely(objects: pd.DataFrame, calibration: Calibration | None) -> np.ndarray:
    """Which objects, of columns class and confidence, are to be counted: bool (N,).

    Those of at least their class's threshold, and all of a class that is not calibrated.
    """
    known = calibration.objects if calibration else {}
    least = objects["class"].map({name: of.threshold for name, of in known.items()})
    below: np.ndarray = (objects["confidence"] < least).to_numpy()
    return ~below


def half_width(counts: np.ndarray) -> np.ndarray:
    """The half width of the intervals of counts (N,), up to a factor: float (N,).

    Errors of counts grow about as their square root, as those of Poisson's distribution do.
    """
    width: np.ndarray = np.sqrt(counts + 1)
    return width


def interval(count: int, of: Objects | None) -> tuple[int, int] | tuple[None, None]:
    """Between which numbers a picture's true count lies in 9 of 10 cases if `count` are counted.

    None if that is not known of the class.
    """
    if of is None or of.spread is None:
        return None, None
    half = of.spread * float(half_width(np.array(count)))
    return max(0, math.ceil(count - half - 1e-9)), math.floor(count + half + 1e-9)


def judged(objects: pd.DataFrame, calibration: Calibration | None) -> pd.DataFrame:
    """Objects, with the columns that `explained` needs, and their confidence.

    `counted` are those that are `likely`, of those that were `counted` if the table says so.
    """
    rows = objects.assign(confidence=confidences(objects, calibration))
    return rows.assign(counted=likely(rows, calibration) & rows.get("counted", True))


def described(
    found: dict[str, Found],
    evidence: pd.DataFrame,
    mask: np.ndarray,
    classes: dict[str, int],
    kinds: dict[str, Kind],
    calibration: Calibration | None,
    um_per_pixel: float | None = None,
    *,
    two_borders: bool = False,
) -> pd.DataFrame:
    """The rows of `object_table`, and the confidence that each is real, NaN if it is not known."""
    table = object_table(mask, classes, kinds, um_per_pixel, two_borders=two_borders, found=found)
    return judged(pd.concat([table, evidence], axis=1), calibration).drop(columns=[*EVIDENCE])


def counts(
    objects: pd.DataFrame,
    mask: np.ndarray,
    classes: dict[str, int],
    kinds: dict[str, Kind],
    calibration: Calibration | None,
) -> pd.DataFrame:
    """The row of `count_table` of what is likely among the objects of `described`.

    After each number, as _low and _high, the ends of its `interval`; empty if there is none.
    """
    row = count_table(objects[likely(objects, calibration)], mask, classes, kinds)
    known = calibration.objects if calibration else {}
    for name in kinds:
        at = list(row).index(f"{name}s")
        ends = interval(int(row[f"{name}s"].iloc[0]), known.get(name))
        for k, (end, value) in enumerate(zip(("low", "high"), ends, strict=True), 1):
            row.insert(at + k, f"{name}s_{end}", pd.Series([value], dtype="Int64"))
    return row
