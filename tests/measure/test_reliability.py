"""Sums for calibration, and its errors, against values worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from darkfield.classes import VOID
from darkfield.measure.reliability import (
    BINS,
    SUMS,
    TEMPERATURES,
    UNIT,
    by_class,
    error,
    nothing,
    of_counts,
    of_objects,
    of_pixels,
    pixel_table,
    tally,
)

NAMES = ["background", "cell"]
ONE = list(TEMPERATURES).index(1.0)


def logits(*cells):
    """Logits (2, 1, W) of pixels whose class `cell` has these probabilities."""
    p = np.array([cells], float)
    return np.log(np.stack([1 - p, p])).astype(np.float32)


def test_pixels_are_summed_by_predicted_class_and_bin():
    sums = tally(logits(0.9, 0.92, 0.3), np.array([[1, 0, 0]]))[:, ONE]
    assert sums.sum(axis=(0, 1))[0] == 3
    pixels, claimed, right, surprise = sums[1, int(0.9 * BINS)]
    assert (pixels, right) == (2, 1)
    assert claimed == UNIT * 1.82
    assert surprise == pytest.approx(-UNIT * (np.log(0.9) + np.log(0.08)), abs=2)
    assert sums[0, int(0.7 * BINS)].tolist()[:3] == [1, 0.7 * UNIT, 1]


def test_sums_do_not_depend_on_how_a_picture_is_cut():
    rng = np.random.default_rng(0)
    values = rng.normal(0, 3, (3, 40, 30)).astype(np.float32)
    drawn = rng.integers(0, 3, (40, 30))
    whole = tally(values, drawn)
    parts = sum(
        (tally(values[:, r : r + 7], drawn[r : r + 7]) for r in range(0, 40, 7)), nothing(3)
    )
    assert (whole == parts).all()


def test_a_table_of_sums_leaves_out_what_no_pixel_is_in():
    table = pixel_table(tally(logits(0.9, 0.92), np.array([[1, 0]])), "val", NAMES)
    row = table[table["temperature"] == 1].iloc[0]
    assert (row["split"], row["class"], row["bin"], row["pixels"]) == ("val", "cell", 0.9, 2)
    assert table["pixels"].min() == 1
    assert (table.groupby("temperature")["pixels"].sum() == 2).all()


def test_the_error_is_the_mean_distance_between_claim_and_truth():
    # 10 are said to be 0.9 sure and 7 are right; 30 are said to be 0.6 sure and 18 are.
    bins = pd.DataFrame({"times": [10, 30], "claimed": [9, 18], "right": [7, 18]})
    assert error(bins) == pytest.approx(2 / 40)
    assert error(bins[:0]) is None


def test_errors_before_and_after_come_from_the_rows_of_those_temperatures():
    table = pd.DataFrame(
        {
            "class": "cell",
            "temperature": [1, 2],
            "bin": [0.9, 0.7],
            "pixels": 10,
            "claimed": [9 * UNIT, 7 * UNIT],
            "right": 7,
            "surprise": 0,
            "calibrated": [False, True],
        }
    )
    found = of_pixels(table, NAMES, "background")
    assert found["cell"] == pytest.approx({"before": 0.2, "after": 0})
    assert found["foreground"] == found["cell"] and found["background"]["after"] is None


def test_objects_are_compared_by_tenths():
    objects = pd.DataFrame(
        {"confidence": [0.81, 0.89, 0.2, 1.0], "real": [True, False, False, True]}
    )
    found = of_objects(objects)
    assert found["bins"][1] == {
        "low": 0.8,
        "objects": 2,
        "confidence": pytest.approx(0.85),
        "real": 0.5,
    }
    assert [each["low"] for each in found["bins"]] == [0.2, 0.8, 0.9]
    assert found["error"] == pytest.approx((0.2 + 0.7 + 0) / 4)


def test_a_count_is_inside_its_interval_ends_included():
    images = pd.DataFrame({"drawn_objects": [0, 2, 5], "low": [0, 2, 1], "high": [1, 4, 4]})
    assert of_counts(images) == {"images": 3, "inside": 2 / 3, "mean_width": 2}


def test_without_a_calibration_there_is_nothing_to_say():
    images = pd.DataFrame({"class": ["cell"], "low": [pd.NA], "high": [pd.NA]})
    assert by_class(pd.DataFrame(), images, pd.DataFrame(), NAMES, "background") is None


def test_without_a_background_every_class_is_foreground():
    row = {"temperature": 1, "bin": 0.9, "pixels": 10, "surprise": 0, "calibrated": True}
    rows = [("background", 9, 9), ("cell", 9, 7)]
    table = pd.DataFrame(
        {"class": name, "claimed": claimed * UNIT, "right": right, **row}
        for name, claimed, right in rows
    )
    assert of_pixels(table, NAMES, None)["foreground"]["before"] == pytest.approx(2 / 20)


def test_objects_of_a_fold_without_calibration_are_left_out():
    """There, neither objects have a confidence nor counts an interval."""
    images = pd.DataFrame(
        {"class": "cell", "drawn_objects": 1, "low": [0, None], "high": [2, None]}
    )
    objects = pd.DataFrame({"class": "cell", "drawn": False, "confidence": [0.75, None]})
    objects["real"] = True
    pixels = pd.DataFrame(columns=["class", "temperature", "calibrated", "bin", *SUMS])
    found = by_class(objects, images, pixels, NAMES, "background")
    assert found["objects"]["cell"]["bins"] == [
        {"low": 0.7, "objects": 1, "confidence": 0.75, "real": 1}
    ]
    assert found["counts"]["cell"]["images"] == 1


def test_void_is_in_no_bin():
    values = logits(0.9, 0.92, 0.3)
    drawn = np.array([[1, VOID, 0]])
    assert (tally(values, drawn) == tally(values[..., [0, 2]], drawn[:, [0, 2]])).all()
    assert not tally(values, np.full((1, 3), VOID)).any()
