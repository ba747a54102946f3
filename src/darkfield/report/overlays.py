"""Image, truth, prediction and errors side by side."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from darkfield.classes import VOID
from darkfield.network.spec import ModelSpec
from darkfield.report.palette import (
    BLACK,
    CONFUSED,
    HATCH,
    INVENTED,
    MISSED,
    class_colours,
    rgb,
)

GAP, TITLE, SWATCH = 6, 18, 8  # pixels
PERIOD = 8  # pixels, of the stripes of void along a side
Word = tuple[str, str | None]  # of a title, and the colour of its swatch
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
    """0 right, 1 missed (background predicted), 2 invented (truth is background), 3 wrong class.

    VOID, where the truth is, is none of these.
    """
    kind = np.full(truth.shape, 3)
    if background is not None:
        kind = np.where(predicted == background, 1, np.where(truth == background, 2, 3))
    return np.where(truth == VOID, VOID, np.where(truth == predicted, 0, kind))


def hatched(
    index: np.ndarray, colours: Sequence[str], clear: int | None = 0
) -> tuple[np.ndarray, Sequence[str]]:
    """Indices (H, W) in which stripes of one more of `colours`, HATCH, on `clear` stand for VOID.

    And the colours. Without a clear index nothing is between the stripes; both are as they were if
    there is no void.
    """
    if not (void := index == VOID).any():
        return index, colours
    hatch = len(colours)
    down, across = np.ogrid[: index.shape[0], : index.shape[1]]
    stripe = (down + across) % PERIOD < PERIOD // 3
    between = hatch if clear is None else clear
    return np.where(void, np.where(stripe, hatch, between), index), [*colours, HATCH]


def overlay(
    image: np.ndarray, truth: np.ndarray, predicted: np.ndarray, spec: ModelSpec
) -> np.ndarray:
    """Four titled panels, uint8 (H', W', 3), of an image (H, W, 3) and two masks (H, W).

    The masks are of the classes of `spec`. Void in the truth is hatched there and among the errors.
    """
    # Small scenes are enlarged by a whole number, so that pixels stay visible.
    zoom = max(1, -(-256 // image.shape[1]))
    colours, clear = class_colours(spec), spec.background_index
    grey = np.repeat(image.mean(axis=2, keepdims=True).astype(np.uint8) // 2, 3, axis=2)
    legend: list[Word] = [(name, colours[name]) for name in spec.looked_for]
    void: list[Word] = [("void", HATCH)] if (truth == VOID).any() else []
    every = [*colours.values()]
    seen = hatched(errors(truth, predicted, clear), [BLACK, MISSED, INVENTED, CONFUSED])
    drawn = paint(image, *hatched(truth, every, clear), clear)
    panels: list[tuple[np.ndarray, list[Word]]] = [
        (image, [("image", None)]),
        (drawn, [("truth", None), *legend, *void]),
        (paint(image, predicted, every, clear), [("prediction", None), *legend]),
        (paint(grey, *seen), [*wrong(clear), *void]),
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
            for x, (word, colour) in words:
                at = left + x, row * TITLE + 5
                if colour:  # beside the word, since not every colour is legible on the sheet
                    draw.rectangle((*at, at[0] + SWATCH, at[1] + SWATCH), colour)
                draw.text((at[0] + beside(colour), at[1] - 4), word, "#FFFFFF", font)
    return np.asarray(sheet)


def wrong(background: int | None) -> list[Word]:
    """What `errors` can be, and the colour of each."""
    missed: list[Word] = [("missed", MISSED), ("invented", INVENTED)]
    return [*([] if background is None else missed), ("wrong class", CONFUSED)]


def beside(colour: str | None) -> int:
    """How far a word is from the left side of its swatch, if it has one."""
    return SWATCH + 4 if colour else 0


def rows(
    words: Sequence[Word], width: int, font: ImageFont.FreeTypeFont
) -> list[list[tuple[int, Word]]]:
    """Words and their swatches in rows of at most `width` pixels, each with where it begins."""
    found: list[list[tuple[int, Word]]] = [[]]
    x = 2
    for word, colour in words:
        length = beside(colour) + int(font.getlength(word))
        if found[-1] and x + length > width:
            found.append([])
            x = 2
        found[-1].append((x, (word, colour)))
        x += length + 10
    return found


def pick(table: pd.DataFrame, n: int) -> pd.DataFrame:
    """At most n rows of a table, evenly spaced."""
    at = np.linspace(0, len(table) - 1, min(n, len(table))).round().astype(int)
    return table.iloc[at]
