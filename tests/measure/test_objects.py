"""A predicted mask against a drawn one, on shapes whose overlaps can be counted by hand."""

import numpy as np
import pytest

from darkfield.classes import VOID
from darkfield.measure.objects import Compared, compare, outline, within

CLASSES = {"background": 0, "erythrocyte": 1, "spirochaete": 2}


def blank(size=(60, 200)):
    return np.zeros(size, np.uint8)


def of(tables: Compared, name: str) -> Compared:
    return Compared(*(table[table["class"] == name].drop(columns="class") for table in tables))


def test_a_line_that_moves_by_its_half_width_stays_the_same_line():
    drawn, predicted = blank(), blank()
    drawn[20:23, 20:120] = 2  # 3 x 100
    predicted[22:25, 20:120] = 2
    objects, pairs, outlines = of(compare(predicted, drawn, CLASSES), "spirochaete")
    assert objects["drawn"].tolist() == [False, True]
    assert objects["area_px"].tolist() == [300, 300]
    line = objects["line_px"].iloc[0]
    assert line == objects["line_px"].iloc[1] == pytest.approx(98, abs=2)
    pair = pairs.iloc[0]
    assert pair["pixels"] == 100  # a third of each
    assert pair["predicted_near"] == pair["drawn_near"] == line
    row = outlines.iloc[0]
    assert row["predicted_line"] == row["predicted_line_near"] == line
    assert row["predicted_line_inside"] <= 1  # an end may bend into a corner


def test_lines_more_than_the_reach_apart_have_nothing_in_common():
    for apart, pairs in ((5, 1), (6, 0)):
        drawn, predicted = blank(), blank()
        drawn[20, 20:120] = predicted[20 + apart, 20:120] = 2
        assert len(compare(predicted, drawn, CLASSES).pairs) == pairs


def test_two_pieces_share_the_line_between_them():
    drawn, predicted = blank(), blank()
    drawn[20, 20:120] = 2
    predicted[20, 20:60] = predicted[20, 90:120] = 2
    _, pairs, outlines = of(compare(predicted, drawn, CLASSES), "spirochaete")
    assert pairs["pixels"].tolist() == [40, 30]  # two objects: the gap of 30 is too wide to join
    assert pairs["predicted_near"].tolist() == [40, 30]
    assert pairs["drawn_near"].tolist() == [45, 35]  # 5 more on the side of the gap
    row = outlines.iloc[0]
    assert (row["drawn_line"], row["drawn_line_near"], row["drawn_line_inside"]) == (100, 80, 70)
    assert (row["predicted_line"], row["predicted_line_near"]) == (70, 70)


def test_blobs_are_compared_by_their_pixels():
    drawn, predicted = blank(), blank()
    drawn[10:30, 10:30] = predicted[10:30, 14:34] = 1  # 20 x 20, 16 columns shared
    objects, pairs, _ = of(compare(predicted, drawn, CLASSES), "erythrocyte")
    assert objects["area_px"].tolist() == [400, 400]
    assert objects["line_px"].tolist() == [0, 0]
    assert pairs[["pixels", "predicted_near", "drawn_near"]].to_numpy().tolist() == [[320, 0, 0]]


def test_a_cell_under_a_spirochaete_is_whole():
    drawn, predicted = blank((120, 160)), blank((120, 160))
    y, x = np.mgrid[:120, :160]
    drawn[np.hypot(y - 60, x - 70) <= 30] = 1
    drawn[58:62, 20:140] = 2
    predicted[np.hypot(y - 60, x - 70) <= 30] = 1
    _, pairs, _ = of(compare(predicted, drawn, CLASSES), "erythrocyte")
    assert pairs["pixels"].tolist() == pytest.approx([(predicted == 1).sum()], rel=0.01)


def test_outlines_are_measured_where_they_are_near_each_other():
    drawn, predicted = blank((40, 40)), blank((40, 40))
    drawn[10:20, 10:20] = predicted[10:20, 10:23] = 1  # 3 columns more
    row = of(compare(predicted, drawn, CLASSES), "erythrocyte").outlines.iloc[0]
    assert row["drawn_outline"] == 36  # 4 x 9
    assert row["predicted_outline"] == 42
    # Of the drawn outline, the right side's 10 pixels are 3 away from the nearest of the other, but
    # for its two corners, which lie on it, and their next two neighbours.
    assert row["drawn_outline_2"] == 36 - 10 + 2 * 3
    assert row["drawn_outline_5"] == 36
    # Of the predicted one, 10 on the right, and the two nearest to its corners on both sides.
    assert row["predicted_outline_2"] == 42 - 10
    assert row["predicted_outline_5"] == 42


def test_the_edge_of_the_picture_is_no_outline():
    cut = np.zeros((10, 10), bool)
    cut[:, :4] = True
    assert outline(cut).sum() == 10
    assert not outline(np.ones((10, 10), bool)).any()


def test_nothing_is_near_what_is_not_there():
    assert not within(np.zeros((5, 5), bool), 9).any()


@pytest.mark.parametrize("predicted_too", [False, True])
def test_a_picture_without_objects_has_its_row_and_no_others(predicted_too):
    drawn, predicted = blank(), blank()
    if predicted_too:
        predicted[20, 20:120] = 2
    objects, pairs, outlines = compare(predicted, drawn, CLASSES)
    assert len(objects) == predicted_too
    assert len(pairs) == 0
    assert outlines["class"].tolist() == ["erythrocyte", "spirochaete"]
    assert outlines["drawn_line"].tolist() == [0, 0]


def test_classes_that_are_not_counted_are_left_out():
    platelets = {"background": 0, "platelet": 1, "spirochaete": 2}
    mask = blank()
    mask[10:30, 10:30], mask[50, 20:120] = 1, 2
    objects, _, outlines = compare(mask, mask, platelets)
    assert set(objects["class"]) == set(outlines["class"]) == {"spirochaete"}
    assert compare(mask, mask, {"background": 0, "platelet": 1, "fibre": 2}).outlines.empty


def test_what_lies_in_void_is_told_apart():
    drawn, predicted = blank(), blank()
    drawn[:, 100:], drawn[10:30, 84:100], drawn[40:43, 20:100] = VOID, 1, 2
    predicted[10:30, 84:104], predicted[40:43, 20:180] = 1, 2
    tables = compare(predicted, drawn, CLASSES)
    cells, pairs, row = of(tables, "erythrocyte")
    assert cells[["area_px", "void_px"]].to_numpy().tolist() == [[320, 80], [320, 0]]
    assert pairs["pixels"].tolist() == [320]
    for side in ("predicted", "drawn"):  # three sides; the fourth is along the void, or in it
        assert row[f"{side}_outline"].tolist() == row[f"{side}_outline_2"].tolist() == [20 + 2 * 15]
    filaments, pairs, row = of(tables, "spirochaete")
    assert filaments[["area_px", "void_px"]].to_numpy().tolist() == [[240, 240], [240, 0]]
    assert filaments["line_px"].iloc[0] == pytest.approx(79, abs=1)  # up to the void
    assert row["predicted_line"].tolist() == row["predicted_line_near"].tolist()
    assert filaments["length_px"].iloc[0] == pytest.approx(160, abs=2)


def test_what_is_predicted_in_void_alone_changes_nothing_outside():
    drawn, predicted = blank(), blank()
    drawn[10:30, 10:30] = predicted[10:30, 14:34] = 1
    drawn[:, 100:] = VOID
    before = compare(predicted, drawn, CLASSES)
    predicted[10:30, 120:140], predicted[40:43, 110:190] = 1, 2
    objects, pairs, outlines = compare(predicted, drawn, CLASSES)
    assert pairs.equals(before.pairs) and outlines.equals(before.outlines)
    assert objects[objects["area_px"] > 0].reset_index(drop=True).equals(before.objects)
