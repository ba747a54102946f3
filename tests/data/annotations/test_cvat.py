"""CVAT's XML for images 1.1."""

from xml.etree.ElementTree import fromstring

import numpy as np
import pytest

from darkfield.data.annotations.cvat import is_cvat, read
from darkfield.data.annotations.drawing import draw
from darkfield.data.annotations.problems import Problems


def file(shapes, size='width="8" height="6"'):
    return fromstring(
        "<annotations><version>1.1</version><meta/>"
        f'<image id="0" name="train/a.png" {size}>{shapes}</image>'
        '<image id="1" name="b.png" width="8" height="6"/></annotations>'
    )


def drawn(shapes):
    root = file(shapes)
    assert is_cvat(root)
    first, second = read(root)
    assert (first.picture, second.regions) == ("train/a.png", [])
    assert {region.label for region in first.regions} == {"RBC"}
    return draw([(1, region) for region in first.regions], first.size)[1]


BOX = np.zeros((6, 8), int)
BOX[1:3, 2:6] = 1


@pytest.mark.parametrize(
    "shape",
    [
        '<polygon label="RBC" points="2,1;6,1;6,3;2,3" z_order="0"/>',
        '<box label="RBC" xtl="2" ytl="1" xbr="6" ybr="3"/>',
        '<box label="RBC" xtl="3" ytl="0" xbr="5" ybr="4" rotation="90"/>',
        '<mask label="RBC" rle="0, 4, 0, 4" left="2" top="1" width="4" height="2"/>',
        '<tag label="good"/><polygon label="RBC" points="2,1;6,1;6,3;2,3"><attribute name="x"/>'
        "</polygon>",
    ],
)
def test_shapes(shape):
    assert (drawn(shape) == BOX).all()


def test_an_ellipse():
    found = drawn('<ellipse label="RBC" cx="4" cy="3" rx="3" ry="2"/>')
    assert found.any(axis=0).nonzero()[0].tolist() == list(range(1, 7))
    assert found.any(axis=1).nonzero()[0].tolist() == list(range(1, 5))


def test_run_lengths_begin_with_what_is_left_out():
    found = drawn('<mask label="RBC" rle="1,2,1" left="0" top="0" width="2" height="2"/>')
    assert np.argwhere(found).tolist() == [[0, 1], [1, 0]]


def test_what_lies_higher_is_drawn_later_and_groups_are_one_object():
    low, high = "2,1;6,1;6,3;2,3", "2,1;3,1;3,3;2,3"
    found = drawn(
        f'<polygon label="RBC" points="{high}" z_order="1"/>'
        f'<polygon label="RBC" points="{low}" z_order="0" group_id="1"/>'
        '<box label="RBC" xtl="0" ytl="5" xbr="2" ybr="6" group_id="1"/>'
    )
    assert found[1].tolist() == [0, 0, 2, 1, 1, 1, 0, 0]
    assert found[5].tolist() == [1, 1, 0, 0, 0, 0, 0, 0]


def test_group_0_is_none():
    box = '<box label="RBC" xtl="{}" ytl="0" xbr="{}" ybr="1" group_id="0"/>'
    assert drawn(box.format(0, 2) + box.format(3, 4))[0].tolist() == [1, 1, 0, 2, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ('<polyline label="x" points="1,1;2,2"/>', "'x' is a polyline, which has no area"),
        ('<points label="x" points="1,1"/>', "'x' is a points, which has no area"),
        ('<polygon label="x" points="1,1;2,2"/>', "has 2 points, not 3"),
        ('<polygon label="x"/>', "is a polygon without 'points'"),
        ('<mask label="x" rle="9" left="0" top="0" width="2" height="2"/>', "for 9 pixels, not 4"),
    ],
)
def test_what_cannot_be_drawn(shape, words):
    with pytest.raises(Problems, match=f"^train/a.png: shape 1: .*{words}"):
        read(file(shape))


def test_a_picture_without_a_size():
    with pytest.raises(Problems, match=r"^train/a.png: lacks its 'height'"):
        read(file("", 'width="8"'))
