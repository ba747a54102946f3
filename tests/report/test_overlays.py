"""Overlays show what they say: colours where the classes are, and the kinds of error."""

import numpy as np
import pandas as pd

from darkfield.report.overlays import GAP, TITLE, errors, overlay, paint, pick
from darkfield.report.palette import COLOURS

CLASSES = ["background", "erythrocyte", "spirochaete"]


def test_errors_are_missed_invented_or_confused():
    truth = np.array([[0, 1, 2, 0, 1, 2]])
    predicted = np.array([[0, 1, 0, 2, 2, 2]])
    assert errors(truth, predicted).tolist() == [[0, 0, 1, 2, 3, 0]]


def test_paint_leaves_the_background_alone():
    image = np.full((2, 2, 3), 100, dtype=np.uint8)
    painted = paint(image, np.array([[0, 1], [2, 0]]), COLOURS)
    assert painted[0, 0].tolist() == painted[1, 1].tolist() == [100] * 3
    orange = [0.4 * 100 + 0.6 * c for c in (0xE6, 0x9F, 0x00)]
    assert np.abs(painted[0, 1] - np.array(orange)).max() <= 1


def test_four_panels_side_by_side():
    image = np.random.default_rng(0).integers(0, 256, (90, 300, 3), dtype=np.uint8)
    truth = np.zeros((90, 300), dtype=np.uint8)
    truth[:45] = 1
    sheet = overlay(image, truth, np.zeros_like(truth), CLASSES)
    assert sheet.shape == (90 + TITLE, 4 * 300 + 3 * GAP, 3)
    panels = [sheet[TITLE:, k * (300 + GAP) :][:, :300] for k in range(4)]
    assert (panels[0] == image).all()
    assert (panels[1][45:] == image[45:]).all()
    assert (panels[1][:45] != image[:45]).any(axis=2).mean() > 0.95
    assert (panels[2] == image).all()
    assert panels[3][:45, :, 2].min() > panels[3][45:, :, 2].min()


def test_small_scenes_are_enlarged():
    image = np.zeros((50, 100, 3), dtype=np.uint8)
    mask = np.zeros((50, 100), dtype=np.uint8)
    assert overlay(image, mask, mask, CLASSES).shape[0] == 150 + TITLE


def test_pick_spreads_over_the_order():
    table = pd.DataFrame({"image": list("abcdefghij")})
    assert pick(table, 3)["image"].tolist() == ["a", "e", "j"]
    assert pick(table, 99)["image"].tolist() == list("abcdefghij")
    assert pick(table, 0)["image"].tolist() == []
