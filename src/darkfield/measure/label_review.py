"""Which hand-drawn masks to check: those that models which never saw them contradict most."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from darkfield.measure.metrics import counts

SMALL = 500  # pixels: a small object


def ranking(
    matrices: np.ndarray, images: Sequence[str], folds: Sequence[int], classes: Sequence[str]
) -> pd.DataFrame:
    """One row per image that is not all void, least agreement first, from matrices (images, C, C).

    `agreement`, 0-1, is the mean over the classes except background of (2 TP + s) / (2 TP + FP + FN
    + s). With s = 0 this would be Dice; s = 500 pixels keeps a speck or two from ranking like a
    missed object. For each class: its pixels in the mask, how many of them the model `missed`, and
    how many it `invented`.
    """
    tp, fp, fn, n = counts(matrices)
    dice = (2 * tp + SMALL) / (2 * tp + fp + fn + SMALL)
    table = pd.DataFrame({"image": images, "fold": folds, "agreement": dice[:, 1:].mean(axis=1)})
    for c, name in list(enumerate(classes))[1:]:
        table[f"{name}_pixels"] = (tp + fn)[:, c]
        table[f"{name}_missed"] = fn[:, c]
        table[f"{name}_invented"] = fp[:, c]
    table = table[n[:, 0] > 0].sort_values(["agreement", "image"], ignore_index=True)
    table.insert(0, "rank", range(1, len(table) + 1))
    return table
