"""The light of a synthetic darkfield scene, and which of its pixels are which object.

Only scattered light reaches the camera, so a scene is a sum of lights over a nearly black field.
Lengths are in pixels. Where a spirochaete crosses an erythrocyte, it is on top.

Everything is computed in float64: the last digit of exp or of a blur may differ between
processors and thread counts, and at that precision it no longer reaches the 8 bits of a pixel.
"""

from typing import NamedTuple

import cv2
import numpy as np

# Ranges (low, high) are drawn from uniformly; lengths are in pixels.
ERYTHROCYTE_PRESENT = 0.95  # share of scenes
ERYTHROCYTE_COVERAGE = (0.06, 0.29)  # share of the area, in a scene that has cells
ERYTHROCYTE_RADIUS = (9.5, 21.0)  # typical of one scene: its magnification
RIM_WIDTH = (0.06, 0.13)  # of the radius

SPIROCHAETE_PRESENT = 0.85
SPIROCHAETE_COVERAGE = (0.003, 0.023)
SPIROCHAETE_LENGTH = (25.0, 120.0)
SPIROCHAETE_WIDTH = (3.2, 4.5)
SPIROCHAETE_LIGHT = (0.35, 1.0)
ATTACHED = 0.3  # share of spirochaetes that start on a cell

DEBRIS_PER_PIXEL = (0.0002, 0.004)
DEBRIS_LENGTH = 2.5  # short, so that debris is not mistaken for a spirochaete

# RGB of light at unit strength; anything brighter than 1 / channel saturates towards white.
RIM = np.array([0.72, 0.86, 1.0])
CENTRE = np.array([0.12, 0.18, 0.7])
FILAMENT = np.array([0.72, 1.0, 0.9])
SPECK = np.array([0.75, 1.0, 0.7])
HALO = np.array([0.3, 0.45, 1.0])
FIELD = np.array([0.062, 0.076, 0.115])
CASTS = np.array([[0.87, 0.92, 1.13], [0.88, 1.06, 0.75], [1.05, 0.98, 0.92]])  # blue, green, white


def place_erythrocytes(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Centres and radii of a scene's cells: float (N, 3) of x, y, radius, in pixels.

    Centres may lie a radius outside the scene, so that its border cuts cells.
    """
    if rng.random() > ERYTHROCYTE_PRESENT:
        return np.empty((0, 3))
    typical, clumping = rng.uniform(*ERYTHROCYTE_RADIUS), rng.uniform(0, 0.9)
    low, high = np.full(2, -typical), np.array([width, height]) + typical
    covered = rng.uniform(*ERYTHROCYTE_COVERAGE) * np.prod(high - low)
    cells = np.empty((0, 3))
    for _ in range(max(1, int(covered / (np.pi * typical**2) + rng.random()))):
        radius = typical * np.clip(rng.normal(1, 0.09), 0.75, 1.25)
        if len(cells) and rng.random() < clumping:
            x, y, other = cells[rng.integers(len(cells))]
            angle, reach = rng.uniform(0, 2 * np.pi, 8), (radius + other) * rng.uniform(0.88, 1.0)
            places = np.stack([x + reach * np.cos(angle), y + reach * np.sin(angle)], 1)
        else:
            places = rng.uniform(low, high, (4, 2))
        cells = np.vstack([cells, [*freest(places, cells).clip(low, high), radius]])
    return cells


def freest(places: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """The one of `places` (N, 2) of x, y that is farthest from any of `cells` (M, 3): (2,)."""
    apart = np.linalg.norm(places[:, None] - cells[:, :2], axis=2) - cells[:, 2]
    return np.asarray(places[apart.min(axis=1, initial=np.inf).argmax()])


def draw_erythrocytes(
    rng: np.random.Generator, cells: np.ndarray, light: np.ndarray, numbers: np.ndarray
) -> None:
    """Add `cells` (N, 3) of x, y, radius to the light (H, W, 3) and, from 1, to numbers (H, W)."""
    height, width = numbers.shape
    exposure, spiny, mottling = rng.lognormal(0.05, 0.45), rng.random() ** 2, rng.random() ** 2
    rim_width = rng.uniform(*RIM_WIDTH)
    mottle = (0.3 + smooth_noise(rng, height, width, 3.5)).clip(0)
    for number, (x, y, radius) in enumerate(cells, 1):
        top, bottom = np.clip([y - 1.6 * radius, y + 1.6 * radius], 0, height).astype(int)
        left, right = np.clip([x - 1.6 * radius, x + 1.6 * radius], 0, width).astype(int)
        window = np.s_[top:bottom, left:right]
        dy, dx = np.ogrid[window]
        dy, dx = dy - y, dx - x
        angle = np.arctan2(dy, dx)
        depth = radius * outline(rng, angle, rng.random() < spiny) - np.hypot(dx, dy)
        rim = rim_width * radius
        inside = (depth / rim).clip(0, 1)
        # The edge scatters most, and more so on one side: the rim, which lies within the outline.
        ring = np.exp(-0.5 * ((depth - rim) / rim) ** 2)
        ring *= 1 + rng.uniform(0, 0.4) * np.cos(angle + rng.uniform(0, 2 * np.pi))
        fold_x, fold_y = rng.normal(0, 0.3 * radius, 2)
        fold = np.exp(-((dx - fold_x) ** 2 + (dy - fold_y) ** 2) / (0.3 * radius) ** 2)
        # A power of a random number: most centres are dark, a few are full of light.
        levels = rng.random(3) ** [3, 1, 4]
        body = levels[0] + mottling * levels[1] * mottle[window] + levels[2] * fold
        strength = exposure * rng.lognormal(0, 0.3)
        glow = strength * (1.3 * ring + 0.8 * inside * body)
        tint = strength**0.5 * rng.uniform(0.1, 0.6) * inside
        light[window] += glow[..., None] * RIM + tint[..., None] * CENTRE
        numbers[window][depth >= 0] = number


def outline(rng: np.random.Generator, angle: np.ndarray, echinocyte: bool) -> np.ndarray:
    """Radius of a cell's edge at each angle (radians), as a multiple of its mean radius."""
    edge = np.ones_like(angle)
    for waves, size in ((2, 0.06), (3, 0.03), (5, 0.012)):
        edge += rng.uniform(0, size) * np.cos(waves * angle + rng.uniform(0, 2 * np.pi))
    if echinocyte:
        spines = rng.integers(8, 15) * angle + np.sin(2 * angle) + 1.5 * np.sin(angle + 1)
        size = rng.uniform(0.02, 0.06) * (1 + 0.6 * np.cos(3 * angle))
        edge += size * np.cos(spines + rng.uniform(0, 2 * np.pi))
    return edge


class Spirochaete(NamedTuple):
    """A spirochaete as it is drawn."""

    line: np.ndarray  # centre line, float (N, 2) of x, y in steps of one pixel; may leave the scene
    half: float  # half of its width, in pixels
    light: float


def place_spirochaetes(
    rng: np.random.Generator, cells: np.ndarray, height: int, width: int
) -> list[Spirochaete]:
    """A scene's spirochaetes; some start on one of `cells` (N, 3) of x, y, radius."""
    if rng.random() > SPIROCHAETE_PRESENT:
        return []
    area = np.mean(SPIROCHAETE_LENGTH) * np.mean(SPIROCHAETE_WIDTH) * 0.8
    wanted = rng.uniform(*SPIROCHAETE_COVERAGE) * height * width / area
    in_sight = cells[((cells[:, :2] > 0) & (cells[:, :2] < [width, height])).all(axis=1)]
    spirochaetes = []
    for _ in range(max(1, int(wanted + rng.random()))):
        line, half = centre_line(rng), rng.uniform(*SPIROCHAETE_WIDTH) / 2
        if len(in_sight) and rng.random() < ATTACHED:
            x, y, radius = in_sight[rng.integers(len(in_sight))]
            out = np.arctan2(*(line[len(line) // 4] - line[0])[::-1])
            line += [x + radius * np.cos(out), y + radius * np.sin(out)]
        else:
            places = rng.uniform(0, [width, height], (2, 2))
            line += freest(places, cells) - line[len(line) // 2]
        spirochaetes.append(Spirochaete(line, half, rng.uniform(*SPIROCHAETE_LIGHT)))
    return spirochaetes


def draw_spirochaetes(
    rng: np.random.Generator,
    spirochaetes: list[Spirochaete],
    light: np.ndarray,
    numbers: np.ndarray,
    first: int,
    stroke: float = 1.0,
) -> None:
    """Lay `spirochaetes` over the light (H, W, 3) and, from `first`, over numbers (H, W).

    There they are `stroke` times as wide as they are, as annotators draw them.
    """
    if not spirochaetes:
        return
    height, width = numbers.shape
    cover, glow = np.zeros((2, height, width))
    for number, (line, half, strength) in enumerate(spirochaetes, first):
        near, _, pixels = distances(line[:-1], line[1:], 7, numbers.shape)
        profile = np.exp(-0.5 * (near / (0.65 * half)) ** 2)
        np.maximum.at(cover, pixels, profile)
        np.maximum.at(glow, pixels, profile * strength)
        numbers[tuple(np.stack(pixels)[:, near <= stroke * half])] = number
    # On top, but translucent: over a saturated cell, a mere sum of lights would hide it.
    light *= 1 - 0.9 * cover[..., None]
    glow *= (1 + 0.2 * smooth_noise(rng, height, width, 6)).clip(0.6, 1)
    light += glow[..., None] * FILAMENT


def centre_line(rng: np.random.Generator) -> np.ndarray:
    """A wavy line from the origin: float (N, 2) of x, y in steps of one pixel."""
    step = np.arange(np.exp(rng.uniform(*np.log(SPIROCHAETE_LENGTH))))
    phase = 2 * np.pi * step / rng.uniform(8, 18)
    wave = rng.uniform(0.1, 0.65) * np.cos(phase + rng.uniform(1, 4) * np.sin(phase / 4.3))
    wander = rng.uniform(0.1, 0.7) * np.sin(phase / rng.uniform(3, 6) + rng.uniform(0, 2 * np.pi))
    bend = rng.uniform(-0.018, 0.018) * step
    heading = rng.uniform(0, 2 * np.pi) + bend + wander + wave
    return np.cumsum(np.stack([np.cos(heading), np.sin(heading)], 1), axis=0)


def draw_debris(rng: np.random.Generator, light: np.ndarray) -> None:
    """Add specks, which are background, to the light (H, W, 3)."""
    height, width = light.shape[:2]
    count = int(rng.uniform(*DEBRIS_PER_PIXEL) * height * width)
    starts = rng.uniform(0, [width, height], (count, 2))
    ends = starts + rng.normal(0, 1, (count, 2)).clip(-1, 1) * DEBRIS_LENGTH / 2
    near, which, pixels = distances(starts, ends, 5, (height, width))
    spread = rng.uniform(0.5, 1.1, count)[which]
    strength = (rng.uniform(0.1, 0.4) * rng.exponential(1, count)).clip(0, 1)[which]
    colour = SPECK * rng.uniform(0.7, 1.3, (count, 3))
    glow = strength * np.exp(-0.5 * (near / spread) ** 2)
    np.maximum.at(light, pixels, glow[:, None] * colour[which])


def distances(
    starts: np.ndarray, ends: np.ndarray, reach: int, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Distances from straight segments to the pixel centres around their starts.

    `starts` and `ends` are float (N, 2) of x, y; the pixels are those within `reach` columns and
    rows of a start and inside `shape` (H, W). Returns, for each of M pairs of a segment and a
    pixel, the distance, the index of the segment, and the pixel as (rows, columns).
    """
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    offsets = np.stack([columns, rows], -1).reshape(-1, 2)
    points = np.rint(starts)[:, None] + offsets
    which, kept = np.nonzero(((points >= 0) & (points < shape[::-1])).all(axis=2))
    points = points[which, kept]
    along, offset = (ends - starts)[which], points - starts[which]
    share = ((offset * along).sum(1) / (along**2).sum(1)).clip(0, 1)
    columns, rows = points.T.astype(int)
    return np.linalg.norm(offset - share[:, None] * along, axis=1), which, (rows, columns)


def smooth_noise(rng: np.random.Generator, height: int, width: int, grain: float) -> np.ndarray:
    """Noise of mean 0 and deviation just under 1, smooth over `grain` pixels: float (H, W)."""
    coarse = rng.normal(size=(int(height / grain) + 3, int(width / grain) + 3))
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def expose(rng: np.random.Generator, light: np.ndarray) -> np.ndarray:
    """Photograph the light (H, W, 3; 1 is white): uint8 (H, W, 3)."""
    height, width = light.shape[:2]
    uneven = np.exp(0.15 * smooth_noise(rng, height, width, 60))[..., None]
    light = (light + FIELD * rng.lognormal(0, 0.4)) * uneven
    # Glass and lens spread a little of the light, mostly blue: the halo of bright cells.
    haze = cv2.GaussianBlur(light.mean(axis=2), (0, 0), rng.uniform(4, 8))
    light = cv2.GaussianBlur(light, (0, 0), rng.uniform(0.4, 1.1))
    light += rng.uniform(0.05, 0.5) * haze[..., None] * HALO
    light *= rng.dirichlet(np.full(3, 0.6)) @ CASTS
    light = light + rng.normal(size=light.shape) * rng.uniform(0.01, 0.06) * np.sqrt(light)
    exposed: np.ndarray = np.rint(light.clip(0, 1) * 255).astype(np.uint8)
    return exposed
