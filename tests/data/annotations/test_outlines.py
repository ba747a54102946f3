"""Outlines become the pixels that their programs would give them."""

import math

import numpy as np
import pytest
from PIL import Image, ImageDraw

from darkfield.data.annotations.drawing import Region, draw
from darkfield.data.annotations.outlines import (
    RIGHT_EDGE,
    centres,
    ellipse,
    pillow_circle,
    pillow_polygon,
    pillow_rectangle,
    rectangle,
)


def mask(patch, size=(6, 6)):
    return draw([(1, Region("e", patch))], size)[0]


def test_pillow_includes_the_outline():
    square = [(1, 1), (3, 1), (3, 3), (1, 3)]
    expected = np.zeros((6, 6), np.uint8)
    expected[1:4, 1:4] = 1
    assert (mask(pillow_polygon(square)) == expected).all()
    assert (mask(pillow_rectangle([(3, 3), (1, 1)])) == expected).all()


def test_a_circle_is_as_wide_as_twice_its_radius():
    found = mask(pillow_circle([(10, 10), (14, 10)]), (21, 21))
    assert found.any(axis=0).nonzero()[0].tolist() == list(range(6, 15))
    assert found.any(axis=1).nonzero()[0].tolist() == list(range(6, 15))


@pytest.mark.parametrize(
    ("fill", "paint", "points"),
    [
        (pillow_polygon, "polygon", [(-0.6, -2.5), (7.3, 1.7), (4.9, 8.2), (-1.5, 5.5)]),
        (pillow_rectangle, "rectangle", [(-1.7, -0.4), (3.8, 4.6)]),
        (pillow_circle, "ellipse", [(2.25, 1.5), (5.5, 1.5)]),
        (pillow_circle, "ellipse", [(6.1, 0.2), (9.8, 2.6)]),
    ],
)
def test_pillow_cuts_what_crosses_the_border_as_on_a_whole_picture(fill, paint, points):
    picture = Image.new("L", (12, 10))
    corners = points
    if paint == "ellipse":
        (x, y), r = points[0], math.dist(*points)
        corners = [(x - r, y - r), (x + r, y + r)]
    getattr(ImageDraw.Draw(picture), paint)(corners, fill=1, outline=1)
    assert (mask(fill(points), (10, 12)) == np.asarray(picture)).all()


def test_whole_coordinates_lie_between_pixels():
    found = mask(centres([[(1, 2), (4, 2), (4, 4), (1, 4)]]))
    expected = np.zeros((6, 6), np.uint8)
    expected[2:4, 1:4] = 1
    assert (found == expected).all()


def test_centres_on_an_edge_belong_to_one_side():
    """Two halves of a square along its diagonal share no pixel, and leave none out."""
    halves = [[(0, 0), (4, 0), (0, 4)], [(4, 0), (4, 4), (0, 4)]]
    for edge, diagonal in ((RIGHT_EDGE, 0), (-RIGHT_EDGE, 1)):
        first, second = (mask(centres([half], edge), (4, 4)) for half in halves)
        assert (first + second == 1).all()
        assert all(second[i, 3 - i] == diagonal for i in range(4))


def test_holes_and_pieces():
    outer, hole = [(0, 0), (5, 0), (5, 5), (0, 5)], [(1, 1), (4, 1), (4, 4), (1, 4)]
    assert mask(centres([outer, hole])).sum() == 25 - 9


def test_turned_shapes():
    assert np.allclose(rectangle(2, 1, 4, 2, 90), [(2, 1), (2, 5), (0, 5), (0, 1)])
    area = mask(centres([ellipse(50, 50, 40, 20, 30)]), (100, 100)).sum()
    assert area == pytest.approx(math.pi * 40 * 20, rel=0.005)
    turned = ellipse(0, 0, 4, 2, 90)
    assert np.ptp(turned, axis=0) == pytest.approx([4, 8])


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([(1, 1), (2, 2)], "has 2 points, not 3"),
        ([(1, 1), (2, 2), (math.nan, 1)], "not a number"),
        ([(1, 1), (2, 2), (1e8, 9)], "spans more than 120,000,000 pixels"),
    ],
)
@pytest.mark.parametrize("fill", [pillow_polygon, lambda points: centres([points])])
def test_broken_outlines(fill, points, words):
    with pytest.raises(ValueError, match=words):
        fill(points)
