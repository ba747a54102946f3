"""Bootstrap intervals: how much a metric depends on which images happened to be tested.

Whole groups are drawn, never single pixels or images, because the images of one field of view are
alike, and so are the pixels of one image. The spread between trainings is not included.
"""

from collections.abc import Callable, Hashable, Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from darkfield.measure.metrics import class_mean, iou, summarise

LEVEL, RESAMPLES, SEED = 0.95, 2000, 0
# With fewer, a percentile interval is over a twentieth too narrow (Hesterberg 2015, What Teachers
# Should Know About the Bootstrap, The American Statistician 69), and a single group decides it.
FEWEST = 10


class Intervals(NamedTuple):
    """`limits`: (low, high) on the last axis, by metric; empty where there are too few groups.

    `groups` is their number, `left_out` the number of resamples that lack one of the classes.
    """

    limits: dict[str, np.ndarray]
    groups: int
    left_out: int

    @property
    def note(self) -> str | None:
        """What must be said beside a table of these intervals; None if nothing."""
        return too_few(self.groups) or incomplete(self.left_out)


def too_few(groups: int) -> str | None:
    """Why there are no intervals; None if there are enough groups."""
    if groups >= FEWEST:
        return None
    fields = (
        "1 group (field of view) is" if groups == 1 else f"{groups} groups (fields of view) are"
    )
    return f"No {100 * LEVEL:.0f} % intervals: {fields} too few; {FEWEST} are the least."


def enough(tells: np.ndarray, groups: Iterable[Hashable]) -> np.ndarray:
    """Which scores at least FEWEST groups tell something of: bool (N,).

    `tells`, bool (rows, N), is which rows do; `groups` names the group of each.
    """
    by_group = pd.DataFrame(tells).groupby(np.array(list(groups))).any()
    found: np.ndarray = by_group.sum().to_numpy() >= FEWEST
    return found


def incomplete(left_out: int) -> str | None:
    """How many resamples the intervals of the means leave out; None if none."""
    if not left_out:
        return None
    return (
        f"The intervals of the means leave out {left_out:,} of {RESAMPLES:,} resamples, which lack "
        "one of the classes."
    )


def with_means(matrices: np.ndarray, of: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """metrics.summarise of matrices (images, C, C), and `miou`, `mdice`, by metrics.class_mean."""
    values = summarise(matrices)
    return values | {f"m{metric}": class_mean(values[metric], of) for metric in ("iou", "dice")}


def resampled(
    statistic: Callable[[np.ndarray], np.ndarray], groups: Iterable[Hashable]
) -> np.ndarray:
    """A statistic (N,) of the rows of resamples of whole groups: (N, RESAMPLES).

    `groups` names the group of each row; the statistic receives the indices of the rows drawn,
    int (R,).
    """
    names, group = np.unique(np.array(list(groups)), return_inverse=True)
    members = [np.flatnonzero(group == g) for g in range(len(names))]
    rng = np.random.default_rng(SEED)
    drawn = (rng.integers(len(names), size=len(names)) for _ in range(RESAMPLES))
    rows = (np.concatenate([members[g] for g in some]) for some in drawn)
    return np.stack([statistic(some) for some in rows], axis=-1)


def percentiles(distribution: np.ndarray) -> np.ndarray:
    """The LEVEL interval (N, 2) of each row (N, resamples) of a distribution, NaN left out."""
    tail = 50 * (1 - LEVEL)
    result = np.full((len(distribution), 2), np.nan)
    known = ~np.isnan(distribution).all(axis=1)
    if known.any():
        result[known] = np.nanpercentile(distribution[known], [tail, 100 - tail], axis=1).T
    return result


def intervals(matrices: np.ndarray, groups: Iterable[Hashable]) -> Intervals:
    """95 % bootstrap percentile intervals of `with_means`.

    Those of a metric are (C, 2), one row per class; those of `miou` and `mdice` (2,). `matrices`
    are int64 (images, C, C), `groups` names each image's group; images that are void altogether are
    left out, and groups of them alone are none. Resamples in which a metric is not defined are left
    out: they have none of the class or, for a mean, lack one of the classes that all images
    together have, so that all means are over the same classes. NaN if no resample remains, and
    where fewer than FEWEST groups tell anything of a class's metric. (Efron & Tibshirani, An
    Introduction to the Bootstrap, 1993, chapter 13.)
    """
    there = matrices.any(axis=(1, 2))
    matrices, groups = matrices[there], np.array(list(groups))[there]
    count = len(set(groups))
    if too_few(count):
        return Intervals({}, count, 0)
    known = with_means(matrices)
    of = ~np.isnan(known["iou"])

    def statistic(rows: np.ndarray) -> np.ndarray:
        return np.concatenate([np.ravel(v) for v in with_means(matrices[rows], of).values()])

    ends = np.cumsum([np.size(v) for v in known.values()])[:-1]
    parts = dict(zip(known, np.split(resampled(statistic, groups), ends), strict=True))
    limits = {m: percentiles(part).reshape(*np.shape(known[m]), 2) for m, part in parts.items()}
    there = ~np.isnan(iou(matrices))
    each = [summarise(matrix[None]) for matrix in matrices]
    for metric in each[0]:
        tells = there & ~np.isnan([of[metric] for of in each])
        limits[metric][~enough(tells, groups)] = np.nan
    return Intervals(limits, count, int(np.isnan(parts["miou"]).sum()))
