"""The masks that models disagree with come first; specks do not."""

import numpy as np

from darkfield.measure.label_review import ranking

CLASSES = ["background", "erythrocyte", "spirochaete"]


def matrix(erythrocyte_missed=0, spirochaete_invented=0):
    m = np.diag([100_000, 10_000, 2_000])
    m[1, 0], m[1, 1] = erythrocyte_missed, 10_000 - erythrocyte_missed
    m[0, 2] = spirochaete_invented
    return m


def test_the_least_agreement_comes_first():
    matrices = np.stack([matrix(), matrix(9_000), matrix(10), matrix(0, 1_500)])
    table = ranking(matrices, ["a", "b", "c", "d"], [1, 2, 1, 2], CLASSES)
    assert list(table["image"]) == ["b", "d", "c", "a"]
    assert list(table["rank"]) == [1, 2, 3, 4]
    first = table.iloc[0]
    assert first["erythrocyte_missed"] == 9_000
    assert first["erythrocyte_pixels"] == 10_000
    assert table["agreement"].iloc[-1] == 1


def test_a_speck_in_an_empty_picture_is_no_missed_object():
    speck, missed = np.diag([100_000, 0, 0]), np.diag([100_000, 0, 0])
    speck[0, 2], missed[0, 2] = 20, 2_000
    table = ranking(np.stack([speck, missed]), ["speck", "missed"], [1, 1], CLASSES)
    assert list(table["image"]) == ["missed", "speck"]
    assert table["agreement"].iloc[1] > 0.95


def test_a_mask_that_is_all_void_is_not_reviewed():
    table = ranking(np.stack([matrix(), 0 * matrix()]), ["a", "void"], [1, 1], CLASSES)
    assert list(table["image"]) == ["a"]
