"""The chain's figures. Each function draws into a matplotlib figure and returns it."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from darkfield.measure import metrics
from darkfield.recipe import Train
from darkfield.report.palette import SPLITS

matplotlib.rcParams.update(
    {
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.3,
        "figure.dpi": 150,
        "font.size": 10,
        "text.parse_math": False,  # names of classes may have a $
    }
)


# Inches, about: a letter and a line of text, a bar with a number on it.
LETTER, LINE, BAR = 0.085, 0.2, 0.14
FEW, CELL = 5, 0.42  # classes whose names fit under their cells; inches of a cell of more


def columns(labels: Sequence[str], width: float) -> int:
    """How many columns a legend of these labels may have in a figure of this width, in inches."""
    widest = 0.5 + LETTER * max(map(len, labels))
    return max(1, min(len(labels), int(width / widest)))


def new(width: float = 6.4, height: float = 4.0) -> tuple[Figure, Axes]:
    figure = Figure((width, height), layout="constrained")
    return figure, figure.subplots()


def mark_epoch(axes: Axes, epoch: int) -> None:
    axes.axvline(epoch, color="black", linewidth=1, linestyle=(0, (4, 2)))
    axes.annotate(
        f"selected: {epoch}",
        (epoch, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 2),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=9,
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def loss_name(train: Train) -> str:
    """What is minimised, in words, according to the params of training."""
    weighted = "" if train.class_weights is None else "weighted "
    name = f"{weighted}cross entropy"
    if share := train.dice_weight:
        name += f" + {'' if share == 1 else f'{share:g} '}Dice loss"
    if train.teacher or train.ensemble:
        name = f"{1 - train.teaching:.0%} {name}, {train.teaching:.0%} divergence from teachers"
    return name if share else f"{name} (nats)"


def loss(history: pd.DataFrame, train: Train, epoch: int) -> Figure:
    """Training loss over the epochs, from history.csv; `train` are the params of training."""
    figure, axes = new()
    axes.plot(
        history["epoch"], history["loss"], color=SPLITS["train"][0], marker=".", label="train"
    )
    axes.set(xlabel="epoch", ylabel=f"training loss: {loss_name(train)}", ylim=(0, None))
    axes.legend(frameon=False)
    mark_epoch(axes, epoch)
    return figure


def mean_iou(epochs: pd.DataFrame, epoch: int) -> Figure:
    """Mean IoU over the classes by split over the epochs, from epochs.csv."""
    figure, axes = new()
    means = metrics.mean_iou(epochs)
    for split in (s for s in SPLITS if s in means.index):
        colour, style = SPLITS[split]
        axes.plot(means[split], style, color=colour, marker=".", label=split)
    axes.set(xlabel="epoch", ylabel="mean IoU", ylim=(0, 1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(frameon=False)
    mark_epoch(axes, epoch)
    return figure


def overlap_accuracy(epochs: pd.DataFrame, name: str, epoch: int) -> Figure:
    """The overlap accuracy of a class over the epochs, on train and test, from epochs.csv.

    Faint lines: the mean over only those images that have the class.
    """
    figure, axes = new()
    for split in ("train", "test"):
        colour, style = SPLITS[split]
        rows = epochs[(epochs["class"] == name) & (epochs["split"] == split)]
        x, known = rows["epoch"], rows["overlap_accuracy_present"].notna().any()
        axes.plot(x, rows["overlap_accuracy"], style, color=colour, marker=".", label=split)
        axes.plot(
            x,
            rows["overlap_accuracy_present"],
            style,
            color=colour,
            alpha=0.4,
            label=f"{split}, images that have it" + ("" if known else ": none"),
        )
    axes.set(
        xlabel="epoch", ylabel=f"{name} overlap accuracy", ylim=(min(0, axes.get_ylim()[0]), 1)
    )
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(frameon=False)
    mark_epoch(axes, epoch)
    return figure


def class_balance(counts: dict[str, Any], colours: dict[str, str]) -> Figure:
    """The share of pixels and of images with each class, by split, from class_counts.json.

    `colours` are those of the classes by name.
    """
    splits = [s for s in ("train", "val", "test") if any(counts["pixels"][s].values())]
    classes, width = list(colours), 6.4
    across = columns(classes, width)
    bars_high = BAR * len(splits) * len(classes)
    legend_high = LINE * -(-len(classes) // across)
    figure = Figure((width, max(3.6, 0.8 + bars_high + legend_high)), layout="constrained")
    left, right = figure.subplots(1, 2)
    y = np.arange(len(splits))[::-1]
    for k, (name, colour) in enumerate(colours.items()):
        at = y + (len(classes) / 2 - 0.5 - k) * 0.8 / len(classes)
        for axes, share in ((left, share_of_pixels), (right, share_of_images)):
            values = [share(counts, s, name) for s in splits]
            bars = axes.barh(at, values, 0.75 / len(classes), color=colour)
            axes.bar_label(bars, [f"{v:.1%}" for v in values], padding=2, fontsize=8)
    for axes, label in ((left, "pixels"), (right, "images that have the class")):
        axes.set(xlabel=label, xlim=(0, 1.22), yticks=y, yticklabels=splits)
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.set_xticks([0, 0.5, 1])
        axes.grid(axis="y", visible=False)
    legend = figure.legend(
        left.containers,
        map(str, range(len(classes))),
        loc="outside upper center",
        ncols=across,
        frameon=False,
    )
    for text, name in zip(legend.get_texts(), classes, strict=True):
        text.set_text(name)  # matplotlib leaves out labels that begin with _
    return figure


def share_of_pixels(counts: dict[str, Any], split: str, name: str) -> float:
    """0 to 1; NaN of a split that is all void."""
    pixels = counts["pixels"][split]
    return float(pixels[name] / (sum(pixels.values()) or np.nan))


def share_of_images(counts: dict[str, Any], split: str, name: str) -> float:
    return float(counts["images_with"][split][name] / counts["images"][split])


def confusion_matrix(table: pd.DataFrame) -> Figure:
    """The shares in evaluation/confusion.csv as a matrix whose rows are the true classes."""
    classes = table["true"].unique()
    share = table["share"].to_numpy().reshape(len(classes), len(classes))
    many = len(classes) > FEW
    side = max(5.0, CELL * len(classes) + LETTER * max(map(len, classes)) + 1.4)
    figure, axes = new(side, side - 0.8)
    picture = axes.imshow(share, cmap="cividis", vmin=0, vmax=1)
    for (i, j), value in np.ndenumerate(share):
        text = "none" if np.isnan(value) else f"{value:.0%}" if many else f"{value:.1%}"
        colour = "white" if value < 0.5 else "black"
        axes.text(j, i, text, ha="center", va="center", color=colour, size=8 if many else None)
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.set_xticks(range(len(classes)), classes, rotation=90 if many else 0)
    axes.set_yticks(range(len(classes)), classes)
    axes.grid(False)
    bar = figure.colorbar(picture, label="share of the true class's pixels")
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1))
    return figure
