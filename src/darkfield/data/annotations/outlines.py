"""Outlines filled with pixels, in the ways in which the programs that drew them fill them."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw

from darkfield.data.annotations.drawing import Patch
from darkfield.data.raster import MOST_PIXELS

Points = Sequence[Sequence[float]]  # (x, y) in pixels
CORNERS = 720  # of a polygon along an ellipse, as CVAT has it
RIGHT_EDGE, LEFT_EDGE = 1e-6, -1e-6  # which side of an outline a pixel's centre on it belongs to


def box(points: Points, margin: int = 1) -> tuple[int, int, int, int]:
    """The row, column, height and width that hold all points.

    Raises ValueError for points that are no numbers, or too far apart for a picture.
    """
    xy = np.asarray(points, dtype=float)
    if not np.isfinite(xy).all():
        raise ValueError("has a coordinate that is not a number; draw it again")
    low, high = np.floor(xy.min(axis=0)) - margin, np.ceil(xy.max(axis=0)) + margin + 1
    if np.prod(high - low) > MOST_PIXELS or np.abs(xy).max() > MOST_PIXELS:
        raise ValueError(f"spans more than {MOST_PIXELS:,} pixels; draw it again")
    (column, row), (width, height) = low.astype(int).tolist(), (high - low).astype(int).tolist()
    return row, column, height, width


def painted(points: Points, paint: Callable[[ImageDraw.ImageDraw, list[float]], None]) -> Patch:
    """What Pillow paints; `paint` gets the points as x, y, x, y, ... within the patch."""
    row, column, height, width = box(points)
    picture = Image.new("L", (width, height))
    # On a whole picture Pillow cuts fractions off, towards 0 on either side.
    moved = np.trunc(np.asarray(points, dtype=float)) - (column, row)
    paint(ImageDraw.Draw(picture), moved.ravel().tolist())
    return Patch(row, column, np.asarray(picture).astype(bool))


def pillow_polygon(points: Points) -> Patch:
    """A polygon as Pillow fills it, with its outline: as labelme does."""
    need(points, 3)
    return painted(points, lambda draw, xy: draw.polygon(xy, fill=1, outline=1))


def pillow_rectangle(points: Points) -> Patch:
    """A rectangle between two opposite corners, both included: as labelme does."""
    need(points, 2, exactly=True)
    corners = np.sort(np.asarray(points, dtype=float), axis=0)
    return painted(corners.tolist(), lambda draw, xy: draw.rectangle(xy, fill=1, outline=1))


def pillow_circle(points: Points) -> Patch:
    """A circle from its centre and a point on it: as labelme does."""
    need(points, 2, exactly=True)
    (x, y), (px, py) = points
    r = math.hypot(x - px, y - py)
    corners = [(x - r, y - r), (x + r, y + r)]
    return painted(corners, lambda draw, xy: draw.ellipse(xy, fill=1, outline=1))


def centres(rings: Sequence[Points], edge: float = LEFT_EDGE) -> Patch:
    """The pixels whose centre lies within an odd number of rings: in a polygon, not in its holes.

    The first pixel covers 0 to 1 in x and y, so that its centre is at 0.5. A centre on a left or
    upper edge is within (Java's rule, and so QuPath's), or instead on a right or lower edge, with
    `edge` RIGHT_EDGE (that of ImageJ's PolygonFiller).
    """
    from skimage.draw import polygon

    for ring in rings:
        need(ring, 3)
    row, column, height, width = box([point for ring in rings for point in ring])
    pixels = np.zeros((height, width), bool)
    for ring in rings:
        x, y = (np.asarray(ring, dtype=float) - (column, row) - 0.5 + edge).T
        at = polygon(y, x, pixels.shape)
        pixels[at] ^= True
    return Patch(row, column, pixels)


def rectangle(x: float, y: float, width: float, height: float, turn: float = 0) -> Points:
    """The corners of a rectangle, turned clockwise by `turn` degrees about its first corner."""
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    corners = ((0, 0), (width, 0), (width, height), (0, height))
    return [(x + c * dx - s * dy, y + s * dx + c * dy) for dx, dy in corners]


def ellipse(x: float, y: float, rx: float, ry: float, turn: float = 0) -> Points:
    """A polygon along an ellipse about (x, y), turned clockwise by `turn` degrees."""
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    angles = np.arange(CORNERS) * (2 * math.pi / CORNERS)
    dx, dy = rx * np.cos(angles), ry * np.sin(angles)
    points: Points = np.stack([x + c * dx - s * dy, y + s * dx + c * dy], axis=1).tolist()
    return points


def need(points: Points, number: int, *, exactly: bool = False) -> None:
    """Raise ValueError if an outline has fewer points, or, if `exactly`, another number."""
    if len(points) < number or (exactly and len(points) != number):
        raise ValueError(f"has {len(points)} points, not {number}; draw it again")
