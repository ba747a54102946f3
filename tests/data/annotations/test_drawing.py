"""Regions become a mask and numbers: order of overlaps, clipping, limits."""

import numpy as np
import pytest

from darkfield.classes import VOID
from darkfield.data.annotations.drawing import Patch, Region, draw, patch_of, union


def region(label, row, column, height, width, **options):
    return Region(label, Patch(row, column, np.ones((height, width), bool)), **options)


def test_the_highest_class_is_on_top_and_within_a_class_the_last():
    regions = [
        (2, region("s", 1, 0, 1, 4)),
        (1, region("e", 0, 1, 3, 2)),
        (1, region("e", 0, 2, 1, 2)),
    ]
    mask, numbers = draw(regions, (3, 4))
    assert mask.tolist() == [[0, 1, 1, 1], [2, 2, 2, 2], [0, 1, 1, 0]]
    assert numbers.tolist() == [[0, 2, 3, 3], [1, 1, 1, 1], [0, 2, 2, 0]]
    assert (mask.dtype, numbers.dtype) == (np.uint8, np.uint16)


def test_background_and_what_is_no_object_have_no_number():
    regions = [(0, region("b", 0, 0, 1, 1)), (1, region("1", 0, 1, 1, 1, is_object=False))]
    mask, numbers = draw([*regions, (1, region("e", 0, 2, 1, 1))], (1, 3))
    assert mask.tolist() == [[0, 1, 1]]
    assert numbers.tolist() == [[0, 0, 1]]


def test_what_is_ignored_lies_on_top_and_is_no_object():
    regions = [(VOID, region("?", 0, 0, 1, 2)), (2, region("s", 0, 1, 1, 2))]
    mask, numbers = draw(regions, (1, 3))
    assert mask.tolist() == [[VOID, VOID, 2]]
    assert numbers.tolist() == [[0, 0, 1]]


def test_what_nobody_drew_on_is_outside_and_below_whatever_its_index():
    regions = [
        (0, region("e", 0, 0, 1, 2)),
        (2, region("b", 0, 1, 1, 2)),
        (VOID, region("?", 0, 0, 1, 1)),
    ]
    mask, numbers = draw(regions, (1, 4), 2)
    assert mask.tolist() == [[VOID, 0, 2, 2]]
    assert numbers.tolist() == [[0, 1, 0, 0]]
    mask, numbers = draw(regions, (1, 4), VOID)
    assert mask.tolist() == [[VOID, 2, 2, VOID]]
    assert numbers.tolist() == [[0, 2, 2, 0]]


@pytest.mark.parametrize(
    ("row", "column", "expected"),
    [(-1, -1, [[1, 0], [0, 0]]), (1, 1, [[0, 0], [0, 1]]), (-1, 1, [[0, 1], [0, 0]])],
)
def test_what_reaches_beyond_the_picture_is_cut_off(row, column, expected):
    assert draw([(1, region("e", row, column, 2, 2))], (2, 2))[0].tolist() == expected


@pytest.mark.parametrize(("row", "column"), [(5, 0), (0, 2), (-3, 0), (0, -2)])
def test_what_lies_wholly_outside_is_refused(row, column):
    with pytest.raises(ValueError, match=r"'e' at row .* lies outside its picture of 2x2 pixels"):
        draw([(1, region("e", row, column, 2, 2))], (2, 2))


def test_what_covers_no_pixel_is_refused():
    regions = [(1, region(label, 0, 0, height, 1)) for label, height in (("e", 1), ("s", 0))]
    with pytest.raises(ValueError, match=r"no pixel of its picture: 1 of 2 \('s'\); draw them"):
        draw(regions, (2, 2))


def test_more_objects_than_16_bits_number_are_refused():
    with pytest.raises(ValueError, match="has 65,536 objects; cut the picture"):
        draw([(1, region("e", 0, 0, 1, 1))] * 65536, (1, 1))


def test_union_and_patch_of():
    pixels = np.zeros((5, 6), bool)
    pixels[1:3, 2:5] = True
    row, column, inside = patch_of(pixels)
    assert (row, column, inside.tolist()) == (1, 2, [[True] * 3] * 2)
    joined = union([Patch(-1, 0, np.ones((1, 1), bool)), Patch(0, 1, np.ones((1, 1), bool))])
    assert (joined.row, joined.column) == (-1, 0)
    assert joined.pixels.tolist() == [[True, False], [False, True]]
    assert patch_of(np.zeros((3, 3), bool)).pixels.size == 0
