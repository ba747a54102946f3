"""The epoch is chosen on val alone, and what is reported is what the matrices say."""

import numpy as np
import pandas as pd
import pytest

from darkfield.files import UserError
from darkfield.measure.metrics import table
from darkfield.measure.selection import best_epoch, compared, split_metrics

CLASSES = ["background", "erythrocyte", "spirochaete"]
SPLITS = ["train", "val", "val", "test", "test"]


@pytest.fixture
def epochs():
    matrices = np.random.default_rng(0).integers(1, 100, (6, 5, 3, 3))
    matrices[3, 1:3] += 1000 * np.eye(3, dtype=int)  # epoch 4 is the best on val
    return table(matrices, SPLITS, CLASSES)


def test_the_best_on_val(epochs):
    assert best_epoch(epochs, "best") == 4


def test_the_test_and_train_splits_are_never_read(epochs):
    rng = np.random.default_rng(1)
    for split in ("test", "train"):
        rows = epochs.index[epochs["split"] == split]
        scores = epochs.columns.drop(["epoch", "split", "class"])
        for _ in range(20):
            epochs.loc[rows, scores] = epochs.loc[rng.permutation(rows), scores].to_numpy()
            assert best_epoch(epochs, "best") == 4
    assert best_epoch(epochs[epochs["split"] == "val"], "best") == 4


def test_the_earliest_of_equals(epochs):
    again = epochs[epochs["epoch"] == 4].assign(epoch=2)
    assert best_epoch(pd.concat([epochs[epochs["epoch"] != 2], again]), "best") == 2


def test_a_class_absent_from_val_is_left_out_of_the_mean(epochs):
    absent = (epochs["split"] == "val") & (epochs["class"] == "spirochaete")
    epochs.loc[absent, "iou"] = np.nan
    assert best_epoch(epochs, "best") == 4


def test_a_class_that_val_lacks_and_some_epochs_invent_does_not_decide():
    """A pixel of it costs every epoch but the first, untrained one nothing else."""
    matrices = [
        [[[90_000 - false, 100, false], [10_000 - good, good, 0], [0, 0, 0]]]
        for good, false in ((7000, 0), (9000, 1), (9800, 1), (9500, 1))
    ]
    assert best_epoch(table(np.array(matrices), ["val"], CLASSES), "best") == 3


def test_a_number_is_taken_as_it_is(epochs):
    assert best_epoch(epochs, 2) == 2


def test_best_without_val_is_an_error(epochs):
    with pytest.raises(UserError, match="'best' needs a val split"):
        best_epoch(epochs[epochs["split"] != "val"], "best")


def test_metrics_of_a_split():
    matrix = np.array([[60, 5, 5], [4, 16, 0], [6, 0, 4]])
    values = split_metrics(matrix[None], CLASSES)
    assert values["miou"] == pytest.approx((60 / 80 + 16 / 25 + 4 / 15) / 3)
    assert values["mdice"] == pytest.approx((120 / 140 + 32 / 41 + 8 / 19) / 3)
    assert values["spirochaete"]["recall"] == pytest.approx(0.4)


def test_absent_classes_and_absent_splits_are_null():
    matrix = np.array([[90, 10, 0], [0, 10, 0], [0, 0, 0]])
    values = split_metrics(matrix[None], CLASSES)
    assert values["spirochaete"]["iou"] is None
    assert values["spirochaete"]["overlap_accuracy"] == 1
    assert values["miou"] == pytest.approx((90 / 100 + 10 / 20) / 2)
    assert split_metrics(np.zeros((0, 3, 3), dtype=int), CLASSES) is None


def test_what_is_compared_is_of_the_classes_that_are_looked_for():
    matrix = np.array([[60, 5, 5], [4, 16, 0], [6, 0, 4]])
    scores = {"epoch": 1, "test": split_metrics(matrix[None], CLASSES), "val": None}
    assert [*compared(scores, [CLASSES[0], CLASSES[2]])["test"]] == [
        *("miou", "mdice", CLASSES[0], CLASSES[2])
    ]


def test_best_of_a_val_split_of_void_alone_is_an_error():
    matrices = np.random.default_rng(0).integers(1, 100, (2, 5, 3, 3))
    matrices[:, 1:3] = 0
    with pytest.raises(UserError, match="a val split with pixels of a class"):
        best_epoch(table(matrices, SPLITS, CLASSES), "best")
