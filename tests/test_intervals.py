"""Intervals hold what they should, are of groups, and say so where there are none."""

import numpy as np
import pytest

from darkfield.intervals import intervals, with_means
from darkfield.metrics import overlap_accuracy


@pytest.fixture
def matrices():
    return np.random.default_rng(0).integers(1, 1000, (30, 3, 3))


def test_they_hold_the_metric_and_have_its_shape(matrices):
    values, limits = with_means(matrices), intervals(matrices, range(30))
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
    found = intervals(matrices, range(400))["overlap_accuracy"]
    assert np.abs(found - expected).max() < 0.15 * half.min()


def test_groups_are_drawn_and_not_images(matrices):
    """Each image four times in its group tells nothing new; as groups of their own they would."""
    four = matrices.repeat(4, axis=0)
    once = intervals(matrices, range(30))
    again = intervals(four, np.arange(30).repeat(4))
    apart = intervals(four, range(120))
    for metric in once:
        assert again[metric] == pytest.approx(once[metric]), metric
        widths = np.diff(apart[metric]), np.diff(once[metric])
        assert (widths[0] < 0.6 * widths[1]).all(), metric


def test_the_names_of_groups_do_not_matter(matrices):
    numbers = np.arange(30) // 3
    named = intervals(matrices, [f"g{n:02}" for n in numbers])
    for metric, limits in intervals(matrices, numbers).items():
        assert (named[metric] == limits).all(), metric


def test_a_rare_class_has_an_interval_and_an_absent_one_has_none(matrices):
    matrices[1:, 1], matrices[1:, :, 1] = 0, 0
    matrices[:, 2], matrices[:, :, 2] = 0, 0
    limits = intervals(matrices, range(30))
    assert np.isfinite(limits["iou"][:2]).all()
    assert np.isfinite(limits["miou"]).all()
    for metric in ("iou", "dice", "precision", "recall", "overlap_accuracy_present"):
        assert np.isnan(limits[metric][2]).all(), metric
    assert (limits["overlap_accuracy"][2] == 1).all()


def test_one_group_has_no_interval(matrices):
    limits = intervals(matrices, ["a"] * 30)
    assert limits["iou"].shape == (3, 2)
    assert limits["miou"].shape == (2,)
    assert all(np.isnan(v).all() for v in limits.values())
