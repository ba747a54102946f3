"""The chain's figures. Each function draws into a matplotlib figure and returns it."""

from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from darkfield.measure import metrics
from darkfield.report.palette import GREY, SPLITS, class_colours
from darkfield.sections import Train

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
    if not (share := train.dice_weight):
        return f"{weighted}cross entropy (nats)"
    return f"{weighted}cross entropy + {'' if share == 1 else f'{share:g} '}Dice loss"


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


def class_balance(counts: dict[str, Any]) -> Figure:
    """The share of pixels and of images with each class, by split, from class_counts.json."""
    figure = Figure((6.4, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    splits = [s for s in ("train", "val", "test") if any(counts["pixels"][s].values())]
    classes = list(counts["pixels"]["all"])
    y = np.arange(len(splits))[::-1]
    colours = class_colours(len(classes), background=GREY)
    for k, (name, colour) in enumerate(zip(classes, colours, strict=True)):
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
        ncols=len(classes),
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
    figure, axes = new(5.0, 4.2)
    picture = axes.imshow(share, cmap="cividis", vmin=0, vmax=1)
    for (i, j), value in np.ndenumerate(share):
        text = "none" if np.isnan(value) else f"{value:.1%}"
        axes.text(j, i, text, ha="center", va="center", color="white" if value < 0.5 else "black")
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.set_xticks(range(len(classes)), classes)
    axes.set_yticks(range(len(classes)), classes)
    axes.grid(False)
    bar = figure.colorbar(picture, label="share of the true class's pixels")
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1))
    return figure
