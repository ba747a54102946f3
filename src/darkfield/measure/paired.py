"""Whether recipes differ: measured on the same images, over one training of each or several.

The scores are `miou`, `mdice`, and `CLASS_dice` for each class; of objects, `CLASS_object_f1`,
`CLASS_count_bias` and `CLASS_count_mae` for each class that is counted. Intervals reflect the
choice of test images, by bootstrap over fields of view; the standard deviation over seeds reflects
how much trainings differ.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from darkfield.measure.intervals import enough, percentiles, resampled, too_few
from darkfield.measure.metrics import class_mean, dice, iou
from darkfield.measure.object_scores import plain, scored, tells

OBJECT_SCORES = {"f1": "object_f1", "count_bias": "count_bias", "mae": "count_mae"}
ONCE = "not shown (one training each)"


class Recipe(NamedTuple):
    """The trainings of a recipe, one per seed, on their test images.

    `images` has the columns image and group (the field of view), and what else tells whether images
    of two recipes are the same, such as digests of their pixels. `matrices` are int64
    (trainings, images, C, C), `classes` the C names. `objects` has, for each class that is counted,
    the columns of object_scores.plain and their values (trainings, images, columns).
    """

    images: pd.DataFrame
    matrices: np.ndarray
    classes: list[str]
    objects: dict[str, tuple[list[str], np.ndarray]]


def score_keys(recipe: Recipe) -> list[tuple[str, str]]:
    """What a recipe's scores are, in order: what `scores` returns, then `object_scores`.

    Each as (class, metric); the class of a mean is "".
    """
    of_classes = ((name, "dice") for name in recipe.classes)
    of_objects = ((name, kind) for name in recipe.objects for kind in OBJECT_SCORES.values())
    return [("", "miou"), ("", "mdice"), *of_classes, *of_objects]


def score_names(recipe: Recipe) -> list[str]:
    """The names of `score_keys`: miou, mdice, CLASS_dice."""
    return [f"{name}_{metric}" if name else metric for name, metric in score_keys(recipe)]


def measured(
    images: pd.DataFrame, matrices: np.ndarray, classes: list[str], objects: Sequence[pd.DataFrame]
) -> Recipe:
    """A recipe, from the object_images.csv of each training; the others are as in Recipe.

    Images that are void altogether, of which nothing is measured, are left out.
    """
    there = matrices.sum(axis=(0, 2, 3)) > 0
    rows = images[there].reset_index(drop=True)
    return Recipe(rows, matrices[:, there], classes, of_classes(objects, rows["image"]))


def of_classes(
    trainings: Sequence[pd.DataFrame], images: pd.Series
) -> dict[str, tuple[list[str], np.ndarray]]:
    """Recipe.objects, from the object_images.csv of each training, which has all these images."""
    found = {}
    for name in trainings[0]["class"].unique():
        own = [t[t["class"] == name].set_index("image").loc[images] for t in trainings]
        parts = [plain(part.reset_index()) for part in own]
        found[name] = (parts[0][0], np.stack([values for _, values in parts]))
    return found


def object_scores(recipe: Recipe, rows: np.ndarray) -> np.ndarray:
    """Each training's OBJECT_SCORES of each counted class on these rows: (trainings, scores)."""
    found = [
        [scored(columns, each[rows])[metric] for metric in OBJECT_SCORES]
        for columns, trainings in recipe.objects.values()
        for each in trainings
    ]
    by_class = np.array(found).reshape(-1, len(recipe.matrices), len(OBJECT_SCORES))
    return by_class.swapaxes(0, 1).reshape(len(recipe.matrices), -1)


def scores(matrices: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Mean IoU, mean Dice and each class's Dice (..., 2 + C) of sets of images (..., images, C, C).

    The means are over the classes `of`, bool (C,): NaN in a set that lacks one of them.
    """
    total = matrices.sum(axis=-3)
    by_class = dice(total)
    means = [class_mean(values, of)[..., None] for values in (iou(total), by_class)]
    return np.concatenate([*means, by_class], axis=-1)


def told(recipe: Recipe) -> np.ndarray:
    """Which images tell something of each score, in all trainings: bool (images, K).

    Of means over the classes all do.
    """
    means = np.ones((len(recipe.images), 2), bool)
    of_pixels = ~np.isnan(dice(recipe.matrices)).any(axis=0)
    of_objects = [
        np.all([tells(columns, each)[metric] for each in trainings], axis=0)
        for columns, trainings in recipe.objects.values()
        for metric in OBJECT_SCORES
    ]
    return np.column_stack([means, of_pixels, *of_objects])


def drawn(recipe: Recipe) -> np.ndarray:
    """The classes that the masks of its test images have: bool (C,)."""
    there: np.ndarray = recipe.matrices[0].any(axis=(0, 2))
    return there


def comparable(one: Recipe, other: Recipe) -> bool:
    """Whether two recipes were tested on the same images and have the same classes."""
    mine, theirs = (r.images.drop(columns="group").to_dict("list") for r in (one, other))
    return mine == theirs and one.classes == other.classes


def compare(first: Recipe, other: Recipe) -> dict[str, np.ndarray]:
    """Scores (K,) of a recipe, their differences from the first recipe's, and intervals.

    `mean` and `sd`, the standard deviation, over the trainings (`sd` is NaN for one training);
    `interval` (K, 2), 95 %, of the mean; `reference`, the means of `first`, which was tested on the
    same images; `difference`, between these means; `difference_interval` (K, 2), for which both
    recipes have the same images in every resample. Intervals are NaN with fewer than ten fields of
    view, or fewer that tell something of the score. Means over the classes are over those that the
    masks have, which are the same for all: a class that one model alone invents has an IoU of 0 for
    that one, and none for the other.
    """
    classes = drawn(other)

    def trainings(recipe: Recipe, rows: np.ndarray) -> np.ndarray:
        of_pixels = scores(recipe.matrices[:, rows], classes)
        return np.hstack([of_pixels, object_scores(recipe, rows)])

    def means(rows: np.ndarray) -> np.ndarray:
        a, b = (trainings(recipe, rows).mean(axis=0) for recipe in (first, other))
        return np.concatenate([b, b - a])

    rows = np.arange(len(other.images))
    every, difference = np.split(means(rows), 2)
    limits = np.full((2 * len(every), 2), np.nan)
    groups = other.images["group"]
    if not too_few(groups.nunique()):
        limits = percentiles(resampled(means, groups))
        own, its = (enough(told(recipe), groups) for recipe in (other, first))
        limits[~np.concatenate([own, own & its])] = np.nan
    each = trainings(other, rows)
    several = len(each) > 1
    return {
        "mean": every,
        "sd": each.std(axis=0, ddof=1) if several else np.full(len(every), np.nan),
        "interval": limits[: len(every)],
        "reference": trainings(first, rows).mean(axis=0),
        "difference": difference,
        "difference_interval": limits[len(every) :],
    }


def differs(difference_interval: np.ndarray, trainings: int) -> str:
    """Whether a score differs from the first recipe's, in words, judging by its interval (2,)."""
    low, high = difference_interval
    if trainings < 2:
        return ONCE
    if np.isnan(low):
        return "not shown (too few fields of view)"
    return "yes" if low > 0 or high < 0 else "not shown"


def row(first: Recipe | None, other: Recipe) -> dict[str, float | str]:
    """A recipe's row in the table: its scores, and how they differ from the first recipe's."""
    found, trainings = compare(first or other, other), len(other.matrices)
    line: dict[str, float | str] = {"trainings": trainings}
    for k, name in enumerate(score_names(other)):
        line |= {name: found["mean"][k], f"{name}_sd": found["sd"][k]}
        line |= limits(name, found["interval"][k])
        if first:
            line[f"{name}_difference"] = found["difference"][k]
            line |= limits(f"{name}_difference", found["difference_interval"][k])
            line[f"{name}_differs"] = differs(found["difference_interval"][k], trainings)
    return line


def limits(name: str, interval: np.ndarray) -> dict[str, float]:
    return {f"{name}_low": interval[0], f"{name}_high": interval[1]}


def table(recipes: dict[str, Recipe]) -> pd.DataFrame:
    """One row per recipe; differences are from the first, if both have the same images."""
    first, *_ = recipes.values()

    def reference(other: Recipe) -> Recipe | None:
        return first if other is not first and comparable(first, other) else None

    rows = [{"preset": name, **row(reference(tested), tested)} for name, tested in recipes.items()]
    return pd.DataFrame(rows)


def notes(recipes: dict[str, Recipe]) -> list[str]:
    """What must be said beside the table."""
    names, (first, *_) = list(recipes), recipes.values()
    lines = []
    if len(first.matrices) == 1:
        lines.append(
            "Each preset was trained once. How much two trainings of one preset differ is not "
            "known, so no difference between presets is shown; train each with several SEEDS."
        )
    lines += [
        f"{name}: not compared with {names[0]}, which was tested on other images or has other "
        "classes."
        for name in names[1:]
        if not comparable(first, recipes[name])
    ]
    groups = {tested.images["group"].nunique() for tested in recipes.values()}
    return lines + [line for line in map(too_few, sorted(groups)) if line]


def summary(recipes: pd.DataFrame) -> str:
    """The table in a few columns: mean IoU, its spread, its difference from the first."""
    shown = pd.DataFrame(
        {"preset": recipes["preset"], "mIoU": recipes["miou"].map("{:.3f}".format)}
    )
    shown["sd"] = recipes["miou_sd"].map("{:.3f}".format).replace("nan", "")
    for column, head in (("miou", "95 %"), ("miou_difference", "95 % ")):
        if column == "miou_difference":
            if column not in recipes:
                break
            shown["difference"] = recipes[column].map("{:+.3f}".format).replace("+nan", "")
        pairs = zip(recipes[f"{column}_low"], recipes[f"{column}_high"], strict=True)
        shown[head] = ["" if np.isnan(low) else f"[{low:.3f}, {high:.3f}]" for low, high in pairs]
    if "miou_differs" in recipes:
        shown["differs"] = recipes["miou_differs"].fillna("")
    return shown.to_string(index=False)
