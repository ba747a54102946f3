"""What a training has gained, in words: never more than the test images can tell."""

import numpy as np
import pandas as pd
import pytest

from darkfield.measure import before_after
from darkfield.report.gains import rows, verdict

NAN, MINUS, DASH, PERCENT = float("nan"), "\u2212", "\u2013", "\u202f%"


def gain(*lines):
    return pd.DataFrame(lines, columns=before_after.COLUMNS)


def test_scores_are_text_and_differences_have_a_sign():
    table = gain(
        ("", "miou", 0.7, 0.65, -0.05, -0.08, 0.0),
        ("a", "dice", NAN, 0.5, NAN, NAN, NAN),
        ("a", "count_bias", 0.1, -0.025, -0.125, -0.2, 0.01),
        ("a", "count_mae", 3, 1.256, -1.744, -2, -1),
    )
    error = "mean absolute error of an image's count"
    bias = ["+10.0", f"{MINUS}2.5", f"{MINUS}12.5"]
    assert [*rows(table)] == [
        ("", "mean IoU", ["0.700", "0.650", f"{MINUS}0.050"], f"{MINUS}0.080 to +0.000"),
        ("a", "Dice", [DASH, "0.500", DASH], ""),
        (
            *("a", "bias of the count", [f"{each}{PERCENT}" for each in bias]),
            f"{MINUS}20.0{PERCENT} to +1.0{PERCENT}",
        ),
        ("a", error, ["3.00", "1.26", f"{MINUS}1.74"], f"{MINUS}2.00 to {MINUS}1.00"),
    ]


@pytest.mark.parametrize(
    ("low", "high", "fields", "says"),
    [
        (0.01, 0.09, 10, "The new model is better: on the test images the mean IoU has changed by"),
        (-0.09, -0.01, 10, "The new model is worse: on the test images the mean IoU has"),
        (-0.01, 0.09, 10, "No gain is shown: chance alone may be why the mean IoU has changed by"),
        (NAN, NAN, 10, "No gain is claimed: some classes are in too few test images"),
        (NAN, NAN, 9, "No gain is claimed: the test images show 9 fields of view, and so few"),
        (NAN, NAN, 1, "No gain is claimed: the test images show 1 field of view, and so few"),
    ],
)
def test_no_more_is_said_than_the_interval_tells(low, high, fields, says):
    table = gain(("", "miou", 0.5, 0.55, 0.05, low, high), ("", "mdice", 0, 1, 1, 1, 1))
    said = verdict(table, fields)
    assert said.startswith(says)
    assert ("interval" in said and "+0.050" in said) == (not np.isnan(low))


def test_nothing_is_said_where_there_is_nothing_to_compare():
    nothing, _ = before_after.nothing()
    assert verdict(nothing, 12) == "" and [*rows(nothing)] == []
