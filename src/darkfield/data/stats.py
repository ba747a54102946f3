"""Numbers about the data: channel statistics to normalise with, pixels per class to weight by."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from darkfield.classes import IGNORE, pixels_column
from darkfield.data.pixels import histogram
from darkfield.files import UserError

CHANNELS = ("red", "green", "blue")


def channel_sums(image: np.ndarray) -> dict[str, int]:
    """The sum of the values, and of their squares, of each channel of a uint8 image (H, W, 3)."""
    levels = np.arange(256)
    sums: dict[str, int] = {}
    for name, counts in zip(CHANNELS, histogram(image), strict=True):
        sums |= {name: int(counts @ levels), f"{name}_squares": int(counts @ levels**2)}
    return sums | {"pixels": image.shape[0] * image.shape[1]}


def channel_stats(table: pd.DataFrame) -> dict[str, Any]:
    """Mean and population standard deviation of each channel over all pixels of some images.

    `table` has one row of `channel_sums` per image; values are scaled to 0-1. The sums are Python
    integers, which neither overflow nor cancel: the result does not depend on the order of the
    rows, and a constant channel has a deviation of exactly 0, which `normalise` treats as 1.
    """

    def total(column: str) -> int:
        return sum(table[column].tolist())

    pixels = total("pixels")
    sums = [total(name) for name in CHANNELS]
    squares = [total(f"{name}_squares") for name in CHANNELS]
    mean = [s / (pixels * 255) for s in sums]
    std = [
        math.sqrt(pixels * q - s * s) / (pixels * 255) for s, q in zip(sums, squares, strict=True)
    ]
    return {"mean": mean, "std": std, "images": len(table), "pixels": pixels}


def constant_channels(stats: dict[str, Any]) -> list[str]:
    """The names of the channels that have the same value in every pixel."""
    return [name for name, std in zip(CHANNELS, stats["std"], strict=True) if std == 0]


def class_counts(table: pd.DataFrame, classes: list[str]) -> dict[str, Any]:
    """Pixels of each class and images that have it, over all images and per split, and the weights.

    `table` is data/flattened_masks.csv merged with data/split.csv. "pixels_of_images_with" has, for
    each class, the pixels of the images that have it, those of no class left out. The weights are
    the notebook's, 1 - n_c / sum(n) over the training split; all 1 where that would be 0 for its
    only class.
    """
    split, counted = table["split"].to_numpy(), table[[*map(pixels_column, classes)]].to_numpy(int)
    of = {"all": counted} | {s: counted[split == s] for s in ("train", "val", "test")}

    def by_class(count: Callable[[np.ndarray], np.ndarray]) -> dict[str, dict[str, int]]:
        return {s: dict(zip(classes, count(each).tolist(), strict=True)) for s, each in of.items()}

    n = of["train"].sum(axis=0)
    return {
        "pixels": by_class(lambda counts: counts.sum(axis=0)),
        "images": {s: len(rows) for s, rows in of.items()},
        "images_with": by_class(lambda counts: (counts > 0).sum(axis=0)),
        "pixels_of_images_with": by_class(lambda counts: counts.sum(axis=1) @ (counts > 0)),
        "weights": (1 - n / n.sum()).tolist() if (n > 0).sum() > 1 else [1.0] * len(n),
    }


def void_share(table: pd.DataFrame) -> float | None:
    """The share of void among all pixels of a manifest's images, 0 to 1; None if masks have none.

    That is, if data.mask_values does not say ignore.
    """
    if (column := pixels_column(IGNORE)) not in table:
        return None
    return float(table[column].sum() / (table["height"] * table["width"]).sum())


def absences(counts: dict[str, Any]) -> list[str]:
    """Which classes cannot be learnt or measured, one line for each, from class_counts.json."""
    lines, images = [], counts["images"]
    for name in counts["pixels"]["all"]:
        having = {split: counts["images_with"][split][name] for split in images}
        lacking = [s for s in ("train", "val", "test") if images[s] and not having[s]]
        if not having["all"]:
            lines.append(f"{name}: no image has it, so it is neither learnt nor measured")
        elif "train" in lacking:
            lines.append(
                f"{name}: no training image has it, so it is not learnt; "
                f"{having['val']} of val and {having['test']} of test have it"
            )
        elif lacking:
            lines.append(f"{name}: no image of {' and '.join(lacking)} has it")
    return lines


def class_weights(
    setting: str | Sequence[float] | None, counts: dict[str, Any]
) -> list[float] | None:
    """The weights of the loss, one per class, according to train.class_weights; None: all equal.

    Raises UserError if every class that the training images show has weight 0, or they show none.
    """
    shown = [pixels > 0 for pixels in counts["pixels"]["train"].values()]
    if not any(shown):
        raise UserError(
            "data.mask_values: ignore leaves no pixel of the training images, so nothing would be "
            "learned; add images, or set another split.seed"
        )
    if setting is None:
        return None
    weights: Sequence[float]
    if setting == "median_frequency":
        weights = median_frequency(counts)
    else:
        weights = counts["weights"] if isinstance(setting, str) else setting
    if not any(weight for weight, there in zip(weights, shown, strict=True) if there):
        raise UserError(
            f"train.class_weights: {setting} gives weight 0 to every class that the training "
            "images show, so nothing would be learned; set it to null"
        )
    return list(weights)


def median_frequency(counts: dict[str, Any]) -> list[float]:
    """Weights that balance the classes of the training images, as the authors of SegNet do.

    A class's frequency is its share of the pixels of the images that have it, and its weight is the
    median frequency of all classes divided by its own (Badrinarayanan et al., SegNet, IEEE TPAMI
    39, 2017; Eigen and Fergus, ICCV 2015). A class without a training image has no frequency: it is
    left out of the median and has weight 1, as in `class_counts`.
    """
    pixels, around = (counts[key]["train"] for key in ("pixels", "pixels_of_images_with"))
    frequency = {name: n / around[name] for name, n in pixels.items() if n}
    median = float(np.median(list(frequency.values())))
    return [median / frequency[name] if name in frequency else 1.0 for name in pixels]
