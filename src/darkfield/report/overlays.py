"""Image, truth, prediction and errors side by side."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from darkfield.classes import VOID
from darkfield.report.palette import CONFUSED, HATCH, INVENTED, MISSED, class_colours, rgb

GAP, TITLE = 6, 18  # pixels
PERIOD = 8  # pixels, of the stripes of void along a side
# It has Latin, Greek, Cyrillic and more; Pillow's own lacks é.
FONT = Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf")


def paint(image: np.ndarray, index: np.ndarray, colours: Sequence[str]) -> np.ndarray:
    """Lay the colour of each class index (H, W) over an image (H, W, 3); index 0 stays clear."""
    lookup = np.array([rgb(c) for c in colours])
    painted = (image * 0.4 + lookup[index] * 0.6).astype(np.uint8)
    return np.where((index > 0)[..., None], painted, image)


def errors(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """0 right, 1 missed (background predicted), 2 invented (truth is background), 3 wrong class.

    VOID, where the truth is, is none of these.
    """
    kind = np.where(predicted == 0, 1, np.where(truth == 0, 2, 3))
    return np.where(truth == VOID, VOID, np.where(truth == predicted, 0, kind))


def hatched(index: np.ndarray, colours: Sequence[str]) -> tuple[np.ndarray, Sequence[str]]:
    """Indices (H, W) in which stripes of one more of `colours`, HATCH, on 0 stand for VOID.

    And the colours. Both are as they were if there is no void.
    """
    if not (void := index == VOID).any():
        return index, colours
    down, across = np.ogrid[: index.shape[0], : index.shape[1]]
    stripe = (down + across) % PERIOD < PERIOD // 3
    return np.where(void, np.where(stripe, len(colours), 0), index), [*colours, HATCH]


def overlay(
    image: np.ndarray, truth: np.ndarray, predicted: np.ndarray, classes: Sequence[str]
) -> np.ndarray:
    """Four titled panels, uint8 (H', W', 3), of an image (H, W, 3) and two masks (H, W).

    Void in the truth is hatched there and among the errors.
    """
    # Small scenes are enlarged by a whole number, so that pixels stay visible.
    zoom = max(1, -(-256 // image.shape[1]))
    colours = class_colours(len(classes))
    grey = np.repeat(image.mean(axis=2, keepdims=True).astype(np.uint8) // 2, 3, axis=2)
    legend = [(name, colour) for name, colour in zip(classes[1:], colours[1:], strict=True)]
    wrong = [("missed", MISSED), ("invented", INVENTED), ("wrong class", CONFUSED)]
    void = [("void", HATCH)] if (truth == VOID).any() else []
    seen = hatched(errors(truth, predicted), ["#000000", MISSED, INVENTED, CONFUSED])
    panels = [
        (image, [("image", "#FFFFFF")]),
        (paint(image, *hatched(truth, colours)), [("truth", "#FFFFFF"), *legend, *void]),
        (paint(image, predicted, colours), [("prediction", "#FFFFFF"), *legend]),
        (paint(grey, *seen), [*wrong, *void]),
    ]
    height, width = (side * zoom for side in image.shape[:2])
    sheet = Image.new("RGB", (4 * width + 3 * GAP, height + TITLE), "#202020")
    draw, font = ImageDraw.Draw(sheet), ImageFont.truetype(FONT, 11)
    for k, (panel, words) in enumerate(panels):
        x = k * (width + GAP)
        enlarged = Image.fromarray(panel).resize((width, height), Image.Resampling.NEAREST)
        sheet.paste(enlarged, (x, TITLE))
        for word, colour in words:
            draw.text((x + 2, 1), word, colour, font)
            x += int(draw.textlength(word, font)) + 10
    return np.asarray(sheet)


def pick(table: pd.DataFrame, n: int) -> pd.DataFrame:
    """At most n rows of a table, evenly spaced."""
    at = np.linspace(0, len(table) - 1, min(n, len(table))).round().astype(int)
    return table.iloc[at]
