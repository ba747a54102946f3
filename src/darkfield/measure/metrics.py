"""Everything that is measured, as pure functions of integer confusion matrices.

A confusion matrix is an int64 array (..., C, C): row the true class, column the predicted one, each
entry a number of pixels. Every function here keeps leading axes (images, epochs).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from darkfield.classes import VOID


def confusion(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """The confusion matrix (C, C) of two class-index arrays of the same shape, values 0..C-1.

    Pixels that are VOID in the truth are left out.
    """
    pairs = truth.ravel().astype(np.intp) * classes + predicted.ravel()
    matrix = np.bincount(pairs, minlength=(VOID + 1) * classes).reshape(VOID + 1, classes)
    assert not matrix[classes:VOID].any(), "a mask holds its classes and VOID alone"
    return matrix[:classes]


def counts(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """True positives, false positives, false negatives (..., C) and all pixels (..., 1)."""
    tp = np.diagonal(matrix, axis1=-2, axis2=-1)
    fp = matrix.sum(axis=-2) - tp
    fn = matrix.sum(axis=-1) - tp
    return tp, fp, fn, matrix.sum(axis=(-2, -1))[..., None]


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, NaN where whole is 0."""
    result = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=result, where=whole != 0)
    return result


def iou(matrix: np.ndarray) -> np.ndarray:
    """Intersection over union (Jaccard index) by class (..., C); NaN if absent from both."""
    tp, fp, fn, _ = counts(matrix)
    return ratio(tp, tp + fp + fn)


def dice(matrix: np.ndarray) -> np.ndarray:
    """Dice coefficient, 2 TP / (2 TP + FP + FN), by class (..., C); NaN if absent from both."""
    tp, fp, fn, _ = counts(matrix)
    return ratio(2 * tp, 2 * tp + fp + fn)


def precision(matrix: np.ndarray) -> np.ndarray:
    """TP / (TP + FP) by class (..., C); NaN if the class is never predicted."""
    tp, fp, _, _ = counts(matrix)
    return ratio(tp, tp + fp)


def recall(matrix: np.ndarray) -> np.ndarray:
    """TP / (TP + FN) by class (..., C); NaN if the class is absent from the truth."""
    tp, _, fn, _ = counts(matrix)
    return ratio(tp, tp + fn)


def overlap_accuracy(matrix: np.ndarray) -> np.ndarray:
    """The notebook's overlap accuracy by class (..., C), from the matrix of one image.

    TP / (TP + FN) - (FP + FN) / N, and 1 - (FP + FN) / N where the class is absent from the truth;
    N is the number of pixels. At most 1; below 0 where most pixels are wrong; NaN if N is 0, as of
    an image that is all void.
    """
    tp, fp, fn, n = counts(matrix)
    wrong = ratio(fp + fn, np.broadcast_to(n, fp.shape))
    accuracy: np.ndarray = np.where(tp + fn > 0, recall(matrix), 1.0) - wrong
    return accuracy


def class_mean(values: np.ndarray, of: np.ndarray | None = None) -> np.ndarray:
    """The mean of a metric by class (..., C) over classes, such as mean IoU: an array (...).

    The classes are those in the truth or in the prediction of the measured set, where the metric is
    not NaN. For a part of a set (a fold, a resample), `of`, bool (C,), gives those of the whole
    set: then the means of all parts are over the same classes, or NaN if a part lacks one of them.
    """
    of = ~np.isnan(values) if of is None else of
    return ratio(
        np.where(of, values, 0).sum(axis=-1), np.broadcast_to(of, values.shape).sum(axis=-1)
    )


def mean_iou(epochs: pd.DataFrame) -> pd.Series:
    """The mean IoU from evaluation/epochs.csv, indexed by split and epoch.

    All epochs are compared over the same classes, those that the split's masks have: one that an
    epoch invents would make its mean one of others.
    """
    drawn = epochs.assign(iou=epochs["iou"].where(epochs["recall"].notna()))
    by_class = drawn.pivot(index=["split", "epoch"], columns="class", values="iou")
    return pd.Series(class_mean(by_class.to_numpy()), by_class.index)


def summarise(matrices: np.ndarray) -> dict[str, np.ndarray]:
    """All metrics of a set of images, each an array (C,), from their matrices (images, C, C).

    Overlap accuracy is the mean over the images that have pixels; ..._present is the mean over the
    images whose truth has the class (NaN if none has). The others come from the summed matrix, so
    they are over all pixels of the set.
    """
    total = matrices.sum(axis=0)
    accuracy = overlap_accuracy(matrices)
    present = matrices.sum(axis=-1) > 0
    return {
        "overlap_accuracy": mean_where(~np.isnan(accuracy), accuracy),
        "iou": iou(total),
        "dice": dice(total),
        "precision": precision(total),
        "recall": recall(total),
        "overlap_accuracy_present": mean_where(present, accuracy),
    }


def mean_where(these: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The mean of values (images, C) over the images of `these`, bool (images, C); NaN if none."""
    return ratio(np.where(these, values, 0).sum(axis=0), these.sum(axis=0))


def table(matrices: np.ndarray, splits: Sequence[str], classes: Sequence[str]) -> pd.DataFrame:
    """One row per epoch (from 1), split and class, from matrices (epochs, images, C, C).

    `splits` names each image's split. Splits come in the order train, val, test.
    """
    of = np.asarray(splits)
    rows = []
    for epoch, of_epoch in enumerate(matrices, start=1):
        for split in (s for s in ("train", "val", "test") if s in of):
            values = summarise(of_epoch[of == split])
            for c, name in enumerate(classes):
                row = {"epoch": epoch, "split": split, "class": name}
                rows.append(row | {metric: v[c] for metric, v in values.items()})
    return pd.DataFrame(rows)


def confusion_table(matrix: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """A matrix (C, C) as rows: true, predicted, pixels, and their share of the true class."""
    share = ratio(matrix, matrix.sum(axis=1, keepdims=True).repeat(len(classes), axis=1))
    return pd.DataFrame(
        {
            "true": np.repeat(classes, len(classes)),
            "predicted": np.tile(classes, len(classes)),
            "pixels": matrix.ravel(),
            "share": share.ravel(),
        }
    )


def image_table(
    matrices: np.ndarray, images: Sequence[str], splits: Sequence[str], classes: Sequence[str]
) -> pd.DataFrame:
    """One row per image and class, from matrices (images, C, C)."""
    parts = []
    for matrix, image, split in zip(matrices, images, splits, strict=True):
        part = table(matrix[None, None], [split], classes).drop(columns="epoch")
        parts.append(part.drop(columns="overlap_accuracy_present").assign(image=image))
    rows = pd.concat(parts, ignore_index=True)
    return rows[["image", *rows.columns.drop("image")]]
