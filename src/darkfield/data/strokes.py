"""Strokes of light, of which thin or blurred things in a synthetic scene are made.

Lengths are in pixels.
"""

from typing import NamedTuple

import numpy as np

from darkfield.data.drawing import distances

THINNEST = 0.5  # spread


class Strokes(NamedTuple):
    """N straight strokes."""

    starts: np.ndarray  # float (N, 2) of x, y
    ends: np.ndarray  # float (N, 2)
    spread: np.ndarray  # standard deviation of the light across the stroke, float (N,)
    light: np.ndarray  # RGB, float (N, 3)


def dots(centres: np.ndarray, spread: np.ndarray | float, light: np.ndarray) -> Strokes:
    """Spots at `centres` (N, 2) of x, y; the spread and the RGB of all of them, or of each."""
    n = len(centres)
    spread, light = np.broadcast_to(spread, n), np.broadcast_to(light, (n, 3))
    return Strokes(centres, centres + 0.01, spread, light)


def trace(line: np.ndarray, spread: np.ndarray | float, light: np.ndarray) -> Strokes:
    """A line (N + 1, 2) of x, y; the spread and the RGB of all of it, or of each of N pieces."""
    return dots(line[:-1], spread, light)._replace(ends=line[1:])


def curve(
    rng: np.random.Generator, start: np.ndarray, angle: float, length: float, bend: float
) -> np.ndarray:
    """A line that leaves `start` (x, y) at `angle` and winds by about `bend`, both in radians.

    Float (N, 2) of x, y, in steps of about a pixel; at least three points.
    """
    n = max(2, round(length))
    along = np.linspace(0, 1, n)
    turn = rng.uniform(-1, 1) * along
    turn += 0.4 * np.sin(rng.uniform(2, 9) * along + rng.uniform(0, 2 * np.pi))
    steps = direction(angle + bend * turn) * length / n
    return np.vstack([start, start + np.cumsum(steps, axis=0)])


def direction(angle: np.ndarray | float) -> np.ndarray:
    """Unit vectors at angles (...), in radians: float (..., 2) of x, y."""
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def lay(found: list[Strokes], light: np.ndarray) -> None:
    """Add strokes to the light (H, W, 3)."""
    if not found:
        return
    strokes = Strokes(*map(np.concatenate, zip(*found, strict=True)))
    lengths = np.linalg.norm(strokes.ends - strokes.starts, axis=1)
    reach = np.ceil(3 * strokes.spread.clip(THINNEST) + lengths).astype(int)
    glow = np.zeros_like(light)
    for each in np.unique(reach):
        starts, ends, spread, colour = (values[reach == each] for values in strokes)
        near, which, pixels = distances(starts, ends, each, light.shape[:2])
        # What is thinner than a pixel is as wide as one and fainter, or it would have gaps.
        wide = np.maximum(spread, THINNEST)
        profile = (spread / wide)[which] * np.exp(-0.5 * (near / wide[which]) ** 2)
        np.maximum.at(glow, pixels, profile[:, None] * colour[which])
    light += glow
