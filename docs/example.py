"""Draw docs/example.png, the picture at the top of the README: python docs/example.py

A synthetic scene, the classes that the shipped model gives its pixels, and the objects in these:
diameters of erythrocytes and lengths of spirochaetes, in pixels.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from skimage.segmentation import find_boundaries

import darkfield
from darkfield.data.synthetic import scene
from darkfield.objects.blobs import label_blobs
from darkfield.objects.filaments import label_filaments
from darkfield.objects.table import object_table
from darkfield.report.overlays import FONT, GAP, paint
from darkfield.report.palette import class_colours, rgb

SEED, SIDE, MAGNIFICATION = 86, 400, 2.2

image, *_ = scene(np.random.default_rng(SEED), SIDE, SIDE, MAGNIFICATION)
predictor = darkfield.Predictor("models/darkfield")
labels = predictor.labels(image)
colours = [*class_colours(predictor.spec).values()]

cells = label_blobs(labels == 1, labels == 2)
filaments, _ = label_filaments(labels == 2)
outlined = image // 2
for numbered, colour in ((cells, colours[1]), (filaments, colours[2])):
    outlined[find_boundaries(numbered)] = rgb(colour)

sheet = Image.new("RGB", (3 * SIDE + 2 * GAP, SIDE), "white")
for i, panel in enumerate((image, paint(image, labels, colours), outlined)):
    sheet.paste(Image.fromarray(panel), (i * (SIDE + GAP), 0))
draw, font = ImageDraw.Draw(sheet), ImageFont.truetype(FONT, 15)
objects = object_table(labels, predictor.classes, predictor.spec.kinds)
for one in objects[~objects["touches_border"]].itertuples():
    long = one.length_px > 0
    place = 2 * (SIDE + GAP) + one.x + 18 * long, one.y
    size = one.length_px if long else one.diameter_px
    draw.text(place, f"{size:.0f}", "white", font, anchor="lm" if long else "mm")
sheet.save(Path(__file__).with_name("example.png"), optimize=True)
