"""Metrics against matrices worked out by hand."""

import numpy as np
import pytest

from darkfield.classes import VOID
from darkfield.measure import metrics

# 100 pixels: rows truth, columns prediction.
HAND = np.array([[60, 5, 5], [4, 16, 0], [6, 0, 4]])


def test_confusion_counts_every_pixel_by_truth_and_prediction():
    truth = np.array([[0, 0, 1], [2, 2, 1]], dtype=np.uint8)
    predicted = np.array([[0, 1, 1], [2, 0, 1]], dtype=np.uint8)
    assert metrics.confusion(truth, predicted, 3).tolist() == [[1, 1, 0], [0, 2, 0], [1, 0, 1]]


def test_confusion_of_many_classes_does_not_overflow():
    truth = np.full((300, 300), 199, dtype=np.uint8)
    matrix = metrics.confusion(truth, truth, 200)
    assert matrix[199, 199] == matrix.sum() == 90000


def test_hand_computed_values():
    assert metrics.iou(HAND) == pytest.approx([60 / 80, 16 / 25, 4 / 15])
    assert metrics.dice(HAND) == pytest.approx([120 / 140, 32 / 41, 8 / 19])
    assert metrics.precision(HAND) == pytest.approx([60 / 70, 16 / 21, 4 / 9])
    assert metrics.recall(HAND) == pytest.approx([60 / 70, 16 / 20, 4 / 10])
    expected = [60 / 70 - 20 / 100, 16 / 20 - 9 / 100, 4 / 10 - 11 / 100]
    assert metrics.overlap_accuracy(HAND) == pytest.approx(expected)


def test_a_class_that_is_absent():
    only_background = np.array([[90, 10, 0], [0, 0, 0], [0, 0, 0]])
    assert metrics.overlap_accuracy(only_background) == pytest.approx([0.9 - 0.1, 1 - 0.1, 1])
    assert np.isnan(metrics.iou(only_background)).tolist() == [False, False, True]
    assert metrics.iou(only_background)[1] == 0
    assert np.isnan(metrics.recall(only_background)).tolist() == [False, True, True]
    assert np.isnan(metrics.precision(only_background)).tolist() == [False, False, True]


def test_summary_sums_pixels_but_averages_overlap_accuracy_over_images():
    other = np.array([[10, 0, 0], [0, 0, 0], [0, 0, 0]])
    summary = metrics.summarise(np.stack([HAND, other]))
    assert summary["iou"] == pytest.approx([70 / 90, 16 / 25, 4 / 15])
    # The second image has no cell and predicts none: it counts 1 in the mean over all images.
    assert summary["overlap_accuracy"][1] == pytest.approx(((0.8 - 0.09) + 1) / 2)
    assert summary["overlap_accuracy_present"][1] == pytest.approx(0.8 - 0.09)


def test_predicting_no_spirochaete_is_rewarded_by_absence_only():
    with_one = np.array([[95, 0, 0], [0, 0, 0], [5, 0, 0]])
    without = np.array([[100, 0, 0], [0, 0, 0], [0, 0, 0]])
    summary = metrics.summarise(np.stack([with_one, without]))
    assert summary["overlap_accuracy"][2] == pytest.approx((0 - 0.05 + 1) / 2)
    assert summary["overlap_accuracy_present"][2] == pytest.approx(-0.05)
    assert summary["iou"][2] == 0


def test_leading_axes_are_kept():
    stack = np.stack([HAND] * 6).reshape(2, 3, 3, 3)
    assert metrics.iou(stack).shape == (2, 3, 3)
    assert metrics.overlap_accuracy(stack)[1, 2] == pytest.approx(metrics.overlap_accuracy(HAND))


def test_table_is_tidy_and_in_order():
    matrices = np.stack([np.stack([HAND, HAND, HAND])] * 2)
    rows = metrics.table(matrices, ["test", "train", "train"], ["background", "cell", "worm"])
    assert list(rows.columns[:8]) == [
        *("epoch", "split", "class", "overlap_accuracy", "iou", "dice", "precision", "recall")
    ]
    assert rows["epoch"].tolist() == [1] * 6 + [2] * 6
    assert rows["split"].tolist() == (["train"] * 3 + ["test"] * 3) * 2
    assert rows["class"].tolist() == ["background", "cell", "worm"] * 4
    assert rows["iou"][1] == pytest.approx(16 / 25)


def test_image_table_has_a_row_an_image_and_class():
    rows = metrics.image_table(
        np.stack([HAND, HAND.T]), ["a", "b"], ["test", "val"], ["x", "y", "z"]
    )
    assert rows["image"].tolist() == ["a"] * 3 + ["b"] * 3
    assert rows["recall"][3] == pytest.approx(metrics.precision(HAND)[0])


def test_confusion_table_has_a_row_an_entry():
    rows = metrics.confusion_table(np.array([[9, 1], [0, 0]]), ["a", "b"])
    assert rows["true"].tolist() == ["a", "a", "b", "b"]
    assert rows["predicted"].tolist() == ["a", "b", "a", "b"]
    assert rows["pixels"].tolist() == [9, 1, 0, 0]
    assert rows["share"].tolist()[:2] == [0.9, 0.1]
    assert rows["share"].isna().tolist() == [False, False, True, True]


def test_void_is_in_no_matrix_whatever_is_predicted_there():
    truth = np.array([[0, 0, 1], [2, 2, 1]], dtype=np.uint8)
    predicted = np.array([[0, 1, 1], [2, 0, 1]], dtype=np.uint8)
    matrix = metrics.confusion(truth, predicted, 3)
    wider = [np.hstack([part, np.full((2, 3), v)]) for part, v in ((truth, VOID), (predicted, 2))]
    assert metrics.confusion(*wider, 3).tolist() == matrix.tolist()
    classes = np.arange(VOID, dtype=np.uint8)
    assert metrics.confusion(classes, classes, VOID).tolist() == np.eye(VOID).tolist()
    with pytest.raises(AssertionError, match="its classes and VOID alone"):
        metrics.confusion(np.array([3]), np.array([0]), 3)


@pytest.mark.filterwarnings("error")
def test_an_image_of_void_alone_changes_no_mean():
    """By hand: N of overlap accuracy is 100 in one image, and no pixel of the other counts."""
    found, alone = (metrics.summarise(np.stack(m)) for m in ([HAND, 0 * HAND], [HAND]))
    assert {k: v.tolist() for k, v in found.items()} == {k: v.tolist() for k, v in alone.items()}
    assert np.isnan(metrics.overlap_accuracy(0 * HAND)).all()
    nothing = metrics.summarise(0 * HAND[None])
    assert all(np.isnan(values).all() for values in nothing.values())
