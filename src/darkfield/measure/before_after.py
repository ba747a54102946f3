"""What a training has gained: the model that it started from and the new one, on the same images.

The difference is that of two models, not of two recipes: its interval tells what other images might
have given, not what another training would.
"""

import numpy as np
import pandas as pd

from darkfield.measure.metrics import dice
from darkfield.measure.paired import Recipe, compare, measured, score_keys

COLUMNS = ["class", "metric", "before", "after", "difference", "low", "high"]
OF_IMAGES = ["image", "class", "dice_before", "dice_after"]


def tested(
    images: pd.DataFrame, matrices: np.ndarray, classes: list[str], objects: pd.DataFrame
) -> Recipe:
    """A single model on its test images, for `scores` and `of_images`.

    `images` has the columns image and group; `matrices` are int64 (images, C, C); `objects` are the
    rows of object_images.csv. Images that are void altogether are left out.
    """
    return measured(images[["image", "group"]], matrices[None], classes, [objects])


def scores(before: Recipe, after: Recipe) -> pd.DataFrame:
    """COLUMNS: both models' scores, the difference, and its 95 % interval over fields of view.

    A row per key of `paired.score_keys`. With fewer fields than an interval needs, `low` and `high`
    are NaN (`intervals.too_few`).
    """
    found = compare(before, after)
    table = pd.DataFrame(score_keys(after), columns=COLUMNS[:2])
    table["before"], table["after"] = found["reference"], found["mean"]
    table["difference"] = found["difference"]
    table["low"], table["high"] = found["difference_interval"].T
    return table


def of_images(before: Recipe, after: Recipe) -> pd.DataFrame:
    """OF_IMAGES: the Dice of each image and class before and after; NaN where it is in neither."""
    values = [dice(model.matrices[0]) for model in (before, after)]
    names = before.images["image"]
    return pd.DataFrame(
        {
            "image": np.repeat(names.to_numpy(), len(before.classes)),
            "class": np.tile(before.classes, len(names)),
            "dice_before": values[0].ravel(),
            "dice_after": values[1].ravel(),
        }
    )


def nothing() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both tables of a training that starts from no model, or of a run without test images."""
    return pd.DataFrame(columns=COLUMNS), pd.DataFrame(columns=OF_IMAGES)
