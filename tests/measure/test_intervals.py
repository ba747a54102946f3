"""Intervals hold what they should, are of groups, and say so where there are too few."""

import numpy as np
import pytest

from darkfield.measure.intervals import (
    RESAMPLES,
    SEED,
    intervals,
    percentiles,
    resampled,
    with_means,
)
from darkfield.measure.metrics import overlap_accuracy


@pytest.fixture
def matrices():
    return np.random.default_rng(0).integers(1, 1000, (30, 3, 3))


def test_they_hold_the_metric_and_have_its_shape(matrices):
    values, limits = with_means(matrices), intervals(matrices, range(30)).limits
    assert limits.keys() == values.keys()
    for metric, value in values.items():
        low, high = np.moveaxis(limits[metric], -1, 0)
        assert low.shape == np.shape(value)
        assert (low < value).all() and (value < high).all(), metric


def test_a_mean_over_images_has_the_interval_of_the_central_limit_theorem():
    matrices = np.random.default_rng(1).integers(1, 1000, (400, 2, 2))
    accuracy = overlap_accuracy(matrices)
    half = 1.96 * accuracy.std(axis=0) / np.sqrt(400)
    expected = accuracy.mean(axis=0)[:, None] + half[:, None] * [-1, 1]
    found = intervals(matrices, range(400)).limits["overlap_accuracy"]
    assert np.abs(found - expected).max() < 0.15 * half.min()


def test_groups_are_drawn_and_not_images(matrices):
    """Each image four times in its group tells nothing new; as groups of their own they would."""
    four = matrices.repeat(4, axis=0)
    once = intervals(matrices, range(30)).limits
    again = intervals(four, np.arange(30).repeat(4)).limits
    apart = intervals(four, range(120)).limits
    for metric in once:
        assert again[metric] == pytest.approx(once[metric]), metric
        widths = np.diff(apart[metric]), np.diff(once[metric])
        assert (widths[0] < 0.6 * widths[1]).all(), metric


def test_the_names_of_groups_do_not_matter(matrices):
    numbers = np.arange(30) // 3
    named = intervals(matrices, [f"g{n:02}" for n in numbers]).limits
    for metric, limits in intervals(matrices, numbers).limits.items():
        assert (named[metric] == limits).all(), metric


def test_a_class_has_intervals_where_ten_groups_show_it(matrices):
    matrices[10:, 1], matrices[10:, :, 1] = 0, 0
    matrices[9:, 2], matrices[9:, :, 2] = 0, 0
    limits = intervals(matrices, range(30)).limits
    for metric in with_means(matrices).keys() - {"miou", "mdice"}:
        assert np.isfinite(limits[metric][:2]).all(), metric
        assert np.isnan(limits[metric][2]).all(), metric
    assert np.isfinite(limits["miou"]).all()


def test_a_class_that_one_group_draws_and_many_invent_has_no_interval_of_recall(matrices):
    matrices[1:, 2] = 0
    limits = intervals(matrices, range(30)).limits
    for metric in ("recall", "overlap_accuracy_present"):
        assert np.isnan(limits[metric][2]).all(), metric
    for metric in ("iou", "dice", "precision"):
        assert np.isfinite(limits[metric][2]).all(), metric


@pytest.mark.parametrize(("groups", "words"), [(1, "1 group (field of view) is"), (9, "9 groups")])
def test_too_few_groups_have_no_interval_and_it_is_said(matrices, groups, words):
    found = intervals(matrices, np.arange(30) % groups)
    assert found.limits == {} and found.groups == groups
    assert found.note.startswith(f"No 95 % intervals: {words}")
    assert found.note.endswith("too few; 10 are the least.")
    enough = intervals(matrices, np.arange(30) % 10)
    assert enough.limits and enough.note is None


def test_images_of_void_alone_are_no_fields_of_view(matrices):
    matrices[12:] = 0
    expected = intervals(matrices[:12], range(12))
    found = intervals(matrices, range(30))
    assert found.groups == 12 and found.left_out == expected.left_out
    assert found.limits["miou"] == pytest.approx(expected.limits["miou"])
    matrices[9:] = 0
    assert intervals(matrices, range(30)).note.startswith("No 95 % intervals: 9 groups")


def test_a_part_without_a_class_of_the_whole_has_no_mean():
    whole = np.array([[[50, 50], [0, 0]], [[0, 0], [90, 10]]])
    values = with_means(whole)  # background 50 of 50 + 50 + 90, the other 10 of 10 + 50 + 90
    assert values["miou"] == pytest.approx((50 / 190 + 10 / 150) / 2)
    lacking = np.array([[[100, 0], [0, 0]]])
    assert with_means(lacking)["miou"] == 1  # a set of its own
    assert np.isnan(with_means(lacking, ~np.isnan(values["iou"]))["miou"])


def test_resamples_that_lack_a_class_are_left_out_and_counted():
    """Ten images, of which one has the second class, perfect otherwise: (9 / 10)^10 lack it."""
    matrices = np.array([[[100, 0], [0, 0]]] * 9 + [[[40, 10], [10, 40]]])
    found = intervals(matrices, range(10))
    has = resampled(lambda rows: np.array([(rows == 9).any()]), range(10))[0]
    assert found.left_out == RESAMPLES - has.sum() == pytest.approx(RESAMPLES * 0.9**10, rel=0.1)
    assert found.note == (
        f"The intervals of the means leave out {found.left_out} of 2,000 resamples, which lack one "
        "of the classes."
    )
    rng = np.random.default_rng(SEED)
    means = []
    for _ in range(RESAMPLES):
        n = (rng.integers(10, size=10) == 9).sum()
        if n:  # background (1000 - 60 n) / (1000 - 40 n), the other 40 / 60
            means.append(((1000 - 60 * n) / (1000 - 40 * n) + 40 / 60) / 2)
    assert found.limits["miou"] == pytest.approx(np.percentile(means, [2.5, 97.5]))


def test_what_no_resample_knows_has_no_interval():
    unknown = np.full((2, 5), np.nan)
    assert np.isnan(percentiles(unknown)).all()
    one_known = np.vstack([unknown, np.arange(5)])
    assert percentiles(one_known)[2] == pytest.approx([0.1, 3.9])
