"""Numbers about the data: channel statistics for normalising, pixels per class for weighting."""

import numpy as np
import pandas as pd

CHANNELS = ("red", "green", "blue")


def channel_sums(image: np.ndarray) -> dict[str, int]:
    """Sums of the values, and of their squares, of each channel of an uint8 image (H, W, 3)."""
    levels, sums = np.arange(256), {}
    for name, channel in zip(CHANNELS, np.moveaxis(image, -1, 0), strict=True):
        counts = np.bincount(channel.ravel(), minlength=256)
        sums |= {name: int(counts @ levels), f"{name}_squares": int(counts @ levels**2)}
    return sums | {"pixels": image.shape[0] * image.shape[1]}


def channel_stats(table: pd.DataFrame) -> dict:
    """Mean and population standard deviation of each channel over all pixels of some images.

    `table` has a row an image, of `channel_sums`; values are scaled to 0-1. Sums are of integers,
    so the result is exact and the same in any order.
    """
    pixels = int(table["pixels"].sum())
    mean = table[[*CHANNELS]].sum().to_numpy() / pixels / 255
    squares = table[[f"{name}_squares" for name in CHANNELS]].sum().to_numpy() / pixels / 255**2
    std = np.sqrt(squares - mean**2)
    return {"mean": mean.tolist(), "std": std.tolist(), "images": len(table), "pixels": pixels}


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
