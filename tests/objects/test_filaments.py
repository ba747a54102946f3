"""Spirochaetes of drawn masks, whose number and lengths are known."""

import cv2
import numpy as np
import pytest

from darkfield.objects.filaments import label_filaments


def draw(*lines, width=4, shape=(120, 120), closed=False):
    """A mask of polylines, each a list of x, y: bool."""
    mask = np.zeros(shape, np.uint8)
    for line in lines:
        cv2.polylines(mask, [np.array(line)], closed, 1, width)
    return mask > 0


def lengths(mask):
    labels, found = label_filaments(mask)
    assert (labels.dtype, labels.shape) == (np.int32, mask.shape)
    assert set(np.unique(labels)) - {0} == set(range(1, len(found) + 1))
    assert not (labels[~mask]).any()
    return found


def bar(length, width, degrees):
    y, x = np.mgrid[:300, :300] - 149.5
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return (abs(x * c + y * s) <= length / 2) & (abs(y * c - x * s) <= width / 2)


@pytest.mark.parametrize("width", [3, 5, 9, 15])
def test_a_bar_has_its_length_whatever_its_direction(width):
    found = [lengths(bar(200, width, degrees)) for degrees in range(0, 91, 10)]
    assert {len(each) for each in found} == {1}
    assert np.concatenate(found) == pytest.approx(200, rel=0.065)
    assert np.mean(found) == pytest.approx(200, rel=0.025)


def test_a_wave_has_its_length():
    x = np.arange(10, 190)
    wave = np.stack([x, 30 + 8 * np.sin(x / 6)], axis=1)
    true = np.linalg.norm(np.diff(wave, axis=0), axis=1).sum() + 3
    assert lengths(draw(np.rint(wave).astype(int), width=3, shape=(60, 200))) == pytest.approx(
        true, rel=0.05
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([(10, 10), (110, 110)], [(10, 110), (110, 10)]),
        ([(10, 60), (110, 60)], [(60, 10), (60, 110)]),
        ([(10, 48), (110, 72)], [(10, 72), (110, 48)]),
        ([(10, 30), (110, 80)], [(35, 10), (35, 110)]),
    ],
)
def test_two_bars_that_cross_are_two(one, other):
    true = [np.hypot(*np.diff(line, axis=0)[0]) + 4 for line in (one, other)]
    assert sorted(lengths(draw(one, other))) == pytest.approx(sorted(true), rel=0.06)


def test_three_bars_that_cross_in_one_place_are_three():
    assert (
        len(lengths(draw([(10, 60), (110, 60)], [(35, 17), (85, 103)], [(35, 103), (85, 17)]))) == 3
    )


def test_a_y_is_the_straighter_way_and_a_branch():
    found = lengths(draw([(60, 110), (60, 60), (30, 15)], [(60, 60), (100, 15)]))
    assert sorted(found) == pytest.approx([60, 106], rel=0.08)


def test_a_filament_may_bend_close_on_itself_and_cross_itself():
    assert lengths(draw([(20, 20), (20, 90), (90, 90)])) == pytest.approx([142], rel=0.05)
    eye = [(10, 20), (40, 50), (60, 60), (75, 50), (60, 40), (40, 50), (10, 85)]
    assert len(lengths(draw(eye))) == 1
    ring = cv2.circle(np.zeros((120, 120), np.uint8), (60, 60), 35, 1, 4) > 0
    assert lengths(ring) == pytest.approx([2 * np.pi * 35], rel=0.03)
    assert len(lengths(ring | draw([(5, 60), (115, 60)]))) == 2


def test_a_filament_that_is_interrupted_is_one_and_a_wide_gap_parts_two():
    line = draw([(10, 60), (110, 60)])
    broken, parted = line.copy(), line.copy()
    broken[:, 57:62] = parted[:, 45:75] = False
    assert lengths(broken) == pytest.approx(lengths(line), rel=0.02)
    assert len(lengths(parted)) == 2


def test_ends_that_do_not_face_each_other_are_not_joined():
    assert len(lengths(draw([(10, 50), (60, 50)], [(10, 58), (60, 58)]))) == 2
    assert len(lengths(draw([(10, 50), (60, 50)], [(66, 56), (66, 110)]))) == 2


def test_fragments_are_no_filaments():
    speck = cv2.circle(np.zeros((40, 40), np.uint8), (20, 20), 4, 1, -1) > 0
    assert len(lengths(speck)) == 0
    assert len(lengths(draw([(20, 20), (23, 20)]))) == 0


@pytest.mark.parametrize("shape", [(1, 1), (16, 16), (3, 200)])
def test_any_mask(shape):
    assert len(lengths(np.zeros(shape, bool))) == 0
    assert len(lengths(np.ones(shape, bool))) == (shape == (3, 200))
