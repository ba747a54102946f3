"""Synthetic darkfield scenes of red blood cells and spirochaetes, with their exact masks.

The light and the objects are drawn by data.drawing. Lengths are in pixels whatever the size of the
scene: a larger scene shows more objects, not larger ones; for those, use a magnification above 1.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from darkfield.classes import SCENES
from darkfield.data.confusers import draw_confusers, wear_erythrocytes
from darkfield.data.drawing import (
    draw_debris,
    draw_erythrocytes,
    draw_spirochaetes,
    expose,
    place_erythrocytes,
    place_spirochaetes,
)

BACKGROUND, ERYTHROCYTE, SPIROCHAETE = 0, 1, 2
FOLDERS = ("images", "masks", "instances")

# Less than this of an object in sight cannot be told from a speck, and is not counted.
LEAST_CELL = 1 / 3  # of a cell's disc
LEAST_SPIROCHAETE = 2  # times as long as wide


def synthesize(
    out: Path,
    *,
    images: int,
    size: tuple[int, int],
    seed: int,
    magnification: tuple[float, float] = (1, 1),
    stroke: float = 1,
    confusers: float = 0,
) -> None:
    """Write `images` scenes to NNN.png in the FOLDERS of `out`, as scene returns them.

    Each side of each scene is drawn from size = (min, max), in pixels, both included, and its
    magnification, log-uniformly, from (min, max). Scene i depends on the seed and on i alone:
    asking for more scenes adds some and changes none.
    """
    for folder in FOLDERS:
        (out / folder).mkdir(parents=True, exist_ok=True)
    for i in range(1, images + 1):
        rng = np.random.default_rng([seed, i])
        drawn = any_scene(rng, size, magnification, stroke, confusers)
        for folder, pixels in zip(FOLDERS, drawn, strict=True):
            Image.fromarray(pixels).save(out / folder / f"{i:03d}.png", compress_level=6)


def any_scene(
    rng: np.random.Generator,
    size: tuple[int, int],
    magnification: tuple[float, float],
    stroke: float,
    confusers: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A `scene` whose sides and magnification are drawn, as `synthesize` says."""
    height, width = rng.integers(*size, size=2, endpoint=True)
    fixed = magnification[0] == magnification[1]
    times = magnification[0] if fixed else np.exp(rng.uniform(*np.log(magnification)))
    return scene(rng, int(height), int(width), times, stroke, confusers)


def training_pair(
    synthesize: Mapping[str, Any], classes: Mapping[str, int], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Image and mask of a scene, by that section of params.yaml but with its own seed.

    The mask has the indices that `classes` gives to SCENES, which it must have.
    """
    drawn = {key: synthesize[key] for key in ("size", "magnification", "stroke", "confusers")}
    image, mask, _ = any_scene(np.random.default_rng(seed), **drawn)
    return image, np.array([classes[name] for name in SCENES], np.uint8)[mask]


def scene(
    rng: np.random.Generator,
    height: int,
    width: int,
    magnification: float = 1.0,
    stroke: float = 1.0,
    confusers: float = 0.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw one scene: image, mask and objects.

    The image is uint8 (H, W, 3) RGB; the mask uint8 (H, W), class indices 0, 1, 2, in which
    spirochaetes are `stroke` times as wide as they are, as annotators draw them; the objects uint16
    (H, W), each one's own number, 0 where there is none or too little of it in sight.
    """
    size = height, width
    height, width = (max(1, round(side / magnification)) for side in size)
    light = np.zeros((height, width, 3))
    numbers = np.zeros((height, width), np.uint16)
    cells = place_erythrocytes(rng, height, width)
    draw_debris(rng, light)
    draw_erythrocytes(rng, cells, light, numbers)
    if confusers:
        # Random numbers of their own, so that they change nothing else in the scene.
        others = rng.spawn(1)[0]
        wear_erythrocytes(others, cells, light, confusers)
        draw_confusers(others, cells, light, confusers)
    spirochaetes = place_spirochaetes(rng, cells, height, width)
    draw_spirochaetes(rng, spirochaetes, light, numbers, len(cells) + 1, stroke)
    classes = np.repeat(
        np.array([BACKGROUND, ERYTHROCYTE, SPIROCHAETE], np.uint8),
        [1, len(cells), len(spirochaetes)],
    )
    mask = classes[numbers]
    least = [0, *np.pi * LEAST_CELL * cells[:, 2] ** 2]
    least += [LEAST_SPIROCHAETE * (2 * stroke * each.half) ** 2 for each in spirochaetes]
    seen = np.bincount(numbers.ravel(), minlength=len(classes)) >= least
    if magnification != 1:
        light, shown = (enlarge(values, size) for values in (light, np.eye(3)[mask]))
        numbers = follow(numbers, mask, mask := shown.argmax(2).astype(np.uint8))
    return expose(rng, light), mask, numbers * seen[numbers]


def enlarge(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Values (H, W, C), float64, resized bilinearly to `size` (height, width)."""
    return cv2.resize(values, size[::-1], interpolation=cv2.INTER_LINEAR)


def follow(numbers: np.ndarray, mask: np.ndarray, enlarged: np.ndarray) -> np.ndarray:
    """Numbers (H, W) of the objects of a mask (H, W), for the same mask `enlarged` to (h, w).

    Each pixel has the number of the nearest object of its class.
    """
    from scipy.ndimage import distance_transform_edt

    result = np.zeros(enlarged.shape, numbers.dtype)
    for kind in (ERYTHROCYTE, SPIROCHAETE):
        _, nearest = distance_transform_edt(mask != kind, return_indices=True)
        near = cv2.resize(
            numbers[tuple(nearest)], enlarged.shape[::-1], interpolation=cv2.INTER_NEAREST
        )
        result[enlarged == kind] = near[enlarged == kind]
    return result
