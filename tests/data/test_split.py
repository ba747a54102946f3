"""Splits: the notebook's sizes, whole groups, fractions and strata held."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from darkfield.data.split import (
    fold_splits,
    given_split,
    grouped_split,
    leaks,
    manner,
    random_split,
    split_images,
    torn,
)
from darkfield.files import UserError

THREE = {"train": 0.7, "val": 0.15, "test": 0.15}


def test_random_rounds_as_the_notebook():
    splits = random_split(366, {"train": 0.9, "val": 0.0, "test": 0.1}, seed=0)
    assert Counter(splits) == {"train": 329, "test": 37}


@pytest.mark.parametrize("n", [1, 2, 3, 7, 10, 99, 100, 286])
def test_random_sizes_add_up(n):
    sizes = Counter(random_split(n, THREE, seed=0))
    assert sum(sizes.values()) == n
    assert all(abs(sizes[s] - f * n) < 1 for s, f in THREE.items())


def random_groups(rng, n_groups):
    sizes = rng.choice([1, 1, 1, 1, 2, 3, 5, 12], n_groups)
    groups = np.repeat(np.arange(n_groups), sizes)
    strata = rng.choice(["011", "010", "001", "000"], len(groups), p=[0.7, 0.2, 0.08, 0.02])
    order = rng.permutation(len(groups))
    return groups[order].tolist(), strata[order].tolist()


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("fractions", [THREE, {"train": 0.9, "val": 0.0, "test": 0.1}])
def test_groups_stay_whole_and_fractions_hold_within_one_group(seed, fractions):
    groups, strata = random_groups(np.random.default_rng(seed), 60)
    splits = grouped_split(groups, strata, fractions, seed)
    assert len(set(zip(groups, splits, strict=True))) == len(set(groups))
    sizes, largest = Counter(splits), max(Counter(groups).values())
    for split, fraction in fractions.items():
        assert abs(sizes[split] - fraction * len(groups)) <= largest


def test_single_images_hold_every_stratum_within_one_image():
    strata = ["011"] * 70 + ["010"] * 20 + ["001"] * 10
    splits = grouped_split(list(range(100)), strata, THREE, seed=3)
    for stratum, n in Counter(strata).items():
        got = Counter(s for s, t in zip(splits, strata, strict=True) if t == stratum)
        assert all(abs(got[s] - f * n) <= 1 for s, f in THREE.items()), (stratum, got)


def test_the_seed_decides():
    groups, strata = random_groups(np.random.default_rng(1), 50)
    first = grouped_split(groups, strata, THREE, seed=1)
    assert first == grouped_split(groups, strata, THREE, seed=1)
    assert first != grouped_split(groups, strata, THREE, seed=2)


def manifest(n):
    names = [f"{i:03}" for i in range(n)]
    return pd.DataFrame({"image": names, "file": names, "pixels_cell": 1})


def split(n, fields, seen=None, strategy="grouped", **fractions):
    options = {"strategy": strategy, "seed": 0, **fractions}
    return split_images(manifest(n), list(fields), seen or [False] * n, ["cell"], **options)


def test_an_empty_split_is_an_error():
    with pytest.raises(UserError, match="3 images in 3 groups leave val empty"):
        split(3, range(3), **THREE)


def test_random_splits_fields_and_still_says_which_they_are():
    fields = [i // 4 for i in range(40)]
    table = split(40, fields, strategy="random", **THREE)
    assert list(table.columns) == ["image", "group", "split"]
    assert table["group"].tolist() == fields
    assert table.groupby("group")["split"].nunique().max() > 1


@pytest.mark.parametrize("strategy", ["grouped", "random"])
def test_the_order_of_the_fractions_makes_no_difference(strategy):
    backwards = dict(reversed(THREE.items()))
    one, two = (split(24, range(24), strategy=strategy, **f) for f in (THREE, backwards))
    assert one.equals(two)


def test_pictures_of_one_field_stay_on_one_side():
    fields = [0, 1] * 6
    table = split(12, fields, train=0.5, val=0, test=0.5)
    assert table["group"].tolist() == fields
    assert table.groupby("group")["split"].nunique().tolist() == [1, 1]


@pytest.mark.parametrize("folds", [2, 3, 5])
@pytest.mark.parametrize("val", [0.15, 0])
def test_in_cross_validation_every_image_tests_once_and_groups_stay_whole(folds, val):
    groups, strata = random_groups(np.random.default_rng(folds), 60)
    new = [False] * len(groups)
    tested = Counter()
    for fold in range(1, folds + 1):
        splits = fold_splits(groups, strata, new, fold, folds, train=0.7, val=val, seed=1)
        assert len(set(zip(groups, splits, strict=True))) == len(set(groups))
        assert ("val" in splits) == (val > 0)
        test = [i for i, split in enumerate(splits) if split == "test"]
        assert abs(len(test) - len(groups) / folds) <= 12  # the largest group
        tested.update(test)
    assert tested == Counter(range(len(groups)))


@pytest.mark.parametrize("strategy", ["grouped", "random"])
@pytest.mark.parametrize("known", [1, 12, 30])
def test_what_pretrained_weights_have_seen_is_in_train(strategy, known):
    """As long as they know no more than the share of train, the sizes are as without them."""
    seen = [i < known for i in range(40)]
    table = split(40, range(40), seen, strategy, train=0.5, val=0.25, test=0.25)
    assert set(table["split"][seen]) == {"train"}
    sizes = Counter(table["split"])
    assert sizes == ({"train": 30, "val": 5, "test": 5} if known == 30 else
                     {"train": 20, "val": 10, "test": 10})  # fmt: skip


def test_nothing_left_to_test_is_a_users_error():
    with pytest.raises(UserError) as error:
        split(12, range(12), [True] * 12, **THREE)
    assert "trained on the fields of view of 12 of the 12 images" in str(error.value)
    assert "leaves val and test empty" in str(error.value)


def test_without_val_and_test_pretrained_weights_may_have_seen_all():
    table = split(12, range(12), [True] * 12, train=1, val=0, test=0)
    assert set(table["split"]) == {"train"}


def test_in_cross_validation_what_was_seen_trains_every_fold_and_tests_none():
    groups, strata = random_groups(np.random.default_rng(1), 60)
    seen = [group < 10 for group in groups]
    tested = Counter()
    for fold in (1, 2, 3):
        splits = fold_splits(groups, strata, seen, fold, 3, train=0.7, val=0.15, seed=1)
        assert {s for s, before in zip(splits, seen, strict=True) if before} == {"train"}
        assert len(set(zip(groups, splits, strict=True))) == len(set(groups))
        tested.update(i for i, s in enumerate(splits) if s == "test")
    assert tested == Counter(i for i, before in enumerate(seen) if not before)


OWN = {"strategy": "grouped", "file": None, "group_by": None}


def given(splits, seen=None, **fractions):
    groups, seen = [i // 2 for i in range(len(splits))], seen or [False] * len(splits)
    return given_split(manifest(len(splits))["image"], groups, seen, splits, THREE | fractions)


def test_a_split_of_the_users_own_is_taken_as_it_is():
    splits = ["train", "val", "test", "test", "train", "train"]
    table = given(splits)
    assert list(table.columns) == ["image", "group", "split"]
    assert table["split"].tolist() == splits
    assert torn(table) == 1
    assert list(leaks(table, OWN)) == ["1 of 3 groups stands on more than one side of the split"]


def test_a_split_of_the_users_own_may_lack_what_has_no_fraction():
    assert len(given(["train", "test"], val=0)) == 2
    with pytest.raises(UserError, match=r"no image in val; add some, or set split\.val to 0"):
        given(["train", "test"])


def test_what_pretrained_weights_know_tests_no_split_of_the_users_own():
    splits = ["train", "train", "val", "test", "test"]
    with pytest.raises(UserError, match=r"split\.file: has 2 images in val and test whose fields"):
        given(splits, [True, False, True, True, False])
    assert len(given(splits, [True, True, False, False, False])) == 5


def test_what_the_split_tears_apart_is_said_and_nothing_else():
    whole = split(12, [0, 1] * 6, train=0.5, val=0, test=0.5)
    assert list(leaks(whole, OWN)) == []
    films = [f"drive{i % 4}_{i:04}" for i in range(12 * 4)]
    table = split(48, range(48), **THREE).assign(image=films)
    (line,) = leaks(table, OWN)
    assert "make 4 sequences" in line and line.endswith(r"set split.group_by: '^(.*?)\d*$'")
    assert list(leaks(table, OWN | {"group_by": "(.)"})) == []


def test_how_the_split_was_made_in_words():
    assert manner(OWN) == "by whole groups; a group is images whose features match"
    assert manner(OWN | {"strategy": "random"}).startswith("image by image, at random; a group")
    of = manner(OWN | {"file": "mine.csv", "group_by": "patient"})
    assert of == (
        "by mine.csv; a group is images whose features match, or that agree in split.group_by "
        "(patient)"
    )
