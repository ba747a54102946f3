"""The figures hold the numbers they are given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from pages import of_classes
from streets import NAMES

from darkfield.measure.metrics import confusion_table, table
from darkfield.recipe import Train
from darkfield.report import plots
from darkfield.report.palette import class_colours


@pytest.fixture
def epochs():
    matrices = np.random.default_rng(0).integers(1, 100, (4, 3, 2, 2))
    return table(matrices, ["train", "test", "val"], ["background", "cell"])


def test_loss():
    history = pd.DataFrame({"epoch": [1, 2, 3], "loss": [3.0, 2.0, 1.0]})
    (axes,) = plots.loss(history, Train(class_weights=None), 2).axes
    assert axes.lines[0].get_ydata().tolist() == [3, 2, 1]
    assert axes.get_xlabel() == "epoch"
    assert axes.texts[0].get_text() == "selected: 2"


@pytest.mark.parametrize(
    ("weights", "dice", "words"),
    [
        (None, 0, "cross entropy (nats)"),
        ([1, 2], 0, "weighted cross entropy (nats)"),
        ("counts", 1, "weighted cross entropy + Dice loss"),
        (None, 0.5, "cross entropy + 0.5 Dice loss"),
    ],
)
def test_the_loss_is_called_what_it_is(weights, dice, words):
    history = pd.DataFrame({"epoch": [1], "loss": [3.0]})
    figure = plots.loss(history, Train(class_weights=weights, dice_weight=dice), 1)
    assert figure.axes[0].get_ylabel() == f"training loss: {words}"


def test_the_loss_names_what_teachers_have_of_it():
    taught = Train(teacher="a", teaching=0.4, class_weights=None)
    assert plots.loss_name(taught) == "60% cross entropy, 40% divergence from teachers (nats)"


def test_overlap_accuracy_shows_train_and_test(epochs):
    (axes,) = plots.overlap_accuracy(epochs, "cell", 3).axes
    drawn = {line.get_label(): line.get_ydata().tolist() for line in axes.lines[:4]}
    for split in ("train", "test"):
        rows = epochs[(epochs["class"] == "cell") & (epochs["split"] == split)]
        assert drawn[split] == rows["overlap_accuracy"].tolist()
        assert drawn[f"{split}, images that have it"] == rows["overlap_accuracy_present"].tolist()
    assert axes.texts[0].get_text() == "selected: 3"


def test_mean_iou_is_of_every_split(epochs):
    (axes,) = plots.mean_iou(epochs, 3).axes
    drawn = {line.get_label(): line.get_ydata().tolist() for line in axes.lines[:3]}
    for split in ("train", "val", "test"):
        rows = epochs[epochs["split"] == split]["iou"].to_numpy()
        assert drawn[split] == pytest.approx(rows.reshape(4, 2).mean(axis=1))
    assert axes.texts[0].get_text() == "selected: 3"


def test_class_balance_is_in_shares():
    counts = {
        "pixels": {s: {"background": 75, "cell": 25} for s in ("all", "train", "val", "test")},
        "images_with": {s: {"background": 4, "cell": 3} for s in ("all", "train", "val", "test")},
        "images": dict.fromkeys(("all", "train", "val", "test"), 4),
    }
    colours = {"background": "#7F7F7F", "cell": "#E69F00"}
    left, right = plots.class_balance(counts, colours).axes
    assert sorted({bar.get_width() for bar in left.patches}) == [0.25, 0.75]
    assert sorted({bar.get_width() for bar in right.patches}) == [0.75, 1.0]
    counts["pixels"]["val"] = {"background": 0, "cell": 0}
    assert len(plots.class_balance(counts, colours).axes[0].patches) == 4


def test_confusion_matrix_rows_are_normalised():
    matrix = np.array([[90, 10, 0], [20, 20, 0], [0, 0, 0]])
    axes, _ = plots.confusion_matrix(confusion_table(matrix, ["a", "b", "c"])).axes
    texts = [t.get_text() for t in axes.texts]
    assert texts == ["90.0%", "10.0%", "0.0%", "50.0%", "50.0%", "0.0%", *["none"] * 3]


@pytest.mark.filterwarnings("error")
def test_a_class_that_no_image_has_is_drawn_as_none(tmp_path):
    matrices = np.zeros((2, 3, 2, 2), dtype=int)
    matrices[..., 0, 0] = 9
    epochs = table(matrices, ["train", "test", "val"], ["background", "cell"])
    figure = plots.overlap_accuracy(epochs, "cell", 1)
    labels = [line.get_label() for line in figure.axes[0].lines]
    assert labels[1:4:2] == [f"{s}, images that have it: none" for s in ("train", "test")]
    figures = [figure, plots.mean_iou(epochs, 1)]
    figures.append(plots.confusion_matrix(confusion_table(matrices[0, 0], ["background", "cell"])))
    for figure in figures:
        figure.savefig(tmp_path / "plot.png")


def boxes(figure, texts):
    """Where texts are drawn, in pixels of the figure: (N, 4) of left, bottom, right, top."""
    FigureCanvasAgg(figure).draw()
    return np.array([text.get_window_extent().extents for text in texts])


@pytest.mark.parametrize("names", [NAMES, [f"a class of a long name, {k}" for k in range(40)]])
def test_many_classes_are_legible(names):
    """No text reaches beyond the figure or into another one."""
    splits = ("all", "train", "val", "test")
    counts = {
        "pixels": {s: dict.fromkeys(names, 5) for s in splits},
        "images_with": {s: dict.fromkeys(names, 1) for s in splits},
        "images": dict.fromkeys(splits, 3),
    }
    balance = plots.class_balance(counts, class_colours(of_classes(names)))
    matrix = plots.confusion_matrix(confusion_table(np.eye(len(names), dtype=int), names))
    for figure, texts in (
        (balance, [*balance.legends[0].get_texts(), *balance.axes[0].texts]),
        (matrix, [*matrix.axes[0].texts, *matrix.axes[0].get_yticklabels()]),
        (matrix, matrix.axes[0].get_xticklabels()),
    ):
        found = boxes(figure, texts)
        width, height = figure.bbox.size
        assert (found[:, :2] > 0).all()
        assert (found[:, 2:] < (width, height)).all()
        starts, ends = found[:, None, :2], found[:, None, 2:]
        shared = np.minimum(ends, ends[:, 0]) - np.maximum(starts, starts[:, 0])
        assert (shared > 1).all(axis=2).sum() == len(found)  # each with itself
