"""Streets of twelve classes, none of them background: drawn as CamVid's frames are labelled."""

import numpy as np
from PIL import Image, ImageDraw

NAMES = (
    *("sky", "building", "pole", "road", "pavement", "tree", "sign symbol", "fence", "car"),
    *("pedestrian", "bicyclist", "traffic cone"),
)
CLASSES = {name: k for k, name in enumerate(NAMES)}


def streets(root, pictures=12, size=(64, 48)):
    """Pictures of `size` (width, height) at `root`, whose masks are grey values 0 to 11."""
    rng = np.random.default_rng(0)
    light = rng.integers(40, 216, (len(NAMES), 3))
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
    for i in range(pictures):
        mask = street(rng, *size)
        noisy = light[mask] + rng.normal(0, 8, (*mask.shape, 3))
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(root / f"images/{i:02}.png")
        Image.fromarray(mask).save(root / f"masks/{i:02}.png")


def street(rng, width, height):
    """A mask of class indices, uint8 (height, width): large areas, and shapes on them."""
    picture = Image.new("L", (width, height), CLASSES["sky"])
    draw, horizon = ImageDraw.Draw(picture), height // 2
    draw.rectangle((0, horizon, width, height), CLASSES["road"])
    draw.polygon([(0, horizon), (width // 4, horizon), (0, height)], CLASSES["pavement"])
    draw.rectangle((0, 8, int(rng.integers(8, 24)), horizon), CLASSES["building"])
    draw.rectangle((width - 16, horizon - 6, width, horizon), CLASSES["fence"])
    for name, box in (
        *(("tree", (12, 14)), ("car", (12, 7)), ("car", (10, 6)), ("pedestrian", (3, 9))),
        *(("bicyclist", (5, 7)), ("sign symbol", (5, 5)), ("traffic cone", (4, 4))),
    ):
        x, y = rng.integers(0, [width - box[0], height - box[1]])
        shape = draw.ellipse if name in ("tree", "traffic cone") else draw.rectangle
        shape((x, y, x + box[0], y + box[1]), CLASSES[name])
    x = int(rng.integers(4, width - 4))
    draw.line((x, 4, x + 2, height - 8), CLASSES["pole"], 2)
    return np.asarray(picture)
