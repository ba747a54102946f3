"""The data rules' work on 16 pictures, one core, a line of stdin; prints its milliseconds.

python bench/prepare.py decode    decodes every picture and mask, by Pillow
python bench/prepare.py ours      flattens, resizes, measures and counts, as the rules do
python bench/prepare.py naive     the same by np.where for each class, the whole set in memory
"""

import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image

from darkfield.data.images import resize_image, resize_mask
from darkfield.data.masks import flatten_pairs
from darkfield.data.pixels import Pictures, new_pixels
from darkfield.data.stats import channel_stats, channel_sums, class_counts
from darkfield.data.synthetic import synthesize
from darkfield.files import read_csv

SIZE = (256, 256)
CLASSES = {"background": 0, "erythrocyte": 1, "spirochaete": 2}
MASK_VALUES = {str(index): name for name, index in CLASSES.items()}


def decode(images: list[Path], masks: list[Path], out: Path) -> None:
    for path in (*images, *masks):
        np.asarray(Image.open(path))


def ours(images: list[Path], masks: list[Path], out: Path) -> None:
    stores = [out / f"{name}.npy" for name in ("images", "masks", "objects")]
    options = {"mask_values": MASK_VALUES, "classes": CLASSES, "threads": 1, "numbers": {}}
    pairs = {image.stem: (image, mask) for image, mask in zip(images, masks, strict=True)}
    assert not flatten_pairs(pairs, out / "flat", out / "flat.csv", *stores, **options)
    table = read_csv(out / "flat.csv").assign(split="train")
    native = [Pictures([path], table[["height", "width"]].to_numpy()) for path in stores[:2]]
    with new_pixels(out / "a.npy", 3) as add_image, new_pixels(out / "b.npy") as add_mask:
        for image, mask in zip(*native, strict=True):
            add_image(resize_image(image, SIZE))
            add_mask(resize_mask(mask, SIZE))
    channel_stats(pd.DataFrame(map(channel_sums, Pictures([out / "a.npy"], [SIZE] * len(table)))))
    class_counts(table, list(CLASSES))


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
