"""How sure it is that an object is real: worked out by hand on small masks."""

import math

import numpy as np
import pandas as pd
import pytest

from darkfield.objects import confidence
from darkfield.objects.calibration import Calibration, Objects
from darkfield.objects.confidence import (
    confidences,
    counts,
    described,
    evidence,
    explained,
    interval,
    judged,
    likely,
    steepness,
)
from darkfield.objects.table import find

CLASSES = {"background": 0, "erythrocyte": 1, "spirochaete": 2}
KINDS = {"erythrocyte": "blob", "spirochaete": "filament"}
FLAT = Objects(
    intercept=0, slopes=(1, 0, 0, 0, 0), threshold=0.75, spread=1
)  # confidence = probability
BOTH = Calibration(
    temperatures=(1, 1, 1), objects={"erythrocyte": FLAT, "spirochaete": FLAT}, images=10
)


def scene():
    """A mask with a cell of 20 x 20 and two lines, its certainty, and its picture."""
    mask, image = np.zeros((60, 100), np.uint8), np.zeros((60, 100, 3), np.uint8)
    certainty = np.full(mask.shape, 0.99)
    mask[5:25, 5:25] = 1
    certainty[5:25, 5:25] = 0.8
    for row, sure in ((40, 0.9), (50, 0.6)):
        mask[row : row + 3, 30:80] = 2
        certainty[row : row + 3, 30:80] = sure
        image[row : row + 3, 30:80, 1] = 200
    return mask, certainty, image


def seen():
    mask, certainty, image = scene()
    return evidence(find(mask, CLASSES, KINDS), mask, CLASSES, certainty, image)


def test_evidence_is_the_mean_certainty_and_the_steps_of_brightness_at_the_outline():
    found = seen()
    assert found["probability"].tolist() == [0.8, 0.9, 0.6]
    assert found["sharpness"][0] == 0  # nothing in the picture
    # Along a long side Sobel sees a step of 200 over 2 pixels; the middle row of 3 has none.
    assert found["sharpness"][1] == pytest.approx(100, rel=0.05)


def test_a_gradient_is_the_root_of_a_whole_number_of_eighths():
    """To the last bit, wherever in memory the picture lies."""
    image = np.random.default_rng(0).integers(0, 256, (40, 33, 3), dtype=np.uint8)
    gradient = steepness(image)
    assert np.array_equal(gradient, np.sqrt(np.rint((8 * gradient) ** 2)) / 8)
    assert gradient.max() > 50


def test_what_a_spirochaete_covers_of_a_cell_does_not_make_the_cell_less_sure():
    mask, certainty, image = scene()
    mask[14:16, 0:40], certainty[14:16, 0:40] = 2, 0.5
    assert (
        evidence(find(mask, CLASSES, KINDS), mask, CLASSES, certainty, image)["probability"][0]
        == 0.8
    )


def test_evidence_does_not_depend_on_the_rows_taken_at_a_time(monkeypatch):
    whole = seen()
    for rows in (1, 7, 41):  # 41 cuts the first line
        monkeypatch.setattr(confidence, "ROWS", rows)
        assert seen().equals(whole)


def test_confidence_depends_on_logarithms():
    row = {"probability": 0.8, "area_px": math.e, "length_px": np.nan, "sharpness": math.e - 1}
    assert explained(pd.DataFrame([row])) == pytest.approx(np.array([[math.log(4), 1, 0, 1, 0]]))
    filament = explained(pd.DataFrame([row | {"length_px": math.e - 1}]))
    assert filament == pytest.approx(np.array([[math.log(4), 1, 1, 1, math.log(4)]]))
    table = pd.DataFrame([row | {"class": "erythrocyte"}])
    of = Objects(intercept=1, slopes=(2, 3, 4, 5, 6), threshold=0, spread=0)
    calibration = Calibration(temperatures=(1, 1), objects={"erythrocyte": of}, images=1)
    odds = 1 + 2 * math.log(4) + 3 + 0 + 5
    assert confidences(table, calibration) == pytest.approx([1 / (1 + math.exp(-odds))])


def test_only_what_is_likely_is_counted():
    table = pd.DataFrame({"class": ["spirochaete"] * 3, "confidence": [0.74, 0.75, np.nan]})
    assert likely(table, BOTH).tolist() == [False, True, True]
    assert likely(table, None).all()


def test_without_a_calibration_all_count_and_nothing_is_said():
    mask, _, _ = scene()
    found = find(mask, CLASSES, KINDS)
    objects = described(found, seen(), mask, CLASSES, KINDS, None)
    assert objects["confidence"].isna().all() and objects["counted"].all()
    row = counts(objects, mask, CLASSES, KINDS, None).iloc[0]
    assert row["spirochaetes"] == 2 and pd.isna(row["spirochaetes_high"])


def test_counts_are_of_the_likely_and_have_an_interval():
    mask, _, _ = scene()
    objects = described(find(mask, CLASSES, KINDS), seen(), mask, CLASSES, KINDS, BOTH)
    assert objects["confidence"].tolist() == pytest.approx([0.8, 0.9, 0.6])
    assert objects["counted"].tolist() == [True, True, False]
    table = counts(objects, mask, CLASSES, KINDS, BOTH)
    row = table.iloc[0]
    assert (row["spirochaetes"], row["spirochaetes_low"], row["spirochaetes_high"]) == (1, 0, 2)
    assert row["total_length_px"] == pytest.approx(objects["length_px"][1])
    assert list(table.columns[:6]) == [
        *("erythrocytes", "erythrocytes_low", "erythrocytes_high"),
        *("spirochaetes", "spirochaetes_low", "spirochaetes_high"),
    ]


def test_a_border_rule_and_a_threshold_both_exclude():
    table = pd.DataFrame(
        {
            "class": "spirochaete",
            "probability": [0.9, 0.9, 0.5],
            "area_px": 20,
            "sharpness": 1.0,
            "counted": [True, False, True],
        }
    )
    assert judged(table, BOTH)["counted"].tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("count", "spread", "ends"),
    [(0, 1, (0, 1)), (3, 1, (1, 5)), (3, 0, (3, 3)), (8, 0.99, (6, 10))],
)
def test_an_interval_holds_whole_numbers_from_0(count, spread, ends):
    assert interval(count, FLAT.model_copy(update={"spread": spread})) == ends
