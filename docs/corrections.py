"""Draw docs/corrections.png, the picture of the guide: python docs/corrections.py

A synthetic scene under light that the shipped model does not know; its mask; the classes that the
model gives its pixels; and which of these a correction would change.
"""

from pathlib import Path

import numpy as np
from PIL import Image

import darkfield
from darkfield.data.synthetic import scene
from darkfield.report.overlays import overlay

SEED, HEIGHT, WIDTH, MAGNIFICATION = 3, 280, 340, 3
LIGHT = np.array([1, 0.35, 0.55])  # of red, green and blue

image, mask, _ = scene(np.random.default_rng(SEED), HEIGHT, WIDTH, MAGNIFICATION)
image = (image * LIGHT).astype(np.uint8)

if __name__ == "__main__":
    predictor = darkfield.Predictor("models/darkfield")
    sheet = Image.fromarray(overlay(image, mask, predictor.labels(image), predictor.spec))
    sheet.quantize(256).save(Path(__file__).with_name("corrections.png"), optimize=True)
