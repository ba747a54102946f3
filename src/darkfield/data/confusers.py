"""What real pictures show beside erythrocytes and spirochaetes, and what is taken for these.

Platelets, with arms or without, tufts of fibrin, rods of debris, granular clumps, cells that are
out of focus or empty, smears of light and glare are background; folds, granules and spines lie on
erythrocytes. None of them changes a mask. Lengths are in radii of a typical cell, unless stated
otherwise.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from darkfield.data.drawing import ERYTHROCYTE_RADIUS, FILAMENT, HALO, RIM, freest
from darkfield.data.strokes import Strokes, curve, direction, dots, lay, trace

# Ranges (low, high) are drawn from uniformly. Spread is a standard deviation across a stroke.
PLATELET_LENGTH = (0.02, 0.3)
PLATELET_SPREAD = (0.08, 0.2)
PLATELET_LIGHT = 0.28  # mean
CORE_SIZE = (0.08, 0.2)  # of an activated platelet
ARMS = (4, 16)
ARM_LENGTH = (0.4, 1.7)  # the longest of one platelet
ARM_SPREAD = (0.022, 0.04)
ROD_LENGTH = (0.2, 0.7)
ROD_SPREAD = (0.045, 0.11)
ROD_LIGHT = 0.2  # mean
THREADS = (1, 14)  # of a tuft
THREAD_LENGTH = (0.8, 4.5)
THREAD_SPREAD = (0.025, 0.05)
THREAD_LIGHT = (0.05, 0.3)  # fainter than a spirochaete
FORKED = 0.35  # share of the arms and threads that have a branch
GRAINS = (20, 140)  # of a clump
CLUMP_SIZE = (0.4, 1.2)
CLUMP_LIGHT = (0.05, 0.55)
BLURRED_SIZE = (0.45, 1.15)
BLURRED_SPREAD = (0.1, 0.25)  # wider than a rim in focus
BLURRED_LIGHT = (0.05, 0.25)
GHOST_SIZE = (0.15, 1.15)
GHOST_SPREAD = (0.025, 0.05)
GHOST_LIGHT = (0.03, 0.14)  # of one as large as a cell
SMEAR_LENGTH = (0.7, 2.6)
SMEAR_LIGHT = (0.1, 0.6)
GLARE_PRESENT = 0.04  # share of scenes
GLARE_LIGHT = (0.1, 0.6)
UNEVEN = (0, 0.3)  # share of a scene's cells with folds, granules or spines

OLIVE = np.array([0.75, 0.85, 0.4])  # RGB, as in data.drawing: some cells above or below the focus


def tint(rng: np.random.Generator, colour: np.ndarray) -> np.ndarray:
    """A shade of an RGB colour."""
    shade: np.ndarray = colour * rng.uniform(0.8, 1.2, 3)
    return shade


def branching(
    rng: np.random.Generator, line: np.ndarray, spread: float, light: np.ndarray, bend: float
) -> Iterator[Strokes]:
    """A thread that fades and thins along its line, and its branches."""
    fade = np.linspace(1, rng.uniform(0.15, 0.9), len(line) - 1)
    yield trace(line, spread * fade**0.5, fade[:, None] * light)
    if rng.random() < FORKED:
        fork = rng.integers(1, len(line) - 1)
        ahead = np.arctan2(*(line[fork] - line[fork - 1])[::-1])
        aside = ahead + rng.choice([-1, 1]) * rng.uniform(0.3, 1.1)
        branch = curve(rng, line[fork], aside, rng.uniform(0.4, 1) * (len(line) - fork), bend)
        yield from branching(rng, branch, 0.8 * spread, fade[fork] * light, bend)


def platelet(rng: np.random.Generator, place: np.ndarray, radius: float) -> Iterator[Strokes]:
    """A platelet at rest, round or oval, in focus or nearly so."""
    light = rng.gamma(2, PLATELET_LIGHT / 2) * tint(rng, FILAMENT)
    length, spread = rng.uniform(*PLATELET_LENGTH) * radius, rng.uniform(*PLATELET_SPREAD) * radius
    axis = rng.uniform(0, 2 * np.pi)
    for _ in range(rng.integers(1, 4)):
        line = curve(rng, place + rng.normal(0, 0.5 * spread, 2), axis, length, 1)
        yield trace(line, spread * rng.uniform(0.5, 1), rng.uniform(0.4, 1) * light)


def star(rng: np.random.Generator, place: np.ndarray, radius: float) -> Iterator[Strokes]:
    """An activated platelet: a bright, uneven core and thin arms."""
    light, size = rng.uniform(0.25, 1) * tint(rng, FILAMENT), rng.uniform(*CORE_SIZE) * radius
    n = rng.integers(3, 12)
    core = place + rng.normal(0, size, (n, 2))
    yield dots(core, rng.uniform(0.3, 0.7, n) * size, rng.uniform(0.3, 1, (n, 1)) * light)
    longest, faint = rng.uniform(*ARM_LENGTH) * radius, rng.uniform(0.25, 0.75)
    for _ in range(rng.integers(*ARMS)):
        angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 1) * longest
        line = curve(rng, core[rng.integers(n)] + size * direction(angle), angle, length, 0.4)
        spread, strength = rng.uniform(*ARM_SPREAD) * radius, rng.uniform(0.4, 1) * faint
        yield from branching(rng, line, spread, strength * light, 0.4)


def rod(rng: np.random.Generator, place: np.ndarray, radius: float) -> Iterator[Strokes]:
    """Debris longer than wide: a rod, a comma, beads in a row."""
    light = rng.gamma(2, ROD_LIGHT / 2) * tint(rng, FILAMENT)
    length, spread = rng.uniform(*ROD_LENGTH) * radius, rng.uniform(*ROD_SPREAD) * radius
    line = curve(rng, place, rng.uniform(0, 2 * np.pi), length, rng.uniform(0, 2))
    beads = 1 + rng.uniform(0, 0.6) * np.cos(rng.uniform(0, 7) * np.linspace(-1, 1, len(line) - 1))
    yield trace(line, spread, beads[:, None] * light)


def tuft(rng: np.random.Generator, place: np.ndarray, radius: float) -> Iterator[Strokes]:
    """Threads of fibrin, often beaded: a single one, a bundle, a tuft or a mesh."""
    light = rng.uniform(*THREAD_LIGHT) * tint(rng, FILAMENT)
    longest = rng.uniform(*THREAD_LENGTH) * radius
    axis, fan = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 1.5)
    gathered, bend = rng.uniform(0.05, 0.8) * radius, rng.uniform(0.1, 1.2)
    # A power of a random number: most have few threads.
    for _ in range(int(np.interp(rng.random() ** 2, [0, 1], THREADS))):
        start, angle = rng.normal(place, gathered), rng.normal(axis, fan) + np.pi * rng.integers(2)
        line = curve(rng, start, angle, rng.uniform(0.3, 1) * longest, bend)
        spread, strength = rng.uniform(*THREAD_SPREAD) * radius, rng.uniform(0.3, 1) * light
        yield from branching(rng, line, spread, strength, bend)
        beads = line[rng.integers(len(line), size=rng.poisson(0.6))]
        yield dots(beads, 1.8 * spread, rng.uniform(1, 2.5, (len(beads), 1)) * strength)


def clump(rng: np.random.Generator, place: np.ndarray, radius: float) -> Iterator[Strokes]:
    """A clump of platelets, a leukocyte, the remains of a cell: grains over a faint body."""
    light = rng.uniform(*CLUMP_LIGHT) * tint(rng, FILAMENT)
    size = rng.uniform(*CLUMP_SIZE) * radius
    n, body = rng.integers(*GRAINS), rng.integers(20, 40)
    angle, turns = rng.uniform(0, 2 * np.pi, n + body), rng.uniform(0, 2 * np.pi, 2)
    lobes = rng.uniform(0, 0.25) * np.cos(np.outer(angle, [2, 3]) + turns).sum(axis=1)
    out = size * (1 + lobes) * rng.random(n + body) ** rng.uniform(0.3, 0.9)
    places = place + out[:, None] * direction(angle)
    strength = (0.15 + rng.exponential(0.4, (n, 1))).clip(0, 2)
    yield dots(places[:n], rng.uniform(0.035, 0.09, n) * radius, strength * light)
    yield dots(places[n:], 0.35 * size, rng.uniform(0.05, 0.5) * light)


def blurred_cell(rng: np.random.Generator, place: np.ndarray, radius: float) -> Iterator[Strokes]:
    """A cell out of focus: a faint disc or rings, without a sharp rim."""
    light = rng.uniform(*BLURRED_LIGHT) * tint(rng, (OLIVE, HALO, FILAMENT)[rng.integers(3)])
    size, spread = rng.uniform(*BLURRED_SIZE) * radius, rng.uniform(*BLURRED_SPREAD) * radius
    angle = np.linspace(0, 2 * np.pi, 25)
    oval = 1 + rng.uniform(0, 0.12) * np.cos(2 * angle + rng.uniform(0, 2 * np.pi))
    ring = size * oval[:, None] * direction(angle)
    shade = 1 + rng.uniform(0, 0.5) * np.cos(angle[1:, None] + rng.uniform(0, 2 * np.pi))
    # Powers of random numbers: most have an outer ring, few an inner one or a bright middle.
    outer, inner, middle = rng.random(3) ** [0.5, 2, 2]
    yield trace(place + ring, spread, outer * shade * light)
    yield trace(place + 0.45 * ring, 0.7 * spread, inner * light)
    yield dots(place[None], 0.5 * size, middle * light)


def ghost(rng: np.random.Generator, place: np.ndarray, radius: float) -> Iterator[Strokes]:
    """An empty cell or a vesicle: a thin rim, the fainter the larger, and some grains."""
    share = np.exp(rng.uniform(*np.log(GHOST_SIZE)))
    light = rng.uniform(*GHOST_LIGHT) / share * tint(rng, FILAMENT)
    spread, size = rng.uniform(*GHOST_SPREAD) * radius, share * radius
    angle, turns = np.linspace(0, 2 * np.pi, 41), rng.uniform(0, 2 * np.pi, 2)
    dents = rng.uniform(0, 0.08) * np.cos(np.outer(angle, [2, 3]) + turns).sum(axis=1)
    shade = 1 + rng.uniform(0, 0.6) * np.cos(2 * angle[1:, None] + turns[0])
    yield trace(place + size * (1 + dents)[:, None] * direction(angle), spread, shade * light)
    n = rng.poisson(15 * share)
    out, strength = rng.uniform(0.2, 0.95, (n, 1)), rng.exponential(1, (n, 1))
    grains = place + size * out * direction(rng.uniform(0, 2 * np.pi, n))
    yield dots(grains, 1.2 * spread, strength * light)


def smear(rng: np.random.Generator, place: np.ndarray, radius: float) -> Iterator[Strokes]:
    """Light drawn out: narrow and bright at one end, wide and faint at the other."""
    light = rng.uniform(*SMEAR_LIGHT) * tint(rng, (FILAMENT, HALO)[rng.integers(2)])
    length, spread = rng.uniform(*SMEAR_LENGTH) * radius, rng.uniform([0.04, 0.08], [0.08, 0.3])
    line = curve(rng, place, rng.uniform(0, 2 * np.pi), length, 0.4)
    along = np.linspace(0, 1, len(line) - 1)
    widening, fade = np.interp(along, [0, 1], spread), 1 - 0.95 * along
    yield trace(line, widening * radius, fade[:, None] * light)


class Kind(NamedTuple):
    """A kind of confusers."""

    drawn: Callable[[np.random.Generator, np.ndarray, float], Iterator[Strokes]]
    number: float  # in a square of ten cell radii, mean over the scenes
    attached: float  # share of those at the edge of a cell


# Platelets and rods are as many as measured in real pictures, the others several times as many as
# seen there, so that a few hundred scenes show enough of each; docs/decisions.md says how.
KINDS = (
    Kind(blurred_cell, 0.5, 0.1),
    Kind(ghost, 0.4, 0.1),
    Kind(smear, 0.1, 0.7),
    Kind(clump, 0.3, 0.1),
    Kind(tuft, 0.4, 0.3),
    Kind(platelet, 2, 0.1),
    Kind(rod, 6, 0.1),
    Kind(star, 0.15, 0.25),
)


def draw_confusers(
    rng: np.random.Generator, cells: np.ndarray, light: np.ndarray, density: float
) -> None:
    """Add what is background to the light (H, W, 3) of a scene with `cells` (N, 3) of x, y, radius.

    A scene has `density` times what KINDS says.
    """
    height, width = light.shape[:2]
    radius = np.median(cells[:, 2]) if len(cells) else rng.uniform(*ERYTHROCYTE_RADIUS)
    for kind in KINDS:
        # Most pictures have few of a kind, some have many.
        mean = density * rng.exponential(kind.number) * height * width / (10 * radius) ** 2
        found: list[Strokes] = []
        for _ in range(rng.poisson(mean)):
            if len(cells) and rng.random() < kind.attached:
                *centre, edge = cells[rng.integers(len(cells))]
                place = centre + edge * direction(rng.uniform(0, 2 * np.pi))
            else:
                place = freest(rng.uniform(0, [width, height], (3, 2)), cells)
            found += kind.drawn(rng, place, radius)
        lay(found, light)
    if rng.random() < density * GLARE_PRESENT:
        light += glare(rng, height, width)


def glare(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Light that comes in from one side: float (H, W, 3)."""
    y, x = np.mgrid[:height, :width] / np.hypot(height, width)
    far = np.stack([x, y], axis=-1) @ direction(rng.uniform(0, 2 * np.pi))
    edge = rng.uniform(*np.quantile(far, [0.1, 0.9]))
    share = 1 / (1 + np.exp((edge - far) * rng.uniform(4, 20)))
    light: np.ndarray = share[..., None] * rng.uniform(*GLARE_LIGHT) * tint(rng, HALO)
    return light


def wear_erythrocytes(
    rng: np.random.Generator, cells: np.ndarray, light: np.ndarray, density: float
) -> None:
    """Add folds, granules or spines to the light (H, W, 3) of some of `cells` (N, 3)."""
    found: list[Strokes] = []
    for *centre, radius in cells[rng.random(len(cells)) < density * rng.uniform(*UNEVEN)]:
        found += (folds, granules, spines)[rng.integers(3)](rng, np.array(centre), radius)
    lay(found, light)


def folds(rng: np.random.Generator, centre: np.ndarray, radius: float) -> Iterator[Strokes]:
    """Bright ridges across a cell."""
    for _ in range(rng.integers(1, 4)):
        length, spread = rng.uniform(0.5, 1.1) * radius, rng.uniform(0.05, 0.14) * radius
        line = curve(rng, centre, rng.uniform(0, 2 * np.pi), length, 2)
        off_centre = rng.uniform(0, 0.35) * radius * direction(rng.uniform(0, 2 * np.pi))
        fade = np.sin(np.linspace(0.3, np.pi - 0.3, len(line) - 1))[:, None]
        light = rng.uniform(0.3, 1.2) * tint(rng, RIM)
        yield trace(line - line.mean(axis=0) + centre + off_centre, spread, fade * light)


def granules(rng: np.random.Generator, centre: np.ndarray, radius: float) -> Iterator[Strokes]:
    """Bright grains all over a cell."""
    n = rng.integers(8, 40)
    out = 0.85 * radius * np.sqrt(rng.random((n, 1)))
    strength = rng.uniform(0.2, 0.8) * (0.2 + rng.exponential(0.6, (n, 1)))
    places = centre + out * direction(rng.uniform(0, 2 * np.pi, n))
    yield dots(places, rng.uniform(0.04, 0.09, n) * radius, strength * tint(rng, FILAMENT))


def spines(rng: np.random.Generator, centre: np.ndarray, radius: float) -> Iterator[Strokes]:
    """Bright knobs along the rim of a cell."""
    n = rng.integers(9, 18)
    angle = 2 * np.pi * (np.arange(n) + rng.uniform(-0.3, 0.3, n)) / n
    places = centre + rng.uniform(0.8, 0.93, (n, 1)) * radius * direction(angle)
    light = rng.uniform(0.4, 1.2, (n, 1)) * tint(rng, RIM)
    yield dots(places, rng.uniform(0.05, 0.1, n) * radius, light)
