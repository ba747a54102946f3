"""Recipes are compared on the same images, and over trainings, by hand-worked examples."""

import numpy as np
import pandas as pd
import pytest

from darkfield.measure.intervals import intervals
from darkfield.measure.object_scores import THRESHOLDS
from darkfield.measure.paired import (
    ONCE,
    Recipe,
    comparable,
    compare,
    measured,
    notes,
    score_names,
    summary,
    table,
)

RIGHT, WRONG = [[50, 0], [0, 50]], [[50, 0], [10, 40]]  # mean IoU 1, and (50 / 60 + 40 / 50) / 2
MIOU = (50 / 60 + 40 / 50) / 2


def recipe(*trainings, groups=None, names=None):
    """What trainings made of their images, each a list of matrices of two classes."""
    n = len(trainings[0])
    groups = range(n) if groups is None else groups
    names = [f"{i}" for i in range(n)] if names is None else names
    images = pd.DataFrame({"image": names, "group": groups})
    return Recipe(images, np.array(trainings), ["background", "cell"], {})


def test_mean_spread_and_difference_by_hand():
    first = recipe([RIGHT] * 10, [WRONG] * 10)
    other = recipe([WRONG] * 10, [WRONG] * 10)
    found = compare(first, other)
    k = score_names(first).index("miou")
    assert found["mean"][k] == pytest.approx(MIOU)
    assert found["sd"][k] == 0
    assert found["difference"][k] == pytest.approx((MIOU - 1) / 2)
    # All images are alike, and so are all resamples.
    assert found["difference_interval"][k] == pytest.approx([(MIOU - 1) / 2] * 2)
    # Of two values, sqrt(2) times half of what lies between them.
    assert compare(first, first)["sd"][k] == pytest.approx((1 - MIOU) / np.sqrt(2))
    k = score_names(first).index("cell_dice")
    assert found["mean"][k] == pytest.approx(80 / 90)
    rows = table({"a": first, "b": other}).set_index("preset")
    assert rows.loc["b", "miou_differs"] == "yes"
    assert pd.isna(rows.loc["a", "miou_differs"]) and rows.loc["a", "trainings"] == 2
    assert "-0.092" in summary(rows.reset_index())
    assert notes({"a": first, "b": other}) == []


def test_objects_are_compared_on_the_same_images_too():
    """One recipe finds 2 of 2 cells in every image, the other 1 of 2 and invents another."""
    columns = ["predicted_objects", "drawn_objects", "same_50"]
    zero = [f"{kind}_{t}" for kind in ("same", "likeness") for t in THRESHOLDS][1:]
    zero += ["real", "found"] + [
        f"{side}_{part}"
        for side in ("predicted", "drawn")
        for part in ("outline", "outline_2", "outline_5", "line", "line_near", "line_inside")
    ]

    def counts(*row):
        values = np.zeros((2, 10, len(columns) + len(zero)))
        values[..., :3] = row
        return {"erythrocyte": ([*columns, *zero], values)}

    one = recipe([RIGHT] * 10, [RIGHT] * 10)
    found = [one._replace(objects=counts(*row)) for row in ((2, 2, 2), (3, 2, 1))]
    rows = table(dict(zip("ab", found, strict=True))).set_index("preset")
    assert rows.loc["b", "erythrocyte_object_f1"] == pytest.approx(2 * 1 / 5)
    assert rows.loc["b", "erythrocyte_object_f1_difference"] == pytest.approx(0.4 - 1)
    assert rows.loc["b", "erythrocyte_object_f1_differs"] == "yes"
    assert rows.loc["b", "erythrocyte_count_bias"] == pytest.approx(0.5)
    assert rows.loc["a", "erythrocyte_count_bias"] == 0


def test_an_image_of_void_alone_is_not_measured():
    """Nor is a field of view that shows no other, so that two of three remain."""
    rows = {"image": ["a", "c"], "class": "cell", "split": "test", "group": [1, 3]}
    table = pd.DataFrame(rows | {"predicted_objects": [5, 7], "low": pd.NA, "high": pd.NA})
    images = pd.DataFrame({"image": list("abc"), "group": [1, 2, 3]})
    matrices = np.array([[RIGHT, np.zeros((2, 2), int), WRONG]])
    found = measured(images, matrices, ["background", "cell"], [table])
    columns, values = found.objects["cell"]
    assert (columns, values.tolist()) == (["predicted_objects"], [[[5.0], [7.0]]])
    assert found.images["image"].tolist() == ["a", "c"]
    assert found.matrices.tolist() == [[RIGHT, WRONG]]
    assert "2 groups" in notes({"a": found})[-1]


def test_pairs_show_what_intervals_apart_do_not():
    """Every image is a little better, but images differ far more from each other."""
    rng = np.random.default_rng(0)
    wrong = rng.integers(1, 40, 30)
    a = [[[100, 0], [w, 50 - w]] for w in wrong]
    b = [[[100, 0], [w - 1, 51 - w]] for w in wrong]
    first, other = recipe(a, a), recipe(b, b)
    k = score_names(first).index("miou")
    apart, found = compare(first, first), compare(first, other)
    assert found["interval"][k][0] < apart["interval"][k][1]
    assert found["difference_interval"][k][0] > 0


def test_an_interval_is_that_of_the_cross_validation():
    matrices = np.random.default_rng(1).integers(1, 100, (40, 2, 2))
    groups = np.arange(40) // 2
    one = recipe(matrices, groups=groups)
    k = score_names(one).index("miou")
    expected = intervals(matrices, groups).limits["miou"]
    assert compare(one, one)["interval"][k] == pytest.approx(expected)


def test_one_training_each_shows_no_difference():
    recipes = {"a": recipe([RIGHT] * 10), "b": recipe([WRONG] * 10)}
    rows = table(recipes).set_index("preset")
    assert rows.loc["b", "miou_difference"] == pytest.approx(MIOU - 1)
    assert rows.loc["b", "miou_differs"] == ONCE
    assert pd.isna(rows.loc["b", "miou_sd"])
    assert ONCE in summary(rows.reset_index()) and "nan" not in summary(rows.reset_index())
    (note,) = notes(recipes)
    assert "How much two trainings of one preset differ is not known" in note


def test_noise_about_zero_is_not_shown_to_differ():
    rng = np.random.default_rng(2)
    a, b = rng.integers(40, 60, (2, 2, 20, 2, 2))
    rows = table({"a": recipe(*a), "b": recipe(*b)}).set_index("preset")
    assert rows.loc["b", "miou_low"] < rows.loc["b", "miou"] < rows.loc["b", "miou_high"]
    assert rows.loc["b", "miou_differs"] == "not shown"


def test_too_few_fields_and_other_images_are_said():
    few = {"a": recipe([RIGHT] * 9, [RIGHT] * 9), "b": recipe([WRONG] * 9, [WRONG] * 9)}
    rows = table(few).set_index("preset")
    assert rows.loc["b", "miou_differs"] == "not shown (too few fields of view)"
    assert rows[["miou_low", "miou_difference_high"]].isna().all(axis=None)
    (note,) = notes(few)
    assert note.startswith("No 95 % intervals: 9 groups")
    other = recipe([WRONG] * 10, [WRONG] * 10, names=list("abcdefghij"))
    mixed = {"a": recipe([RIGHT] * 10, [RIGHT] * 10), "b": other}
    assert not comparable(*mixed.values())
    assert "miou_difference" not in table(mixed)
    assert notes(mixed)[0].startswith("b: not compared with a, which was tested on other images")
    assert "differ" not in summary(table(mixed))


@pytest.mark.parametrize(("n", "says"), [(9, "not shown (too few fields of view)"), (10, "yes")])
def test_a_class_that_few_fields_show_is_not_shown_to_differ(n, says):
    one, other = ([m] * n + [[[50, 0], [0, 0]]] * (20 - n) for m in (RIGHT, WRONG))
    rows = table({"a": recipe(one, one), "b": recipe(other, other)}).set_index("preset")
    assert rows.loc["b", "cell_dice_differs"] == says
    assert np.isnan(rows.loc["b", "cell_dice_low"]) == (n < 10)


def test_a_class_that_a_resample_lacks_gives_no_other_mean():
    """One image in twelve has cells: a resample without it is left out, not averaged over one."""
    a = [[[50, 0], [0, 0]]] * 11 + [[[40, 10], [10, 40]]]
    one = recipe(a)
    low, high = compare(one, one)["interval"][score_names(one).index("miou")]
    assert high < 1 and low > 0.7
