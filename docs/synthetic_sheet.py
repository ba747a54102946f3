"""Draw docs/synthetic.png, the README's sheet: python docs/synthetic_sheet.py"""

from pathlib import Path

import numpy as np
from PIL import Image

from darkfield.data.synthetic import scene
from darkfield.report.palette import BLACK, PALETTE, rgb

SIDE, COLUMNS, ROWS, GAP = 128, 6, 2, 4

colours = np.array([rgb(c) for c in (BLACK, *PALETTE)])
columns = []
for i in range(COLUMNS * ROWS):
    image, mask, _ = scene(np.random.default_rng([7, i]), SIDE, SIDE)
    columns.append(np.pad(np.vstack([image, colours[mask]]), ((0, GAP), (0, GAP), (0, 0))))
rows = [np.hstack(columns[r * COLUMNS : (r + 1) * COLUMNS]) for r in range(ROWS)]
sheet = Image.fromarray(np.vstack(rows)[:-GAP, :-GAP])
sheet.save(Path(__file__).with_name("synthetic.png"), optimize=True)
