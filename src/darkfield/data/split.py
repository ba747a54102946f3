"""Which images train, validate and test: by whole fields, at random, or as split.file has it."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from darkfield.classes import pixels_column
from darkfield.data.group_by import FRAMES, sequence_pattern, torn_sequences
from darkfield.data.trained_on import REMEDY
from darkfield.files import UserError


def random_split(n: int, fractions: dict[str, float], seed: int) -> list[str]:
    """Split n images at random; sizes are the fractions, rounded by largest remainder."""
    exact = np.array(list(fractions.values())) * n
    sizes = np.floor(exact).astype(int)
    # round() so that equal remainders do not depend on floating-point dust
    by_remainder = np.argsort(-np.round(exact - sizes, 9), kind="stable")
    sizes[by_remainder[: n - sizes.sum()]] += 1
    splits = np.repeat(list(fractions), sizes)
    drawn: list[str] = np.random.default_rng(seed).permutation(splits).tolist()
    return drawn


def grouped_split(
    groups: list[int], strata: list[str], fractions: dict[str, float], seed: int
) -> list[str]:
    """Split whole groups so that each split has its fraction of the images, within one group.

    `groups` and `strata` have one entry per image; a stratum says which classes the image has, and
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
    groups: list[int],
    strata: list[str],
    seen: list[bool],
    fold: int,
    folds: int,
    train: float,
    val: float,
    seed: int,
) -> list[str]:
    """The splits of one fold, 1..folds, of a cross-validation: each group tests in one fold only.

    The other groups are divided between train and val in the proportion of their fractions. Images
    that were `seen` before are in train, in every fold. `groups` and `strata` are as in
    grouped_split; of `seen`, bool, all images of a group are true or none.
    """
    splits = dict.fromkeys((i for i, before in enumerate(seen) if before), "train")

    def share(images: list[int], fractions: dict[str, float]) -> dict[int, str]:
        of = [groups[i] for i in images], [strata[i] for i in images]
        return dict(zip(images, grouped_split(*of, fractions, seed), strict=True))

    new = [i for i in range(len(groups)) if i not in splits]
    fold_of = share(new, {str(f + 1): 1 / folds for f in range(folds)})
    rest = [i for i in new if fold_of[i] != str(fold)]
    fractions = {"train": train / (train + val), "val": val / (train + val)}
    splits |= share(rest, left_over(fractions, len(splits), len(rest) + len(splits)))
    return [splits.get(i, "test") for i in range(len(groups))]


def left_over(fractions: dict[str, float], seen: int, n: int) -> dict[str, float]:
    """The fractions of n images, `seen` of which are already in train, as fractions of the rest."""
    if not seen:
        return fractions
    left = fractions | {"train": max(0, fractions["train"] - seen / n)}
    total = sum(left.values()) or 1
    return {split: fraction / total for split, fraction in left.items()}


def strata_of(manifest: pd.DataFrame, classes: list[str]) -> list[str]:
    """Which of the classes each image of a manifest has: one string of 0s and 1s per image."""
    present = manifest[[pixels_column(name) for name in classes]].to_numpy() > 0
    return ["".join("01"[int(has)] for has in row) for row in present]


def split_images(
    manifest: pd.DataFrame,
    groups: list[int],
    seen: list[bool],
    classes: list[str],
    *,
    strategy: str,
    seed: int,
    **fractions: float,
) -> pd.DataFrame:
    """The table image, group, split of a manifest's images.

    `groups` numbers the field of view of each image. With the strategy "grouped", the images of a
    group stay on one side; with "random", each image is assigned by itself. Images that pretrained
    weights have `seen` are in train, whatever the fractions. Raises UserError if a split with a
    fraction above 0 stays empty.
    """
    n, strata = len(manifest), strata_of(manifest, classes)
    new = [i for i in range(n) if not seen[i]]
    # In one order, whatever that of the keys: it decides ties, and where a random split begins.
    shares = left_over(dict(sorted(fractions.items())), n - len(new), n)
    if strategy == "random":
        some = random_split(len(new), shares, seed)
    else:
        some = grouped_split([groups[i] for i in new], [strata[i] for i in new], shares, seed)
    split_of = dict(zip(new, some, strict=True))
    splits = [split_of.get(i, "train") for i in range(n)]
    empty = [s for s, fraction in fractions.items() if fraction and s not in splits]
    if empty and any(seen):
        raise UserError(
            f"split: the pretrained weights were trained on the fields of view of {n - len(new)} "
            f"of the {n} images, which leaves {' and '.join(empty)} empty; add other images, set "
            f"train.pretrained_weights: null, or {REMEDY}"
        )
    if empty:
        raise UserError(
            f"split: {n} images in {len(set(groups))} groups leave {' and '.join(empty)} empty; "
            "add images or change the fractions"
        )
    return pd.DataFrame({"image": manifest["image"], "group": groups, "split": splits})


def given_split(
    images: pd.Series,
    groups: list[int],
    seen: list[bool],
    splits: list[str],
    fractions: dict[str, float],
) -> pd.DataFrame:
    """The table image, group, split with the splits that split.file gives, whatever the groups.

    Raises UserError if val or test has images that pretrained weights have `seen`, and if a split
    with a fraction above 0 stays empty; the fractions mean nothing else.
    """
    if known := sum(s != "train" for s, before in zip(splits, seen, strict=True) if before):
        raise UserError(
            f"split.file: has {known} images in val and test whose fields of view the pretrained "
            "weights were trained on; move them to train, set train.pretrained_weights: null, or "
            f"{REMEDY}"
        )
    if empty := [s for s, fraction in fractions.items() if fraction and s not in splits]:
        keys = " and ".join(f"split.{s}" for s in empty)
        raise UserError(
            f"split.file: has no image in {' and '.join(empty)}; add some, or set {keys} to 0"
        )
    return pd.DataFrame({"image": images, "group": groups, "split": splits})


def manner(split: dict[str, Any]) -> str:
    """How the images were divided, according to the section split of params.yaml, in words."""
    group_by, file = split["group_by"], split["file"]
    ways = {"grouped": "by whole groups", "random": "image by image, at random"}
    also = "" if group_by is None else f", or that agree in split.group_by ({group_by})"
    how = ways[split["strategy"]]
    if file is not None:
        how = f"by {file}"
    return f"{how}; a group is images whose features match{also}"


def torn(table: pd.DataFrame) -> int:
    """How many groups of a table with columns group and split stand on more than one side."""
    return int((table.groupby("group")["split"].nunique() > 1).sum())


def leaks(table: pd.DataFrame, split: dict[str, Any]) -> Iterator[str]:
    """What the split tears apart, as far as groups and names tell, in sentences without a stop.

    `table` has the columns image, group and split; `split` is that section of params.yaml.
    """
    if n := torn(table):
        stand = "stands" if n == 1 else "stand"
        yield f"{n} of {table['group'].nunique()} groups {stand} on more than one side of the split"
    if split["group_by"] is None and (films := torn_sequences(table)):
        pattern = sequence_pattern(table["image"].tolist())
        yield (
            f"the numbers in the names make {films} sequences of {FRAMES} images or more that "
            "stand on more than one side of the split; if each is a film, a slide or a patient, "
            f"set split.group_by: '{pattern}'"
        )
