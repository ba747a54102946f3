"""Numbers about the data: channel statistics for normalising, pixels per class for weighting."""

from collections.abc import Iterable

import numpy as np
import pandas as pd


def channel_stats(images: Iterable[np.ndarray]) -> dict:
    """Mean and population standard deviation of each channel over all pixels of all images.

    `images` are uint8 (H, W, 3) and are read one at a time; values are scaled to 0-1. Sums are of
    integers, so the result is exact and the same in any order.
    """
    levels = np.arange(256)
    total, squares = np.zeros(3, np.int64), np.zeros(3, np.int64)
    n = pixels = 0
    for image in images:
        for c, channel in enumerate(np.moveaxis(image, -1, 0)):
            counts = np.bincount(channel.ravel(), minlength=256)
            total[c] += counts @ levels
            squares[c] += counts @ levels**2
        n += 1
        pixels += image.shape[0] * image.shape[1]
    mean = total / pixels / 255
    std = np.sqrt(squares / pixels / 255**2 - mean**2)
    return {"mean": mean.tolist(), "std": std.tolist(), "images": n, "pixels": pixels}


def class_counts(table: pd.DataFrame, classes: list[str]) -> dict:
    """Pixels of each class and images that have it, over all images and per split, and the weights.

    `table` has a row an image, with a column a class for its pixels, and its split. The weights
    are the notebook's, 1 - n_c / sum(n) over the training split.
    """
    of = {"all": table} | {s: table[table["split"] == s] for s in ("train", "val", "test")}
    pixels = {s: {c: int(rows[c].sum()) for c in classes} for s, rows in of.items()}
    images_with = {s: {c: int((rows[c] > 0).sum()) for c in classes} for s, rows in of.items()}
    n = np.array(list(pixels["train"].values()))
    weights = (1 - n / n.sum()).tolist()
    images = {s: len(rows) for s, rows in of.items()}
    return {"pixels": pixels, "images": images, "images_with": images_with, "weights": weights}


def class_weights(setting: str | list[float], counts: dict) -> list[float] | None:
    """The loss's weights, one a class, that train.class_weights asks for; None: all alike."""
    if isinstance(setting, list):
        return setting
    return {"counts": counts["weights"], "none": None}[setting]
