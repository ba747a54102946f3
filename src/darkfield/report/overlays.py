"""Image, truth, prediction and errors side by side."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from darkfield.network.spec import ModelSpec
from darkfield.report.palette import BLACK, CONFUSED, INVENTED, MISSED, class_colours, rgb

GAP, TITLE = 6, 18  # pixels
# It has Latin, Greek, Cyrillic and more; Pillow's own lacks é.
FONT = Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf")


def paint(
    image: np.ndarray, index: np.ndarray, colours: Sequence[str], clear: int | None = 0
) -> np.ndarray:
    """Lay the colour of each index (H, W), but for `clear`, over an image (H, W, 3)."""
    lookup = np.array([rgb(c) for c in colours])
    painted = (image * 0.4 + lookup[index] * 0.6).astype(np.uint8)
    return painted if clear is None else np.where((index != clear)[..., None], painted, image)


def errors(truth: np.ndarray, predicted: np.ndarray, background: int | None) -> np.ndarray:
    """0 right, 1 missed (background predicted), 2 invented (truth is background), 3 wrong class."""
    if background is None:
        return np.where(truth == predicted, 0, 3)
    kind = np.where(predicted == background, 1, np.where(truth == background, 2, 3))
    return np.where(truth == predicted, 0, kind)


def overlay(
    image: np.ndarray, truth: np.ndarray, predicted: np.ndarray, spec: ModelSpec
) -> np.ndarray:
    """Four titled panels, uint8 (H', W', 3), of an image (H, W, 3) and two masks (H, W).

    The masks are of the classes of `spec`.
    """
    # Small scenes are enlarged by a whole number, so that pixels stay visible.
    zoom = max(1, -(-256 // image.shape[1]))
    colours, clear = class_colours(spec), spec.background_index
    grey = np.repeat(image.mean(axis=2, keepdims=True).astype(np.uint8) // 2, 3, axis=2)
    legend = [(name, colours[name]) for name in spec.looked_for]
    kinds = errors(truth, predicted, clear)
    painted = [paint(image, mask, [*colours.values()], clear) for mask in (truth, predicted)]
    panels = [
        (image, [("image", "#FFFFFF")]),
        (painted[0], [("truth", "#FFFFFF"), *legend]),
        (painted[1], [("prediction", "#FFFFFF"), *legend]),
        (paint(grey, kinds, [BLACK, MISSED, INVENTED, CONFUSED]), wrong(clear)),
    ]
    height, width = (side * zoom for side in image.shape[:2])
    font = ImageFont.truetype(FONT, 11)
    titles = [rows(words, width, font) for _, words in panels]
    top = TITLE * max(map(len, titles))
    sheet = Image.new("RGB", (4 * width + 3 * GAP, height + top), "#202020")
    draw = ImageDraw.Draw(sheet)
    for k, ((panel, _), title) in enumerate(zip(panels, titles, strict=True)):
        left = k * (width + GAP)
        enlarged = Image.fromarray(panel).resize((width, height), Image.Resampling.NEAREST)
        sheet.paste(enlarged, (left, top))
        for row, words in enumerate(title):
            for x, word, colour in words:
                draw.text((left + x, 1 + row * TITLE), word, colour, font)
    return np.asarray(sheet)


def wrong(background: int | None) -> list[tuple[str, str]]:
    """What `errors` can be, and the colour of each."""
    missed = [] if background is None else [("missed", MISSED), ("invented", INVENTED)]
    return [*missed, ("wrong class", CONFUSED)]


def rows(
    words: Sequence[tuple[str, str]], width: int, font: ImageFont.FreeTypeFont
) -> list[list[tuple[int, str, str]]]:
    """Words and their colours in rows of at most `width` pixels, each word with where it begins."""
    found: list[list[tuple[int, str, str]]] = [[]]
    x = 2
    for word, colour in words:
        length = int(font.getlength(word))
        if found[-1] and x + length > width:
            found.append([])
            x = 2
        found[-1].append((x, word, colour))
        x += length + 10
    return found


def pick(table: pd.DataFrame, n: int) -> pd.DataFrame:
    """At most n rows of a table, evenly spaced."""
    at = np.linspace(0, len(table) - 1, min(n, len(table))).round().astype(int)
    return table.iloc[at]
