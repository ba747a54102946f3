"""The figures and the table of objects hold the numbers they are given."""

import numpy as np
import pandas as pd
import pytest

from darkfield.report.object_plots import (
    agreement,
    by_size,
    confidence,
    in_bins,
    pixel_confidence,
)
from darkfield.report.object_text import score_rows, summary

MINUS = "\N{MINUS SIGN}"


def images(predicted, drawn):
    counts = {"predicted_objects": predicted, "drawn_objects": drawn}
    return pd.DataFrame({"class": "spirochaete", **counts})


def test_agreement_draws_every_picture_and_the_limits():
    """Errors +1, +1, -1 and 3, of mean 1; two pictures are alike and make one larger dot."""
    (axes,) = agreement(images([3, 3, 4, 7], [2, 2, 5, 4]), "spirochaete").axes
    dots = axes.collections[0]
    assert dots.get_offsets().tolist() == [[2.5, 1], [4.5, -1], [5.5, 3]]
    assert dots.get_sizes().tolist() == [36, 18, 18]
    heights = [line.get_ydata()[0] for line in axes.lines]
    spread = 1.96 * np.std([1, 1, -1, 3], ddof=1)
    assert heights == pytest.approx([1, 1 - spread, 1 + spread])
    assert [text.get_text() for text in axes.texts] == [
        "mean: +1.0",
        "95 %: \u22122.2",
        "95 %: +4.2",
    ]


@pytest.mark.parametrize("one", [[], [5]])
def test_one_picture_or_none_has_no_limits(one):
    (axes,) = agreement(images(one, one), "spirochaete").axes
    assert len(axes.lines) == len(one)


def test_sizes_are_those_of_lines_or_of_discs():
    table = pd.DataFrame(
        {
            "class": ["spirochaete"] * 12 + ["erythrocyte"],
            "drawn": [True] * 10 + [False] * 3,
            "line_px": [*range(10, 110, 10), 40, 50, 0],
            "area_px": [99] * 12 + [100],
            "match": [None] * 5 + [1] * 5 + [7, None, 1],
            "counted": True,
        }
    )
    unlikely = table[10:11].assign(counted=False, line_px=500)
    (axes,) = by_size(pd.concat([table, unlikely]), "spirochaete", "filament").axes
    drawn, predicted = axes.lines
    assert drawn.get_xydata().tolist() == [[30, 0], [80, 1]]  # two bins of five
    assert predicted.get_xydata().tolist() == [[45, 0.5]]
    assert drawn.get_label() == "drawn and found (recall), n = 10"
    (axes,) = by_size(table, "erythrocyte", "blob").axes
    assert axes.lines[1].get_xdata() == pytest.approx([np.sqrt(400 / np.pi)])
    assert len(axes.lines[0].get_xdata()) == 0


def test_bins_hold_as_many_objects_each():
    size, real = np.arange(60.0), np.arange(60) >= 30
    middles, shares = in_bins(size, real)
    assert middles.tolist() == [4.5, 14.5, 24.5, 34.5, 44.5, 54.5]
    assert shares.tolist() == [0, 0, 0, 1, 1, 1]


TEST = {
    "erythrocyte": {"drawn": 10.0, "predicted": 9.0, "count_bias": -0.1, "f1": 0.9, "pq": 0.8},
    "spirochaete": {"drawn": 4.0, "predicted": 6.0, "count_bias": 0.5, "f1": None, "cldice": 0.7},
}
HELD = {
    "objects": {"spirochaete": {"error": 0.0314, "bins": []}},
    "counts": {"spirochaete": {"inside": 0.9, "mean_width": 2.25, "images": 10}},
}


def test_the_table_has_a_cell_for_each_class_and_interval():
    limits = {"spirochaete": {"count_bias": [-0.25, 0.75], "drawn": [1, 2], "f1": [None, None]}}
    scores = {"test": TEST, "interval_95": limits, "reliability": HELD}
    rows = dict(score_rows(scores, list(TEST)))
    assert rows["drawn"] == [("10", ""), ("4", "")]
    assert rows["bias"] == [
        ("\u221210.0\u202f%", ""),
        ("+50.0\u202f%", "\u221225.0\u202f% to +75.0\u202f%"),
    ]
    assert rows["F1"] == [("0.900", ""), ("\u2013", "")]
    assert rows["panoptic quality"] == [("0.800", ""), ("", "")]
    assert "completeness of lines" not in rows
    assert rows["error of confidence"] == [("\u2013", ""), ("0.031", "")]
    assert rows["true count inside its 90 % interval"][1] == ("90\u202f%", "")
    assert rows["mean width of these intervals"][1] == ("2.2", "")


def test_the_summary_has_a_row_for_each_class_or_is_empty():
    both = {name: of | {"precision": 0.5, "recall": 0.25} for name, of in TEST.items()}
    head, cells, filaments = summary({"test": both}).split("\n")
    assert head.split() == ["Objects", "drawn", "predicted", "bias", "F1", "precision", "recall"]
    assert filaments.split() == ["spirochaete", "4", "6", "+50.0", "%", "-", "0.500", "0.250"]
    assert cells.split()[3] == "-10.0" and (head + cells + filaments).isascii()
    assert len(head) == len(cells) == len(filaments)
    assert summary({"test": None}) == ""


def test_confidence_is_drawn_against_what_is_real():
    rows = {"drawn": False, "confidence": [0.81, 0.89, 0.2, np.nan], "real": [1, 0, 0, 0]}
    table = pd.DataFrame({"class": "spirochaete", **rows}).astype({"real": bool})
    (axes,) = confidence(table, "spirochaete").axes
    diagonal, line = axes.lines
    assert diagonal.get_xydata().tolist() == [[0, 0], [1, 1]]
    np.testing.assert_allclose(line.get_xydata(), [[0.2, 0], [0.85, 0.5]])
    assert [text.get_text() for text in axes.texts] == ["1", "2"]
    assert axes.get_title() == "numbers: objects; n = 3"


def test_pixels_are_drawn_before_and_after_calibration():
    table = pd.DataFrame(
        {"class": ["cell", "cell", "background"], "temperature": [1.0, 2.0, 1.0]}
        | {"bin": [0.9, 0.7, 0.9], "pixels": 10, "claimed": [90_000, 70_000, 90_000]}
        | {"right": 7, "surprise": 0, "calibrated": [False, True, True]}
    )
    (axes,) = pixel_confidence(table, ["cell"]).axes
    _, before, after = axes.lines
    np.testing.assert_allclose(before.get_xydata(), [[0.9, 0.7]])
    np.testing.assert_allclose(after.get_xydata(), [[0.7, 0.7]])
    assert [before.get_label(), after.get_label()] == [
        "before calibration, error 20.0 %",
        "calibrated, error 0.0 %",
    ]
