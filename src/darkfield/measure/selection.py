"""The epoch that is kept, and its scores. The test split is reported, but never used to choose."""

import math
from typing import Any

import numpy as np
import pandas as pd

from darkfield.classes import MEANS, key_of
from darkfield.files import UserError
from darkfield.measure import metrics

COMPARED = {"test": ("iou", "dice", "precision", "recall"), "val": ("iou", "dice")}


def best_epoch(epochs: pd.DataFrame, epoch: str | int) -> int:
    """`epoch` if it is a number, else the one of highest mean IoU on val, the earliest if equal.

    `epochs` is evaluation/epochs.csv. Raises UserError if val has no score at all: without
    images, or if they are all void.
    """
    if isinstance(epoch, int):
        return epoch
    val = epochs[epochs["split"] == "val"]
    miou = metrics.mean_iou(val).droplevel("split")
    if miou.isna().all():
        raise UserError(
            "select.epoch: 'best' needs a val split with pixels of a class; set split.val, or give "
            "a number"
        )
    return int(miou.index.to_numpy()[miou.argmax()])


def number(value: float | np.ndarray) -> float | None:
    """A float for JSON: null where the metric is not defined."""
    return None if math.isnan(value) else float(value)


def split_metrics(
    matrices: np.ndarray, classes: list[str], of: np.ndarray | None = None
) -> dict[str, Any] | None:
    """Mean IoU, mean Dice, then every metric by class, of matrices (images, C, C); null if none.

    The means are metrics.class_mean; if the images are part of a set, over the classes `of`,
    bool (C,).
    """
    if not len(matrices):
        return None
    values = metrics.summarise(matrices)
    means = {
        f"m{metric}": number(metrics.class_mean(values[metric], of)) for metric in ("iou", "dice")
    }
    return means | {
        key_of(name): {metric: number(v[c]) for metric, v in values.items()}
        for c, name in enumerate(classes)
    }


def compared(scores: dict[str, Any], classes: list[str]) -> dict[str, Any]:
    """What people compare of evaluation/scores.json: metrics.json, which is to fit a screen.

    For test and val the means and, of each class but the first, the background, the metrics
    COMPARED; with the epoch, and the caveats if there are any.
    """

    def few(name: str) -> dict[str, Any] | None:
        if (split := scores[name]) is None:
            return None
        means = {key: split[key] for key in MEANS}
        keys = map(key_of, classes[1:])
        return means | {key: {m: split[key][m] for m in COMPARED[name]} for key in keys}

    splits = {name: few(name) for name in COMPARED}
    caveats = {key: scores[key] for key in ("caveats",) if key in scores}
    return {"epoch": scores["epoch"], **splits, **caveats}
