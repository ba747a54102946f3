"""Whether what is said to be 80 % sure is right in 80 % of cases: of pixels, objects and counts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from darkfield.classes import VOID, key_of
from darkfield.measure.selection import number

# By which logits may be divided. A grid, because sums for each can be joined over batches.
TEMPERATURES = np.round(2 ** (np.arange(-6, 13) / 6), 3)  # 0.5 to 4
BINS = 20  # of probability, each 0.05 wide
UNIT = 10_000  # sums are of whole numbers, so that they do not depend on their order
PLACE = ["split", "class", "temperature", "bin"]
SUMS = ("pixels", "claimed", "right", "surprise")


def tally(logits: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Sums over the pixels of a picture: int64 (C, T, BINS, 4).

    `logits` are float32 (C, H, W), `drawn` the true class indices (H, W), VOID left out. By
    predicted class, temperature and bin of its probability: SUMS, that is, the number of pixels,
    the sum of the probabilities, that of pixels of the predicted class, and that of the negative
    logarithms of the true class's probability; probabilities and logarithms are in units of
    1 / UNIT.
    """
    classes = len(logits)
    result = nothing(classes)
    logits, true = logits.reshape(classes, -1), drawn.ravel()
    if not (known := true != VOID).all():
        logits, true = logits[:, known], true[known]
    best, top = logits.argmax(axis=0), logits.max(axis=0)
    below, wrong_by = logits - top, top - np.take_along_axis(logits, true[None], axis=0)[0]
    for t, temperature in enumerate(TEMPERATURES):
        total = np.exp(below / temperature).sum(axis=0)
        claimed = 1 / total
        bins = np.minimum((claimed * BINS).astype(int), BINS - 1)
        surprise = np.log(total) + wrong_by / temperature
        values = np.ones(len(best)), UNIT * claimed, best == true, UNIT * surprise
        for k, value in enumerate(values):
            sums = np.bincount(best * BINS + bins, np.rint(value), classes * BINS)
            result[:, t, :, k] = sums.reshape(classes, BINS)
    return result


def nothing(classes: int) -> np.ndarray:
    """The sums of `tally` over no pixels."""
    return np.zeros((classes, len(TEMPERATURES), BINS, len(SUMS)), np.int64)


def pixel_table(tallies: np.ndarray, split: str, names: Sequence[str]) -> pd.DataFrame:
    """The sums of `tally` over a split's pictures, those of no pixel left out.

    One row per class, temperature and bin (its lower end), with SUMS.
    """
    at = np.argwhere(tallies[..., 0])
    table = pd.DataFrame(tallies[tuple(at.T)], columns=list(SUMS))
    place = {
        "split": split,
        "class": [names[c] for c in at[:, 0]],
        "temperature": TEMPERATURES[at[:, 1]],
        "bin": at[:, 2] / BINS,
    }
    return pd.concat([pd.DataFrame(place, table.index), table], axis=1)


def error(bins: pd.DataFrame) -> float | None:
    """The expected calibration error of bins: 0 to 1, None of nothing (Naeini et al. 2015).

    Columns: times, the number of pixels or objects in each bin; claimed, the sum of their
    probabilities; right, how many of them are what is claimed.
    """
    total = bins["times"].sum()
    return float((bins["claimed"] - bins["right"]).abs().sum() / total) if total else None


def of_pixels(
    pixels: pd.DataFrame, classes: Sequence[str], background: str | None
) -> dict[str, Any]:
    """The calibration error of the foreground and of each class, before and after calibration.

    `pixels` are rows of pixel_reliability.csv; `classes` are in the order of the index, of which
    `background` is not foreground. A pixel is of the class that the model predicts.
    """
    when = {"before": pixels["temperature"] == 1, "after": pixels["calibrated"]}
    foreground = [name for name in classes if name != background]
    parts = {"foreground": foreground} | {key_of(name): [name] for name in classes}
    result: dict[str, Any] = {}
    for key, names in parts.items():
        of = pixels["class"].isin(names)
        result[key] = {time: error(in_bins(pixels[of & rows])) for time, rows in when.items()}
    return result


def in_bins(pixels: pd.DataFrame) -> pd.DataFrame:
    """The bins of `error` of rows of `pixel_table`, by the column bin."""
    sums = pixels.groupby("bin")[list(SUMS)].sum().rename(columns={"pixels": "times"})
    return sums.assign(claimed=sums["claimed"] / UNIT)


def of_objects(objects: pd.DataFrame) -> dict[str, Any]:
    """How many of a class's predicted objects are real, by confidence, in bins of a tenth.

    `objects` are rows of objects.csv. error: the expected calibration error. bins: low (its lower
    end), objects, confidence (their mean), real (their share).
    """
    rows = objects.assign(low=np.minimum((objects["confidence"] * 10).astype(int), 9) / 10)
    bins = rows.groupby("low", as_index=False).agg(
        times=("real", "size"), claimed=("confidence", "sum"), right=("real", "sum")
    )
    shown = {
        "low": bins["low"],
        "objects": bins["times"],
        "confidence": bins["claimed"] / bins["times"],
        "real": bins["right"] / bins["times"],
    }
    return {"error": error(bins), "bins": pd.DataFrame(shown).to_dict("records")}


def of_counts(images: pd.DataFrame) -> dict[str, Any]:
    """How many of the true counts lie in their intervals, of rows of object_images.csv."""
    inside = images["drawn_objects"].between(images["low"], images["high"])
    return {
        "images": len(images),
        "inside": number(inside.mean()),
        "mean_width": number((images["high"] - images["low"]).mean()),
    }


def by_class(
    objects: pd.DataFrame,
    images: pd.DataFrame,
    pixels: pd.DataFrame,
    classes: Sequence[str],
    background: str | None,
) -> dict[str, Any] | None:
    """How well a calibration holds on the pictures of these tables; None if there is none.

    The tables are those of `calibration.apply`; `classes` are in the order of their index. What has
    no confidence, as objects of a fold whose calibration is without their class, is left out;
    `counts` also lacks a class that has a confidence and no interval.
    """
    known = images[images["low"].notna()]
    sure = objects[~objects["drawn"] & objects["confidence"].notna()] if len(objects) else objects
    if known.empty and sure.empty:
        return None
    found: dict[str, Any] = {
        "pixels": of_pixels(pixels, classes, background),
        "objects": {},
        "counts": {},
    }
    for name in images["class"].unique():
        rows, of = known[known["class"] == name], sure[sure["class"] == name]
        if len(rows) or len(of):
            found["objects"][key_of(name)] = of_objects(of)
        if len(rows):
            found["counts"][key_of(name)] = of_counts(rows)
    return found
