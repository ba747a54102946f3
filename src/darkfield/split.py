"""Which image trains, validates, tests: at random as in the notebook, or whole fields at a time."""

from collections import Counter

import numpy as np
import pandas as pd

from darkfield.classes import pixels_column
from darkfield.files import UserError


def random_split(n: int, fractions: dict[str, float], seed: int) -> list[str]:
    """Split n images at random. The sizes are the fractions' largest-remainder rounding."""
    exact = np.array(list(fractions.values())) * n
    sizes = np.floor(exact).astype(int)
    # round() so that equal remainders do not depend on floating-point dust
    by_remainder = np.argsort(-np.round(exact - sizes, 9), kind="stable")
    sizes[by_remainder[: n - sizes.sum()]] += 1
    splits = np.repeat(list(fractions), sizes)
    return np.random.default_rng(seed).permutation(splits).tolist()


def grouped_split(
    groups: list[int], strata: list[str], fractions: dict[str, float], seed: int
) -> list[str]:
    """Split whole groups so that each split has its fraction of the images, within one group.

    `groups` and `strata` hold one entry an image; a stratum says which classes the image has, and
    every split gets its fraction of each stratum as far as the groups allow. Greedy, as iterative
    stratification (Sechidis et al. 2011): large groups and rare strata first, each to the split
    that lacks the largest share of the group's strata among those that the group fits into.
    """
    members: dict[int, list[int]] = {}
    for i, group in enumerate(groups):
        members.setdefault(group, []).append(i)
    sizes = Counter(strata)
    lacks = {s: f * len(groups) for s, f in fractions.items() if f}
    lacks_of = {(s, t): f * sizes[t] for s, f in fractions.items() for t in sizes}
    order = list(members)
    np.random.default_rng(seed).shuffle(order)
    order.sort(key=lambda g: (-len(members[g]), min(sizes[strata[i]] for i in members[g])))

    split_of = {}
    for group in order:
        have = Counter(strata[i] for i in members[group])
        size = len(members[group])
        split = max(
            lacks,
            key=lambda s: (
                lacks[s] >= min(size, max(lacks.values())) - 1e-9,
                round(sum(n * lacks_of[s, t] for t, n in have.items()) / fractions[s], 9),
                lacks[s],
            ),
        )
        split_of[group] = split
        lacks[split] -= size
        for stratum, n in have.items():
            lacks_of[split, stratum] -= n
    return [split_of[g] for g in groups]


def fold_splits(
    groups: list[int], strata: list[str], fold: int, folds: int, train: float, val: float, seed: int
) -> list[str]:
    """The splits of a fold, 1..folds, of cross-validation: its groups test, in no other fold do.

    The others are shared out among train and val in the proportion of these fractions. `groups` and
    `strata` as in grouped_split.
    """
    fold_of = grouped_split(groups, strata, {str(f + 1): 1 / folds for f in range(folds)}, seed)
    rest = [i for i, f in enumerate(fold_of) if f != str(fold)]
    fractions = {"train": train / (train + val), "val": val / (train + val)}
    some = grouped_split([groups[i] for i in rest], [strata[i] for i in rest], fractions, seed)
    splits = dict(zip(rest, some, strict=True))
    return [splits.get(i, "test") for i in range(len(groups))]


def strata_of(manifest: pd.DataFrame, classes: list[str]) -> list[str]:
    """Which of the classes each image of a manifest has: one text of 0s and 1s per image."""
    present = manifest[[pixels_column(name) for name in classes]].to_numpy() > 0
    return ["".join("01"[int(has)] for has in row) for row in present]


def untrained(strata: list[str], splits: list[str], classes: list[str]) -> list[str]:
    """The classes that no training image has."""
    trains = [stratum for stratum, split in zip(strata, splits, strict=True) if split == "train"]
    return [name for i, name in enumerate(classes) if all(s[i] == "0" for s in trains)]


def split_images(
    manifest: pd.DataFrame,
    groups: list[int] | None,
    classes: list[str],
    *,
    seed: int,
    **fractions: float,
) -> pd.DataFrame:
    """The table image, group, split of a manifest's images.

    `groups` numbers the field of view of each image, to be kept on one side; None splits image by
    image, at random. Raises UserError if a split that is asked for stays empty, or no training
    image has a class.
    """
    n, strata = len(manifest), strata_of(manifest, classes)
    if groups is None:
        groups = list(range(n))
        splits = random_split(n, fractions, seed)
    else:
        splits = grouped_split(groups, strata, fractions, seed)
    empty = [s for s, fraction in fractions.items() if fraction and s not in splits]
    if empty:
        raise UserError(
            f"split: {n} images in {len(set(groups))} groups leave {' and '.join(empty)} empty; "
            "add images or change the fractions"
        )
    if unseen := untrained(strata, splits, classes):
        raise UserError(
            f"split: no training image has {' or '.join(unseen)}; add images, or change split.seed"
        )
    return pd.DataFrame({"image": manifest["image"], "group": groups, "split": splits})
