"""How far a picture is from those that a model knows, by what its encoder makes of it.

It is the Mahalanobis distance of the features that `network.watched` gives (Lee et al. 2018, "A
simple unified framework for detecting out-of-distribution samples and adversarial attacks"). Some
channels stand for all (Defard et al. 2021, "PaDiM"), and the covariance is that of probabilistic
PCA (Tipping & Bishop 1999): variances along a few axes, and one for all other directions. So it
needs few pictures, and few numbers in model.json.
"""

import numpy as np

from darkfield.network.spec import Familiarity

AXES = 8
FLOOR = 0.1  # of a feature's scale, in those of the others: a dead channel may wake a little
FALSE_ALARMS = 0.05
FEWEST_KNOWN, FEWEST_HELD_OUT = 10, 5


def fit_familiarity(known: np.ndarray, held_out: np.ndarray) -> Familiarity | None:
    """From the features (N, F) of the pictures trained on, and (M, F) of others of their kind.

    None if the known ones are too few, N < 10, or all alike, or the network has diverged. Of too
    few others, M < 5, no threshold is made.

    The threshold is the upper prediction limit, at 95 %, for the distance of one more picture like
    the held-out ones, if distances are log-normal (Hahn & Meeker 1991, "Statistical intervals").
    It serves for 5 of them as for 30, of which a conformal quantile would be the greatest: that of
    one picture.
    """
    from scipy import stats

    if len(known) < FEWEST_KNOWN:
        return None
    known = known.astype(np.float64)
    mean, scale = known.mean(axis=0), known.std(axis=0)
    scale = np.maximum(scale, FLOOR * np.median(scale))
    if not scale.min() > 0:  # nor if it is not a number
        return None
    _, singular, axes = np.linalg.svd((known - mean) / scale, full_matrices=False)
    variances = singular**2 / len(known)
    familiarity = Familiarity(
        mean=short(mean),
        scale=short(scale),
        axes=tuple(map(short, axes[:AXES])),
        variances=short(variances[:AXES]),
        rest=variances[AXES:].sum() / (known.shape[1] - AXES),
    )
    if len(held_out) < FEWEST_HELD_OUT:
        return familiarity
    logs = np.log([distance(features, familiarity) for features in held_out])
    beyond = stats.t.ppf(1 - FALSE_ALARMS, len(logs) - 1) * np.sqrt(1 + 1 / len(logs))
    threshold = np.exp(logs.mean() + beyond * logs.std(ddof=1))
    return familiarity.model_copy(update={"threshold": float(threshold)})


def distance(features: np.ndarray, familiarity: Familiarity) -> float:
    """The Mahalanobis distance of a picture's features (F,) from what is known."""
    standard = (features - np.array(familiarity.mean)) / np.array(familiarity.scale)
    along = np.array(familiarity.axes) @ standard
    beside = standard @ standard - along @ along
    return float(
        np.sqrt(along**2 @ (1 / np.array(familiarity.variances)) + beside / familiarity.rest)
    )


def unlikeness(features: np.ndarray, familiarity: Familiarity | None) -> float | None:
    """The `distance` in thresholds: above 1, a picture is not of the known kind.

    None if nothing is known, or without a threshold.
    """
    if familiarity is None or familiarity.threshold is None:
        return None
    return distance(features, familiarity) / familiarity.threshold


def short(values: np.ndarray) -> tuple[float, ...]:
    """With the five digits that matter, for model.json."""
    return tuple(float(f"{value:.5g}") for value in values)
