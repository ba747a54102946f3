"""The data rules' work on 16 pictures, one core, a line of stdin; prints its milliseconds.

python bench/prepare.py decode    reads every picture and mask
python bench/prepare.py ours      flattens, measures channels and counts classes, as the rules do
python bench/prepare.py naive     the same by np.where for each class, the whole set in memory
"""

import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from darkfield.images import read_image, read_mask, resize_image
from darkfield.masks import flatten_masks
from darkfield.stats import channel_stats
from darkfield.synthetic import synthesize

SIZE = (256, 256)
CLASSES = {"background": 0, "erythrocyte": 1, "spirochaete": 2}
MASK_VALUES = {str(index): name for name, index in CLASSES.items()}


def decode(images: list[Path], masks: list[Path], out: Path) -> None:
    for image, mask in zip(images, masks, strict=True):
        read_image(image)
        read_mask(mask)


def ours(images: list[Path], masks: list[Path], out: Path) -> None:
    options = {"mask_values": MASK_VALUES, "classes": CLASSES, "threads": 1}
    flatten_masks(images[0].parent.parent, out / "flat", out / "flat.csv", **options)
    channel_stats(resize_image(read_image(path), SIZE) for path in images)


def naive(images: list[Path], masks: list[Path], out: Path) -> None:
    (out / "naive").mkdir(exist_ok=True)
    read = [np.asarray(Image.open(path)) for path in masks]
    for path, mask in zip(masks, read, strict=True):
        flat = np.zeros(mask.shape, np.uint8)
        for value in range(3):
            flat[np.where(mask == value)] = value
        Image.fromarray(flat).save(out / "naive" / path.name)
    counts = [[(mask == value).sum() for mask in read] for value in range(3)]
    pixels = [np.asarray(Image.open(path).resize(SIZE[::-1])) / 255 for path in images]
    np.mean(pixels, axis=(0, 1, 2)), np.std(pixels, axis=(0, 1, 2)), np.sum(counts, axis=1)


if __name__ == "__main__":
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        synthesize(root, images=16, size=(500, 700), seed=1)
        images, masks = (sorted((root / part).iterdir()) for part in ("images", "masks"))
        work = {"decode": decode, "ours": ours, "naive": naive}[sys.argv[1]]
        for _ in sys.stdin:
            begin = time.perf_counter()
            work(images, masks, root)
            print(1000 * (time.perf_counter() - begin), flush=True)
