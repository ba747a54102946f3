"""Which predictions to correct first; docs/quality.md says what that is worth.

A picture counts by its share of what the model doubts in all of them, pixels and objects, of each
class alike. What is chosen should speak for much of that doubt: not only for its own, but for that
in pictures of the same look, by what the network makes of them.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from darkfield.report.label_file import read_record
from darkfield.report.unfamiliar import warning

LISTED = 100  # who has corrected so many should train on them before going on
COMPARED = 2000  # each with each; the most doubtful of more
NEAR = 0.5  # a distance of features at which one picture speaks for another, by about 60 %


def shares(amounts: np.ndarray) -> np.ndarray:
    """Each picture's mean share, float (N,), of columns of amounts (N, K) that are not empty."""
    totals = amounts.sum(axis=0)
    some = totals > 0
    mean: np.ndarray = (amounts[:, some] / totals[some]).sum(axis=1) / max(1, int(some.sum()))
    return mean


def apart(features: np.ndarray) -> np.ndarray:
    """Features (N, F) in a scale in which distances of pictures are about 1."""
    scale = features.std(axis=0)
    scale = np.where(scale > 0, scale, 1) * np.sqrt(2 * features.shape[1])
    scaled: np.ndarray = (features - features.mean(axis=0)) / scale
    return scaled


def best_first(doubt: np.ndarray, places: np.ndarray) -> list[int]:
    """The indices of N pictures, the most worth correcting first; equal ones in their order.

    A correction speaks for pictures as far as they are alike: by a Gaussian function of their
    distance, of `places` (N, F). Each next one adds most to the `doubt` (N,) that those chosen
    speak for, as greedy algorithms maximise such sums (facility location: Cornuejols, Fisher &
    Nemhauser 1977). Those after the first LISTED follow by their doubt alone.
    """
    by_doubt = np.argsort(-doubt, kind="stable")
    some = np.sort(by_doubt[:COMPARED])
    squares = (places[some] ** 2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * places[some] @ places[some].T
    alike = np.exp(-np.maximum(distances, 0) / (2 * NEAR**2))
    spoken_for, left = np.zeros(len(some)), np.ones(len(some), bool)
    chosen: list[int] = []
    for _ in range(min(LISTED, len(some))):
        gains = np.maximum(alike, spoken_for) @ doubt[some]
        pick = int(np.where(left, gains, -1).argmax())
        spoken_for, left[pick] = np.maximum(spoken_for, alike[pick]), False
        chosen.append(int(some[pick]))
    rest = by_doubt[~np.isin(by_doubt, chosen)]
    return [*chosen, *map(int, rest)]


def ranking(counts: pd.DataFrame, objects: pd.DataFrame, labels: Sequence[Path]) -> pd.DataFrame:
    """The pictures of counts.csv, the most worth correcting first; none if nothing tells.

    `objects` is objects.csv; `labels` are the labels of the pictures, whose records are read. The
    rows are those of `counts`, and so is their index. Columns: image; doubt, its mean share, 0 to
    1, of all doubtful pixels and objects, of each class alike; unlikeness, as in
    `network.familiarity`, NaN if it is not known.
    """
    seen = [read_record(label).get("seen", {}) for label in labels]
    if not seen or not all("doubts" in record for record in seen):  # of earlier versions
        return pd.DataFrame(columns=["image", "doubt", "unlikeness"])
    doubts, features, far = (
        np.array([record[key] for record in seen], float)
        for key in ("doubts", "features", "unlikeness")
    )
    doubt = shares(np.column_stack([doubts, unsure_objects(objects, counts["image"])]))
    order = best_first(doubt * np.fmax(far, 1), apart(features))
    return counts[["image"]].assign(doubt=doubt.round(6), unlikeness=far).iloc[order]


def unsure_objects(objects: pd.DataFrame, images: pd.Series) -> np.ndarray:
    """The variance of the number of each image's objects, of each class: float (N, classes).

    An object of confidence p adds p (1 - p); those of no known confidence add nothing.
    """
    if "confidence" not in objects:
        return np.zeros((len(images), 0))
    p = objects["confidence"].astype(float)
    spread = (p * (1 - p)).groupby([objects["image"], objects["class"]]).sum().unstack("class")
    of_images: np.ndarray = spread.reindex(images).fillna(0).to_numpy(float)
    return of_images


def in_words(ranked: pd.DataFrame) -> list[str]:
    """A line on each picture of `ranking`."""
    words = (
        f"{100 * doubt:.1f} % of all doubt" + (f"; {note}" if (note := warning(far)) else "")
        for doubt, far in zip(ranked["doubt"], ranked["unlikeness"], strict=True)
    )
    wide = max(map(len, ranked["image"]), default=0)
    return [
        f"{n:3}  {image:{wide}}  {line}"
        for n, (image, line) in enumerate(zip(ranked["image"], words, strict=True), start=1)
    ]
