"""Overlays show what they say: colours where the classes are, and the kinds of error."""

import numpy as np
import pandas as pd

from darkfield.classes import VOID
from darkfield.report.overlays import GAP, TITLE, errors, hatched, overlay, paint, pick
from darkfield.report.palette import COLOURS, HATCH, rgb

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


def test_void_is_hatched_in_truth_and_errors_and_no_error():
    truth = np.full((90, 300), VOID, dtype=np.uint8)
    truth[:45] = 1
    assert (errors(truth, np.ones_like(truth)) == np.where(truth == VOID, VOID, 0)).all()
    image = np.full((90, 300, 3), 100, dtype=np.uint8)
    sheet = overlay(image, truth, np.ones_like(truth), CLASSES)
    panels = [sheet[TITLE:, k * (300 + GAP) :][:, :300] for k in range(4)]
    assert (panels[0] == image).all()
    assert len(np.unique(panels[2].reshape(-1, 3), axis=0)) == 1
    for panel, under in ((panels[1], 100), (panels[3], 50)):
        stripe = np.abs(panel[45:] - (0.4 * under + 0.6 * rgb(HATCH))).max(axis=2) <= 1
        clear = (panel[45:] == under).all(axis=2)
        assert (stripe | clear).all() and 0.2 < stripe.mean() < 0.3
    index, colours = hatched(truth[:45], COLOURS)
    assert index.max() == 1 and colours is COLOURS
