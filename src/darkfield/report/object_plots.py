"""Figures of objects: how counts agree, which sizes are found, and whether confidence holds."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from darkfield.measure import reliability
from darkfield.measure.object_scores import of_counts
from darkfield.measure.objects import SIDES
from darkfield.report.palette import INVENTED, MISSED
from darkfield.report.plots import new
from darkfield.values import Kind

BINS = 6  # of size, at most, each with as many objects
LINES = {"bias": "-", "agreement_low": "--", "agreement_high": "--"}
LEAST = 5  # objects of a bin, of which a share means something


def agreement(images: pd.DataFrame, name: str) -> Figure:
    """Bland & Altman's plot (1986) of a class's counts, from rows of object_images.csv."""
    rows = images[images["class"] == name]
    predicted, drawn = (rows[f"{side}_objects"].to_numpy(float) for side in SIDES)
    (x, y), times = np.unique(
        np.stack([(predicted + drawn) / 2, predicted - drawn]), axis=1, return_counts=True
    )
    figure, axes = new()
    axes.scatter(x, y, s=18 * times, color=MISSED, alpha=0.6, linewidths=0)
    found = of_counts(predicted, drawn) if len(rows) else {}
    for key, words in (("bias", "mean"), ("agreement_low", "95 %"), ("agreement_high", "95 %")):
        if np.isfinite(value := found.get(key, np.nan)):
            axes.axhline(value, color="black", linewidth=1, linestyle=LINES[key])
            axes.annotate(
                f"{words}: {value:+.1f}".replace("-", "\N{MINUS SIGN}"),
                (1, value),
                xycoords=("axes fraction", "data"),
                xytext=(-2, 2),
                textcoords="offset points",
                ha="right",
            )
    axes.set(
        xlabel=f"{name}: objects in an image, mean of drawn and predicted",
        ylabel="predicted \u2212 drawn",
    )
    axes.margins(x=0.08, y=0.15)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def by_size(objects: pd.DataFrame, name: str, kind: Kind) -> Figure:
    """Recall and precision by size: of drawn and of counted objects, from rows of objects.csv.

    A filament's size is the length of its centre line, that of others the diameter of the disc of
    equal area, both in pixels. `kind` is that of the class's objects.
    """
    rows = objects[(objects["class"] == name) & objects["counted"]]
    filament = kind == "filament"
    size = rows["line_px"] if filament else np.sqrt(4 * rows["area_px"] / np.pi)
    figure, axes = new()
    for drawn, label, colour, marker in (
        (True, "drawn and found (recall)", MISSED, "o-"),
        (False, "counted and right (precision)", INVENTED, "s--"),
    ):
        of = rows["drawn"] == drawn
        middles, shares = in_bins(
            size[of].to_numpy(float), rows.loc[of, "match"].notna().to_numpy()
        )
        axes.plot(middles, shares, marker, color=colour, label=f"{label}, n = {of.sum()}")
    axes.set(xlabel=f"{'length' if filament else 'diameter'} (pixels)", ylim=(0, 1.02))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_ylabel(f"{name}: share of objects")
    figure.legend(loc="outside upper center", frameon=False, fontsize=9)
    return figure


def confidence(objects: pd.DataFrame, name: str) -> Figure:
    """The reliability diagram of a class's confidence, from rows of objects.csv.

    By tenths of confidence: which share of the predicted objects is real, and how many there are.
    """
    rows = objects[(objects["class"] == name) & ~objects["drawn"] & objects["confidence"].notna()]
    bins = reliability.of_objects(rows)["bins"]
    figure, axes = diagonal(f"confidence that a predicted {name} is real", "share that is real")
    axes.plot([b["confidence"] for b in bins], [b["real"] for b in bins], "o-", color=MISSED)
    for b in bins:
        axes.annotate(
            f"{b['objects']}", (b["confidence"], b["real"]), (0, 6), textcoords="offset points"
        )
    axes.set_title(f"numbers: objects; n = {len(rows)}", fontsize=9)
    return figure


def pixel_confidence(pixels: pd.DataFrame, classes: Sequence[str]) -> Figure:
    """The reliability diagram of the foreground, from rows of pixel_reliability.csv of a split.

    Of pixels that are predicted as one of `classes`, those looked for, as the network gives their
    probability and as it is calibrated.
    """
    rows = pixels[pixels["class"].isin(classes)]
    figure, axes = diagonal("probability of the predicted class", "share of pixels of this class")
    for label, of, style in (
        ("before calibration", rows["temperature"] == 1, (INVENTED, "--")),
        ("calibrated", rows["calibrated"], (MISSED, "-")),
    ):
        bins = reliability.in_bins(rows[of])
        claimed, right = (bins[key] / bins["times"] for key in ("claimed", "right"))
        found = reliability.error(bins)
        shown = label if found is None else f"{label}, error {100 * found:.1f} %"
        colour, line = style
        axes.plot(claimed, right, line, marker="o", markersize=4, color=colour, label=shown)
    figure.legend(loc="outside upper center", ncols=2, frameon=False, fontsize=9)
    return figure


def diagonal(x: str, y: str) -> tuple[Figure, Axes]:
    """An empty reliability diagram: what is said against what is, both shares."""
    figure, axes = new()
    axes.plot([0, 1], [0, 1], color="#b0b0b0", linewidth=1)
    axes.set(xlabel=x, ylabel=y, xlim=(0, 1.02), ylim=(0, 1.08))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1))
    return figure, axes


def in_bins(size: np.ndarray, real: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The median size and the share of `real` (N,) in bins of equal numbers of objects."""
    bins = np.array_split(np.argsort(size, kind="stable"), min(BINS, len(size) // LEAST) or 1)
    full = [rows for rows in bins if len(rows)]
    return np.array([np.median(size[r]) for r in full]), np.array([real[r].mean() for r in full])
