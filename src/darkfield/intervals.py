"""How far a metric may be off because these images were tested and not others: bootstrap intervals.

Whole groups are drawn, never pixels or images: pictures of one field of view go together, and
pixels of one picture do. What another training would change is not in these intervals.
"""

import warnings
from collections.abc import Sequence

import numpy as np

from darkfield.metrics import summarise

LEVEL, RESAMPLES, SEED = 0.95, 2000, 0


def with_means(matrices: np.ndarray) -> dict[str, np.ndarray]:
    """metrics.summarise of matrices (images, C, C), and `miou`, `mdice`: means over the classes."""
    values = summarise(matrices)
    return values | {"miou": np.nanmean(values["iou"]), "mdice": np.nanmean(values["dice"])}


def intervals(matrices: np.ndarray, groups: Sequence) -> dict[str, np.ndarray]:
    """95 % bootstrap percentile intervals, (low, high) on the last axis, of `with_means`.

    Those of a metric are (C, 2), a row a class; those of `miou` and `mdice` (2,). `matrices` are
    int64 (images, C, C), `groups` names each image's group. A resample in which a metric is not
    defined, having none of the class, is left out; NaN if there is no other, or only one group.
    (Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.)
    """
    from scipy.stats import bootstrap

    names, of_image = np.unique(np.asarray(groups), return_inverse=True)
    members = [np.flatnonzero(of_image == g) for g in range(len(names))]
    known = with_means(matrices)

    def statistic(drawn: np.ndarray) -> np.ndarray:
        values = with_means(matrices[np.concatenate([members[g] for g in drawn])])
        return np.concatenate([np.atleast_1d(v) for v in values.values()])

    if len(names) < 2:
        return {metric: np.full((*np.shape(v), 2), np.nan) for metric, v in known.items()}
    tail = 50 * (1 - LEVEL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of metrics that are undefined, which we leave out
        drawn = bootstrap(
            (np.arange(len(names)),),
            statistic,
            n_resamples=RESAMPLES,
            vectorized=False,
            method="percentile",
            rng=np.random.default_rng(SEED),
        )
        limits = np.nanpercentile(drawn.bootstrap_distribution, [tail, 100 - tail], axis=-1).T
    ends = np.cumsum([np.size(v) for v in known.values()])[:-1]
    parts = zip(known.items(), np.split(limits, ends), strict=True)
    return {metric: part.reshape(*np.shape(v), 2) for (metric, v), part in parts}
