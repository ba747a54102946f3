"""A model's confidence, fitted on pictures that it did not learn from, as pure functions of tables.

docs/confidence.md says what is fitted, and how well it holds.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from darkfield.files import stacked
from darkfield.measure.object_scores import image_table, of_counted
from darkfield.measure.objects import KEY
from darkfield.objects.calibration import Calibration, Objects
from darkfield.objects.confidence import chances, explained, half_width, interval, judged

FEWEST = 10  # objects, predicted and drawn: with fewer, nothing is fitted
BOTH = 3  # objects of either kind, real and false: with fewer, all have the same confidence
LEVEL, PARTS = 0.9, 5  # of the intervals of counts; of the pictures that they are fitted on
TABLES = ("objects", "pairs", "outlines", "pixels")  # of results/found, in the order of Tables


class Tables(NamedTuple):
    """What a model found in pictures that it did not learn from, and what was drawn there."""

    objects: pd.DataFrame  # rows of found/objects.csv
    pairs: pd.DataFrame  # of found/pairs.csv
    images: pd.DataFrame  # of found/outlines.csv, or of object_images.csv
    pixels: pd.DataFrame  # of found/pixels.csv


def of_images(tables: Tables, images: pd.Series, split: str) -> Tables:
    """The rows of these images, by name, which are all those of a split."""
    objects, pairs, rows = (part[part["image"].isin(images)] for part in tables[:3])
    return Tables(objects, pairs, rows, tables.pixels[tables.pixels["split"] == split])


def together(parts: Iterable[Tables]) -> Tables:
    """The pictures of several tables as those of one."""
    return Tables(*(stacked(tables) for tables in zip(*parts, strict=True)))


def fit(
    tables: Tables, classes: Sequence[str], earlier: Mapping[str, Objects] | None = None
) -> Calibration | None:
    """The calibration by these pictures; None if there are none, and nothing is known `earlier`.

    `classes` are in the order of their index. One of which there are too few objects has what
    `earlier` says of it, if anything, but no intervals: these pictures did not try those.
    """
    if not len(tables.images) and not earlier:
        return None
    images, before = image_table(*tables[:3]), dict(earlier or {})
    of = {
        name: fit_objects(tables.objects, images, name)
        or (before[name].model_copy(update={"spread": None}) if name in before else None)
        for name in classes
    }
    pixels = [tables.pixels[tables.pixels["class"] == name] for name in classes]
    return Calibration(
        temperatures=tuple(map(fit_temperature, pixels)),
        objects={name: found for name, found in of.items() if found},
        images=images["image"].nunique(),
    )


def apply(tables: Tables, calibration: Calibration | None, classes: Sequence[str]) -> Tables:
    """The same tables as a calibration makes them.

    objects: with `confidence` and `counted`, as `confidence.judged` gives them; what was drawn has
    no match in what is not counted. images: with the scores of those that are counted, and the
    `low` and `high` end of the interval of their number, empty if there is none. pixels: of no
    temperature but 1 and the class's own, with `calibrated`, which of the two it is.
    """
    objects = missed_if_not_counted(judged(tables.objects, calibration))
    images = image_table(*of_counted(objects, tables.pairs), tables.images)
    known = calibration.objects if calibration else {}
    ends = [
        interval(n, known.get(name))
        for name, n in zip(images["class"], images["predicted_objects"], strict=True)
    ]
    images[["low", "high"]] = pd.DataFrame(ends, images.index, ["low", "high"], dtype="Int64")
    now = calibration.temperatures if calibration else (1.0,) * len(classes)
    of_class = tables.pixels["class"].map(dict(zip(classes, now, strict=True)))
    pixels = tables.pixels.assign(calibrated=tables.pixels["temperature"] == of_class)
    used = pixels[pixels["calibrated"] | (pixels["temperature"] == 1)]
    return Tables(objects, tables.pairs, images, used)


def missed_if_not_counted(objects: pd.DataFrame) -> pd.DataFrame:
    """The same objects, but drawn ones have no match in a predicted one that is not counted."""
    left_out = objects[~objects["drawn"] & ~objects["counted"]]
    gone = pd.MultiIndex.from_frame(left_out[[*KEY, "object"]])
    missed = objects["drawn"] & pd.MultiIndex.from_frame(objects[[*KEY, "match"]]).isin(gone)
    matched = objects[["match", "likeness"]].mask(missed)
    return objects.assign(match=matched["match"].astype("Int64"), likeness=matched["likeness"])


def crossed(folds: Sequence[Tables], classes: Sequence[str]) -> tuple[Tables, Calibration | None]:
    """The test pictures of all folds, each fold's as calibrated by those of the others.

    So no calibration is measured on pictures that it was fitted to. Also the calibration by all
    pictures together, for a model of the same recipe that has none left, since it learnt from all.
    """
    parts = [
        apply(fold, fit(together(f for f in folds if f is not fold), classes), classes)
        for fold in folds
    ]
    return together(parts), fit(together(folds), classes)


def fit_temperature(pixels: pd.DataFrame) -> float:
    """The one of TEMPERATURES at which what was drawn surprises least; 1 if there are no pixels.

    That is, the one of the lowest negative log-likelihood (Guo et al. 2017); of several, the one
    that changes least, as where all pixels are right beyond doubt.
    """
    found = pixels.groupby("temperature")["surprise"].sum()
    best = found.index[found == found.min()].to_numpy()
    return float(min(best, key=lambda temperature: abs(math.log(temperature)), default=1.0))


def fit_objects(objects: pd.DataFrame, images: pd.DataFrame, name: str) -> Objects | None:
    """What tells the real objects of a class from the others; None if there are too few.

    The spread of counts is a split conformal quantile (Lei et al. 2018) over the pictures: of the
    errors of those of each of PARTS, as counted by what the others teach.
    """
    rows = objects[(objects["class"] == name) & ~objects["drawn"]]
    table = images[images["class"] == name]
    if min(len(rows), table["drawn_objects"].sum()) < FEWEST:
        return None
    errors: list[float] = []
    # Neighbours in the order of names are often of one field of view, and stay together.
    for part in np.array_split(np.arange(len(table)), PARTS):
        own = table.iloc[part]
        others = table.drop(own.index)
        of = decide(rows[~rows["image"].isin(own["image"])], int(others["drawn_objects"].sum()))
        n = number_counted(rows, own["image"], of)
        errors += (np.abs(n - own["drawn_objects"].to_numpy()) / half_width(n)).tolist()
    rank = min(math.ceil((len(errors) + 1) * LEVEL), len(errors))
    found = decide(rows, int(table["drawn_objects"].sum()))
    return found.model_copy(update={"spread": float(np.sort(errors)[rank - 1])})


def decide(rows: pd.DataFrame, drawn: int) -> Objects:
    """The confidence of predicted objects, and the threshold at which `drawn` are counted."""
    intercept, slopes = regression(explained(rows), rows["real"].to_numpy(bool))
    of = Objects(intercept=intercept, slopes=slopes, threshold=0, spread=0)
    return of.model_copy(update={"threshold": level(chances(rows, of), drawn)})


def number_counted(rows: pd.DataFrame, images: pd.Series, of: Objects) -> np.ndarray:
    """How many predicted objects of each of these images are counted: int (N,)."""
    counted = rows[chances(rows, of) >= of.threshold].groupby("image").size()
    return counted.reindex(images, fill_value=0).to_numpy()


def regression(columns: np.ndarray, real: np.ndarray) -> tuple[float, tuple[float, ...]]:
    """Intercept and slopes of a logistic regression of `real`, bool (N,), on columns (N, F).

    Where hardly any object is real, or false, the intercept alone, by Laplace's rule of succession.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    if min(real.sum(), (~real).sum()) < BOTH:
        share = (real.sum() + 1) / (len(real) + 2)
        return math.log(share / (1 - share)), (0.0,) * columns.shape[1]
    scaler = StandardScaler()  # knows columns whose variance is but rounding
    fitted = LogisticRegression().fit(scaler.fit_transform(columns), real)
    slopes = fitted.coef_[0] / scaler.scale_
    return float(fitted.intercept_[0] - slopes @ scaler.mean_), tuple(map(float, slopes))


def level(confidence: np.ndarray, drawn: int) -> float:
    """The threshold that leaves `drawn` objects, and those as sure as the last of them.

    0 if there are no more than these.
    """
    ordered = np.sort(confidence)[::-1]
    if len(ordered) <= drawn:
        return 0.0
    last = ordered[drawn - 1] if drawn else 1.0
    return float((last + ordered[drawn]) / 2)
