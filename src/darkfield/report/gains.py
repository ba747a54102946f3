"""The report on what a training has gained, of `measure.before_after`: words and figures."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from darkfield.measure.intervals import FEWEST, LEVEL, too_few
from darkfield.report.object_text import text
from darkfield.report.palette import MISSED
from darkfield.report.plots import new

TITLES = {
    "miou": "mean IoU",
    "mdice": "mean Dice",
    "dice": "Dice",
    "object_f1": "F1 of objects",
    "count_bias": "bias of the count",
    "count_mae": "mean absolute error of an image's count",
}


def rows(gain: pd.DataFrame) -> Iterator[tuple[str, str, list[str], str]]:
    """The rows of before_after.csv as text: class, "" of a mean; title; before, after, difference;
    and the interval of the difference, "" if there is none.
    """
    for of in gain.fillna({"class": ""}).to_dict("records"):
        metric = of["metric"]
        low, high = (shown(metric, of[end], "+") for end in ("low", "high"))
        values = [shown(metric, of[model]) for model in ("before", "after")]
        values.append(shown(metric, of["difference"], "+"))
        yield of["class"], TITLES[metric], values, "" if np.isnan(of["low"]) else f"{low} to {high}"


def shown(metric: str, value: float, sign: str = "-") -> str:
    """A score as text, with `sign` "+" also that of what is not negative; a dash for NaN."""
    if np.isnan(value) or metric == "count_bias":
        return text(metric, None if np.isnan(value) else value)
    digits = 2 if metric == "count_mae" else 3
    return f"{value:{sign}.{digits}f}".replace("-", "\N{MINUS SIGN}")


def verdict(gain: pd.DataFrame, fields: int) -> str:
    """Whether the mean IoU has changed, in a sentence; `fields` of view are in the test images."""
    if gain.empty:
        return ""
    mean = gain[gain["metric"] == "miou"].iloc[0]
    low, high, by = (float(mean[key]) for key in ("low", "high", "difference"))
    if too_few(fields):
        number = "1 field" if fields == 1 else f"{fields} fields"
        return (
            f"No gain is claimed: the test images show {number} of view, and so few cannot tell a "
            f"gain from chance. It takes {FEWEST} or more: correct more pictures, or raise "
            "split.test."
        )
    if np.isnan(low):
        return "No gain is claimed: some classes are in too few test images for an interval."
    change = shown("miou", by, "+")
    span = f"{100 * LEVEL:.0f} % interval {shown('miou', low, '+')} to {shown('miou', high, '+')}"
    if low <= 0 <= high:
        what = "No gain is shown: chance alone may be why"
    else:
        what = f"The new model is {'better' if low > 0 else 'worse'}: on the test images"
    return f"{what} the mean IoU has changed by {change} ({span})."


def agreement(images: pd.DataFrame, name: str) -> Figure:
    """The Dice of a class before and after, a point an image, from before_after_images.csv."""
    of_class = images[images["class"] == name]
    figure, axes = new()
    axes.plot([0, 1], [0, 1], color="#b0b0b0", linewidth=1)
    before, after = (of_class[f"dice_{model}"].to_numpy(float) for model in ("before", "after"))
    axes.scatter(before, after, color=MISSED, alpha=0.7, linewidths=0)
    axes.set(xlabel="Dice before", ylabel="Dice after", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set_title("above the line: better than before", fontsize=9)
    return figure
