"""Which hand-drawn masks to look at again: where models that never saw them disagree most."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from darkfield.measure.metrics import counts

SMALL = 500  # pixels: a small object


def ranking(
    matrices: np.ndarray, images: Sequence[str], folds: Sequence[int], classes: Sequence[str]
) -> pd.DataFrame:
    """One row an image, that of the least agreement first, from matrices (images, C, C).

    `agreement`, 0-1, is the mean over the classes but background of (2 TP + s) / (2 TP + FP + FN +
    s), the Dice coefficient but for s = 500 pixels, so that a speck or two do not rank as a missed
    object does. By class: its pixels in the mask, of those the `missed`, and the `invented`, which
    the model adds.
    """
    tp, fp, fn, _ = counts(matrices)
    dice = (2 * tp + SMALL) / (2 * tp + fp + fn + SMALL)
    table = pd.DataFrame({"image": images, "fold": folds, "agreement": dice[:, 1:].mean(axis=1)})
    for c, name in list(enumerate(classes))[1:]:
        table[f"{name}_pixels"] = (tp + fn)[:, c]
        table[f"{name}_missed"] = fn[:, c]
        table[f"{name}_invented"] = fp[:, c]
    table = table.sort_values(["agreement", "image"], ignore_index=True)
    table.insert(0, "rank", range(1, len(table) + 1))
    return table
