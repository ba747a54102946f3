"""A model is compared with the one that it started from, image by image."""

import numpy as np
import pandas as pd
import pytest

from darkfield.files import read_csv, write_csv
from darkfield.measure import before_after
from darkfield.measure.object_scores import THRESHOLDS

RIGHT, WRONG = [[50, 0], [0, 50]], [[50, 0], [10, 40]]
MIOU = (50 / 60 + 40 / 50) / 2  # of WRONG
SUMS = [
    *(f"{kind}_{t}" for kind in ("same", "likeness") for t in THRESHOLDS),
    *("real", "found"),
    *(
        f"{side}_{part}"
        for side in ("predicted", "drawn")
        for part in ("outline", "outline_2", "outline_5", "line", "line_near", "line_inside")
    ),
]


def model(matrix, predicted, n=10, void=0):
    """A model on n images of two cells each, of a field of view each, and some of void alone."""
    images = pd.DataFrame({"image": [f"{i}" for i in range(n)], "group": range(n)})
    objects = images[["image"]].assign(**{"class": "cell"}, drawn_objects=2)
    objects = objects.assign(predicted_objects=predicted, **dict.fromkeys(SUMS, 0))
    every = range(n + void)
    everything = pd.DataFrame({"image": [f"{i}" for i in every], "group": every})
    matrices = np.array([matrix] * n + [np.zeros((2, 2), int)] * void)
    return before_after.tested(everything, matrices, ["background", "cell"], objects)


def test_scores_and_differences_by_hand():
    before, after = model(WRONG, 5), model(RIGHT, 2)
    table = before_after.scores(before, after)
    assert table.columns.tolist() == before_after.COLUMNS
    rows = table.set_index(["metric", "class"])
    of = rows.loc[("miou", "")]
    assert (of["before"], of["after"]) == pytest.approx((MIOU, 1))
    assert of[["difference", "low", "high"]].tolist() == pytest.approx([1 - MIOU] * 3)
    of = rows.loc[("dice", "cell")]
    assert (of["before"], of["after"]) == pytest.approx((80 / 90, 1))
    of = rows.loc[("count_bias", "cell")]
    assert (of["before"], of["after"], of["difference"]) == pytest.approx((1.5, 0, -1.5))
    of = rows.loc[("count_mae", "cell")]
    assert (of["before"], of["after"], of["high"]) == pytest.approx((3, 0, -3))


def test_a_class_that_one_model_alone_invents_changes_no_mean():
    """No mask has the second class; one model calls a single pixel of the first by its name."""
    right, invented = model([[100, 0], [0, 0]], 2), model([[99, 1], [0, 0]], 2)
    for before, after, values in (
        (right, invented, [1, 0.99, -0.01]),
        (invented, right, [0.99, 1, 0.01]),
    ):
        rows = before_after.scores(before, after).set_index(["metric", "class"])
        assert rows.loc[("miou", ""), ["before", "after", "difference"]].tolist() == pytest.approx(
            values
        )
        cell = rows.loc[("dice", "cell"), ["before", "after", "difference"]].tolist()
        known = [None if np.isnan(value) else value for value in cell]
        assert known == ([None, 0, None] if before is right else [0, None, None])


def test_images_of_void_alone_make_no_error_of_counts_smaller():
    both = [before_after.scores(*(model(WRONG, 5, void=void),) * 2) for void in (0, 10)]
    assert both[0].equals(both[1])
    assert both[1].set_index("metric").loc["count_mae", "after"] == 3


def test_each_image_has_its_dice_before_and_after():
    table = before_after.of_images(model(WRONG, 2), model(RIGHT, 2))
    assert table.columns.tolist() == before_after.OF_IMAGES
    assert table["image"].tolist() == [f"{i}" for i in range(10) for _ in range(2)]
    cells = table[table["class"] == "cell"]
    assert cells["dice_before"].to_numpy() == pytest.approx(80 / 90)
    assert cells["dice_after"].to_numpy() == pytest.approx(1)


def test_too_few_fields_have_no_interval():
    table = before_after.scores(model(WRONG, 2, 9), model(RIGHT, 2, 9))
    assert table[["low", "high"]].isna().all(axis=None) and (table["difference"] != 0).any()


def test_without_a_model_to_start_from_both_tables_have_no_row(tmp_path):
    for columns, table in zip(
        (before_after.COLUMNS, before_after.OF_IMAGES), before_after.nothing(), strict=True
    ):
        write_csv(tmp_path / "a.csv", table)
        again = read_csv(tmp_path / "a.csv")
        assert again.empty and again.columns.tolist() == columns
