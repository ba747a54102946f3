"""Erythrocytes of drawn masks, whose number is known."""

import cv2
import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from darkfield.objects.blobs import depth, fill_slots, label_blobs, weighted_median

NONE = np.zeros((120, 160), bool)


def discs(*cells, shape=NONE.shape):
    """Discs of x, y, radius: bool."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.logical_or.reduce([np.hypot(x - cx, y - cy) <= r for cx, cy, r in cells])


def count(erythrocyte, spirochaete=None):
    none = np.zeros_like(erythrocyte)
    labels = label_blobs(erythrocyte, none if spirochaete is None else spirochaete)
    assert (labels.dtype, labels.shape) == (np.int32, erythrocyte.shape)
    assert set(np.unique(labels)) - {0} == set(range(1, labels.max() + 1))
    return labels.max()


def test_distances_are_exact_to_the_last_bit_wherever_in_memory_the_picture_lies():
    mask = discs((80, 60, 55), (30, 30, 20))
    _, nearest = distance_transform_edt(mask, return_indices=True)
    squares = ((nearest - np.indices(mask.shape)) ** 2).sum(0)
    for shift in range(64):
        moved = np.empty(mask.size + 64, bool)[shift : shift + mask.size].reshape(mask.shape)
        moved[:] = mask
        np.testing.assert_array_equal(depth(moved), np.sqrt(squares).astype(np.float32))


@pytest.mark.parametrize("radius", [3, 5, 10, 20, 50])
def test_a_disc_is_one_cell_at_any_magnification(radius):
    cell = discs((80, 60, radius))
    assert count(cell) == 1
    np.testing.assert_array_equal(label_blobs(cell, NONE) > 0, cell)


@pytest.mark.parametrize("apart", [1.4, 1.6, 1.8, 1.95])
@pytest.mark.parametrize("radius", [6, 12, 25])
def test_two_discs_that_touch_are_two_cells_of_equal_size(radius, apart):
    labels = label_blobs(discs((50, 60, radius), (50 + apart * radius, 60, radius)), NONE)
    areas = np.bincount(labels.ravel())[1:]
    assert len(areas) == 2
    assert areas[0] == pytest.approx(areas[1], rel=0.12)


@pytest.mark.parametrize("axes", [(10, 6), (20, 12), (40, 25)])
@pytest.mark.parametrize("angle", [0, 20, 45])
def test_an_ellipse_is_one_cell(axes, angle):
    drawn = cv2.ellipse(NONE.astype(np.uint8), (80, 60), axes, angle, 0, 360, 1, -1)
    assert count(drawn > 0) == 1


def test_three_cells_grown_together_are_counted_by_their_area():
    """They are deepest in their middle; the other cells say how large one is."""
    clump = discs((35, 40, 15), (57, 40, 15), (46, 59, 15))
    assert count(clump | discs((120, 25, 15), (120, 60, 15), (120, 95, 15), (30, 100, 15))) == 7


def test_a_cell_that_is_cut_says_nothing_of_the_size_of_the_others():
    """As in a real picture, in which bumps made large cells of several small ones."""
    bumpy = [discs((x, 70, 24), (x + 24, 70, 13), (x - 24, 70, 13)) for x in (40, 120)]
    assert count(discs((80, 2, 20)) | bumpy[0] | bumpy[1]) == 3


def test_specks_are_no_cells_and_half_a_cell_at_the_border_is_one():
    cells = discs((40, 40, 16), (100, 60, 16))
    assert count(cells | discs((140, 20, 5))) == 2
    assert count(cells | discs((0, 90, 16))) == 3
    assert count(cells | discs((-12, 90, 16))) == 2
    assert count(discs((20, 20, 1))) == 0


def test_a_spirochaete_over_a_cell_does_not_divide_it():
    cell, bar = discs((80, 60, 25)), NONE.copy()
    bar[57:63, 20:150] = True
    assert cv2.connectedComponents((cell & ~bar).astype(np.uint8))[0] == 3
    filled = fill_slots(cell & ~bar, bar)
    assert not (filled & ~cell).any()
    assert filled.sum() > 0.98 * cell.sum()
    assert count(cell & ~bar, bar) == 1


def test_a_spirochaete_beside_a_cell_is_not_part_of_it():
    cell, bar = discs((80, 60, 25)), NONE.copy()
    bar[84:88, 20:150] = True
    assert (fill_slots(cell & ~bar, bar) & bar).sum() <= 4


@pytest.mark.parametrize("shape", [(1, 1), (16, 16), (16, 200)])
def test_a_mask_without_an_outline(shape):
    assert count(np.zeros(shape, bool)) == 0
    assert count(np.ones(shape, bool)) == 1


def test_the_median_cell_is_weighted_by_its_area():
    assert weighted_median(np.array([5.0, 1.0, 1.0, 1.0]), np.array([9.0, 1.0, 1.0, 1.0])) == 5
    assert weighted_median(np.array([3.0, 2.0, 1.0]), np.ones(3)) == 2
