"""Calibration on pictures whose truth is known: what is said of others then holds."""

import numpy as np
import pandas as pd
import pytest

from darkfield.measure import reliability
from darkfield.measure.calibration import (
    Tables,
    apply,
    crossed,
    fit,
    fit_temperature,
    level,
    missed_if_not_counted,
    together,
)

NAMES = ["background", "erythrocyte", "spirochaete"]
KEY = {"class": "spirochaete"}


def tables(seed, pictures=60, prefix="", odds=1.0):
    """Pictures of spirochaetes, of which a network is sure or not, rightly but for a factor.

    Of the objects that it finds with logit z, a share expit(z - 1) is real; each picture has some
    more that it misses, as many as keep the total of drawn ones below that of the found.
    """
    rng = np.random.default_rng(seed)
    objects, images, pairs = [], [], []
    for i in range(pictures):
        n = rng.poisson(6)
        z = rng.normal(1.5, 1.5, n)
        real = rng.random(n) < 1 / (1 + np.exp(-odds * (z - 1)))
        missed = rng.poisson(0.4)
        drawn = int(real.sum()) + missed
        image = f"{prefix}{i:03}"
        for k in range(n):
            objects.append(
                {"image": image, **KEY, "drawn": False, "object": k + 1, "real": real[k]}
                | {"area_px": 30, "line_px": 10, "length_px": 10.0, "sharpness": 2.0}
                | {"match": np.nan, "likeness": np.nan}
                | {"probability": 1 / (1 + np.exp(-z[k]))}
            )
        for k in range(drawn):
            objects.append(
                {"image": image, **KEY, "drawn": True, "object": k + 1, "real": False}
                | {"area_px": 30, "line_px": 10, "length_px": 10.0}
                | {"match": np.nan, "likeness": np.nan}
            )
        for k, found in enumerate(np.flatnonzero(real), 1):
            pairs.append(
                {"image": image, **KEY, "predicted_object": found + 1, "drawn_object": k}
                | {"pixels": 25, "predicted_near": 10, "drawn_near": 10}
            )
        images.append({"image": image, **KEY, "predicted_objects": n, "drawn_objects": drawn})
    pixel = {"split": "test", "class": NAMES[2], "bin": 0.5, "pixels": 9, "claimed": 0, "right": 0}
    surprise = ((reliability.TEMPERATURES - 2) ** 2 * 100).astype(int)
    pixels = pd.DataFrame({"temperature": reliability.TEMPERATURES, **pixel, "surprise": surprise})
    return Tables(*map(pd.DataFrame, (objects, pairs, images)), pixels)


@pytest.fixture(scope="module")
def calibration():
    return fit(tables(1, 200), NAMES)


def test_confidence_holds_on_other_pictures(calibration):
    fresh = apply(tables(2, 400), calibration, NAMES)
    found = reliability.of_objects(fresh.objects[~fresh.objects["drawn"]])
    assert found["error"] < 0.03
    for each in found["bins"]:
        assert each["real"] == pytest.approx(each["confidence"], abs=0.12), each


def test_counts_of_other_pictures_are_not_off_and_lie_in_their_intervals(calibration):
    before, after = tables(2, 400).images, apply(tables(2, 400), calibration, NAMES).images
    drawn = after["drawn_objects"].sum()
    assert before["predicted_objects"].sum() > 1.3 * drawn
    assert after["predicted_objects"].sum() == pytest.approx(drawn, rel=0.05)
    assert 0.85 <= reliability.of_counts(after)["inside"] <= 0.95


def test_the_temperature_is_the_one_of_least_surprise(calibration):
    assert calibration.temperatures == (1, 1, 2)  # no pixel of the first two
    pixels = apply(tables(2), calibration, NAMES).pixels
    assert pixels.loc[pixels["calibrated"], "temperature"].tolist() == [2]


def test_where_no_temperature_surprises_less_none_is_changed():
    """Pixels that are right, and so sure that all temperatures leave the same chance of them."""
    pixels = tables(1, 2).pixels.assign(surprise=0)
    assert fit_temperature(pixels) == 1
    hot = pixels.assign(surprise=(pixels["temperature"] < 1.2).astype(int))
    assert fit_temperature(hot) == 1.26


def test_no_fold_is_judged_by_its_own_pictures():
    folds = [tables(k, 60, f"{k}-") for k in range(3)]
    whole, calibration = crossed(folds, NAMES)
    assert calibration == fit(together(folds), NAMES) and calibration.images == 180
    alone = apply(folds[0], fit(together(folds[1:]), NAMES), NAMES)
    mine = whole.objects["image"].str.startswith("0-")
    assert whole.objects[mine].reset_index(drop=True).equals(alone.objects)
    # Whatever was drawn in a fold's own pictures, they are judged alike.
    wrong = folds[0]._replace(objects=folds[0].objects.assign(real=True))
    other, _ = crossed([wrong, *folds[1:]], NAMES)
    assert other.objects.loc[mine, "confidence"].equals(whole.objects.loc[mine, "confidence"])
    assert not other.objects["confidence"].equals(whole.objects["confidence"])


def test_what_is_found_in_something_that_is_not_counted_is_missed():
    row = {"image": "a", **KEY, "likeness": 0.9}
    predicted = [row | {"drawn": False, "object": n, "match": n, "counted": n == 1} for n in (1, 2)]
    drawn = [row | {"drawn": True, "object": n, "match": n, "counted": True} for n in (1, 2)]
    found = missed_if_not_counted(pd.DataFrame(predicted + drawn))
    assert found["match"].tolist()[:3] == [1, 2, 1] and found["match"].isna().sum() == 1
    assert found["likeness"].isna().tolist() == [False, False, False, True]


def test_of_few_objects_nothing_is_claimed():
    few = fit(tables(1, 2), NAMES)
    assert few.objects == {} and few.images == 2
    assert apply(tables(2, 4), few, NAMES).images["low"].isna().all()
    empty = tables(1, 2)
    assert fit(empty._replace(images=empty.images[:0]), NAMES) is None


def test_of_few_objects_an_earlier_model_tells_which_count_but_not_how_sure_that_is(calibration):
    few = fit(tables(1, 2), NAMES, calibration.objects)
    earlier = calibration.objects[NAMES[2]]
    assert few.objects == {NAMES[2]: earlier.model_copy(update={"spread": None})}
    borrowed, own = (apply(tables(2, 4), c, NAMES) for c in (few, calibration))
    assert borrowed.objects.equals(own.objects) and not own.objects["counted"].all()
    assert borrowed.images["low"].isna().all() and own.images["low"].notna().all()
    enough = tables(1, 200)
    assert fit(enough, NAMES, {NAMES[2]: few.objects[NAMES[2]]}) == calibration


def test_without_val_images_what_an_earlier_model_knew_is_kept(calibration):
    none = Tables(*(part[:0] for part in tables(1, 2)))
    kept = fit(none, NAMES, calibration.objects)
    assert kept.objects == fit(tables(1, 2), NAMES, calibration.objects).objects
    assert (kept.images, kept.temperatures) == (0, (1, 1, 1))
    assert fit(none, NAMES, {}) is None


def test_a_confidence_that_is_kept_is_tried_on_test_though_it_has_no_interval(calibration):
    few = fit(tables(1, 2), NAMES, calibration.objects)
    borrowed, own = (
        reliability.by_class(found.objects, found.images, found.pixels, NAMES, NAMES[0])
        for found in (apply(tables(2, 60), c, NAMES) for c in (few, calibration))
    )
    assert borrowed["objects"] == own["objects"] and own["objects"][NAMES[2]]["bins"]
    assert borrowed["counts"] == {} and own["counts"].keys() == {NAMES[2]}


def test_where_all_are_real_confidence_is_high_and_all_count():
    sure = tables(3)
    sure = sure._replace(objects=sure.objects.assign(real=~sure.objects["drawn"]))
    found = fit(sure, NAMES).objects["spirochaete"]
    assert found.slopes == (0, 0, 0, 0, 0)
    n = int((~sure.objects["drawn"]).sum())
    confidence = apply(sure, fit(sure, NAMES), NAMES).objects["confidence"].dropna()
    assert confidence.to_numpy() == pytest.approx((n + 1) / (n + 2))
    assert apply(sure, fit(sure, NAMES), NAMES).objects["counted"].all()


def test_what_is_the_same_of_all_objects_says_nothing(calibration):
    slopes = calibration.objects[NAMES[2]].slopes
    assert slopes[1:4] == pytest.approx((0, 0, 0), abs=1e-9)  # area, length and sharpness
    assert slopes[0] > 0.1


@pytest.mark.parametrize(
    ("drawn", "threshold"), [(2, 0.65), (3, 0.35), (4, 0), (9, 0), (1, 0.85), (0, 0.95)]
)
def test_the_threshold_leaves_as_many_as_were_drawn(drawn, threshold):
    assert level(np.array([0.2, 0.8, 0.5, 0.9]), drawn) == pytest.approx(threshold)


def test_the_threshold_leaves_those_that_are_as_sure_too():
    confidence = np.array([0.2, 0.9, 0.5, 0.5, 0.5])
    assert (confidence >= level(confidence, 2)).sum() == 4
