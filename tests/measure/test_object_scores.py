"""Scores of objects, against values worked out by hand; docs/measures.md shows the same example."""

import numpy as np
import pandas as pd
import pytest

from darkfield.classes import VOID
from darkfield.files import read_csv, write_csv
from darkfield.measure.object_scores import (
    by_class,
    compared,
    image_table,
    intervals,
    likeness,
    match_table,
    matches,
    of_counts,
    outside_void,
    scores,
)
from darkfield.measure.objects import compare

CLASSES = {"background": 0, "erythrocyte": 1, "spirochaete": 2}
KINDS = {"erythrocyte": "blob", "spirochaete": "filament"}


def tables(**pictures):
    """The tables of pictures, each a pair of masks (predicted, drawn)."""
    found = [compare(*masks, CLASSES, KINDS) for masks in pictures.values()]
    named = (
        [part.assign(image=image) for image, part in zip(pictures, parts, strict=True)]
        for parts in zip(*found, strict=True)
    )
    return [pd.concat(parts, ignore_index=True) for parts in named]


def squares(*corners, size=(60, 200), side=20):
    mask = np.zeros(size, np.uint8)
    for row, column in corners:
        mask[row : row + side, column : column + side] = 1
    return mask


def lines(*stretches, size=(100, 300)):
    """Lines of one pixel, each (row, first column, last column + 1)."""
    mask = np.zeros(size, np.uint8)
    for row, first, last in stretches:
        mask[row, first:last] = 2
    return mask


@pytest.fixture(scope="module")
def cells():
    """Three drawn cells of 400 pixels; of four predicted ones two are right and two are not.

    (10, 10): all 400 pixels. (10, 50): moved by 4 columns, IoU 320 / 480 = 2/3. (10, 90): moved by
    10 columns, IoU 200 / 600 = 1/3. (10, 150): where nothing was drawn.
    """
    drawn = squares((10, 10), (10, 50), (10, 90))
    predicted = squares((10, 10), (10, 54), (10, 100), (10, 150))
    return image_table(*tables(a=(predicted, drawn)))


def test_cells_are_scored(cells):
    found = scores(cells[cells["class"] == "erythrocyte"], "blob")
    assert (found["drawn"], found["predicted"]) == (3, 4)
    assert found["precision"] == pytest.approx(2 / 4)
    assert found["recall"] == pytest.approx(2 / 3)
    assert found["f1"] == pytest.approx(2 * 2 / 7)
    # Two are more than 50, 55, 60 and 65 % alike, one more than 70, 75, 80, 85, 90 and 95 %.
    assert found["f1_50_95"] == pytest.approx((4 * 4 / 7 + 6 * 2 / 7) / 10)
    assert found["pq"] == pytest.approx(2 * (1 + 2 / 3) / 7)  # = SQ 5/6 x RQ 4/7
    assert found["pq_50_95"] == pytest.approx((4 * 2 * (5 / 3) / 7 + 6 * 2 / 7) / 10)
    # Half of the third lies on a drawn one.
    assert found["precision_quarter"] == pytest.approx(3 / 4)
    assert found["recall_quarter"] == 1
    assert found["f1_quarter"] == pytest.approx(2 * 0.75 / 1.75)
    assert found["count_bias"] == pytest.approx(1 / 3)
    assert "cldice" not in found


@pytest.fixture(scope="module")
def filaments():
    """Three drawn filaments and five predicted ones, in two pictures.

    a, row 20: 200 pixels drawn, found as two pieces of 120 and 60, with a gap of 20. Row 60: 100
    drawn, all of them found, 3 rows off. b, row 20: 100 drawn, missed. Row 60: nothing drawn, 40
    found, and row 80: 20 found.
    """
    a = lines((20, 20, 140), (20, 160, 220), (63, 20, 120)), lines((20, 20, 220), (60, 20, 120))
    b = lines((60, 20, 60), (80, 20, 40)), lines((20, 20, 120))
    return tables(a=a, b=b)


def test_the_larger_piece_is_the_filament_and_the_other_is_none(filaments):
    objects, pairs, _ = filaments
    # Near the larger piece are 125 of the 200, near the smaller 65: completeness 0.625 and 0.325,
    # correctness 1, so their quality is the completeness.
    assert sorted(likeness(objects, pairs)) == pytest.approx([0.325, 0.625, 1])
    same = matches(objects, pairs)
    assert same["likeness"].tolist() == pytest.approx([0.625, 1])
    assert same["image"].tolist() == ["a", "a"]


def test_each_object_has_a_row_with_its_match(filaments):
    table = match_table(*filaments[:2])
    assert len(table) == 3 + 5
    same = table.dropna(subset="match")
    assert same[["image", "drawn", "object", "match"]].to_numpy().tolist() == [
        *(["a", False, 1, 1], ["a", False, 3, 2], ["a", True, 1, 1], ["a", True, 2, 3]),
    ]


def test_filaments_are_scored(filaments):
    table = image_table(*filaments)
    found = scores(table[table["class"] == "spirochaete"], "filament")
    assert (found["drawn"], found["predicted"]) == (3, 5)
    assert found["precision"] == pytest.approx(2 / 5)
    assert found["recall"] == pytest.approx(2 / 3)
    assert found["f1"] == pytest.approx(2 * 2 / 8)
    # Pixel by pixel only the two pieces lie on a drawn one; the third is 3 rows off.
    assert found["precision_quarter"] == pytest.approx(2 / 5)
    assert found["recall_quarter"] == pytest.approx(1 / 3)
    # Drawn: 125 + 65 - 0 of 200 (the middle 10 of the gap are 6 or more away), 100, 0 of 100.
    assert found["completeness"] == pytest.approx((190 + 100) / 400)
    assert found["correctness"] == pytest.approx((180 + 100) / (180 + 100 + 60))
    c, k = 290 / 400, 280 / 340
    assert found["line_f1"] == pytest.approx(2 * c * k / (c + k))
    precision, sensitivity = 180 / 340, 180 / 400  # of lines inside the other mask
    expected = 2 * precision * sensitivity / (precision + sensitivity)
    assert found["cldice"] == pytest.approx(expected)
    assert found["count_bias"] == pytest.approx(2 / 3)
    assert found["bias"] == pytest.approx(1)  # +1 in either picture
    assert "pq" not in found


def test_the_example_of_the_docs_is_right():
    """A filament of 200 pixels, found as pieces of 120 and 60."""
    mask = lines((20, 20, 140), (20, 160, 220)), lines((20, 20, 220))
    found = by_class(image_table(*tables(a=mask)), KINDS)["spirochaete"]
    assert (found["precision"], found["recall"], found["f1"]) == pytest.approx((1 / 2, 1, 2 / 3))
    assert (found["precision_quarter"], found["predicted"] - found["drawn"]) == (1, 1)
    assert (found["completeness"], found["correctness"]) == (0.95, 1)
    assert found["cldice"] == pytest.approx(0.947, abs=0.0005)


def test_two_filaments_side_by_side_are_assigned_so_that_both_are_found():
    """Each predicted line is near both drawn ones; one of them is like one of these only."""
    drawn = lines((20, 20, 120), (24, 20, 150))
    predicted = lines((22, 20, 120), (26, 20, 150))
    objects, pairs, outlines = tables(a=(predicted, drawn))
    assert (likeness(objects, pairs) > 0.5).sum() > 2
    assert len(matches(objects, pairs)) == 2
    assert image_table(objects, pairs, outlines)["same_50"].tolist() == [0, 2]


def test_surfaces_are_scored(cells):
    found = scores(cells[cells["class"] == "erythrocyte"], "blob")
    assert 0.5 < found["nsd_2px"] < found["nsd_5px"] < 1


def test_counts_agree_as_bland_altman_and_lin_define():
    predicted, drawn = np.array([3.0, 5, 7, 9]), np.array([2.0, 5, 8, 9])
    found = of_counts(predicted, drawn)  # errors 1, 0, -1, 0
    assert found["mae"] == 0.5
    assert found["bias"] == 0
    spread = 1.96 * np.sqrt(2 / 3)
    assert (found["agreement_low"], found["agreement_high"]) == pytest.approx((-spread, spread))
    # Means 6 and 6; variances 5 and 7.5; covariance 6 - 0.25 = (3*4 + 1*1 + 1*2 + 3*3) / 4 = 6.
    assert found["ccc"] == pytest.approx(2 * 6 / (5 + 7.5))


def test_a_shifted_count_is_less_concordant():
    drawn = np.array([2.0, 5, 8, 9])
    assert of_counts(drawn, drawn)["ccc"] == pytest.approx(1)
    # Covariance and variances 7.5, and the square of the shift.
    assert of_counts(drawn + 2, drawn)["ccc"] == pytest.approx(15 / (15 + 4))
    assert np.isnan(of_counts(np.ones(3), np.ones(3))["ccc"])
    assert np.isnan(of_counts(np.ones(1), np.ones(1))["agreement_low"])


def test_nothing_drawn_and_nothing_predicted_has_no_score():
    found = by_class(image_table(*tables(a=(squares(), squares()))), KINDS)
    for name in ("erythrocyte", "spirochaete"):
        known = {metric for metric, value in found[name].items() if value is not None}
        assert known == {"drawn", "predicted", "mae", "bias"}


@pytest.mark.parametrize("kinds", [KINDS, {"erythrocyte": "component"}])
def test_tables_without_a_row_pass_through_files(tmp_path, kinds):
    """Without a row, columns come back without types."""
    for i, part in enumerate(compare(squares(), squares(), CLASSES, kinds)):
        write_csv(tmp_path / f"{i}.csv", part.assign(image=""))
    found = [read_csv(tmp_path / f"{i}.csv") for i in range(3)]
    assert match_table(*found[:2]).empty
    table = image_table(*found)
    assert len(by_class(table, kinds)) == len(table) == len(kinds)
    assert not intervals(table, table["image"], kinds)


def test_a_picture_that_is_all_false_has_precision_0_and_no_recall():
    found = by_class(image_table(*tables(a=(squares((10, 10)), squares()))), KINDS)["erythrocyte"]
    assert (found["precision"], found["recall"], found["f1"]) == (0, None, 0)
    assert (found["precision_quarter"], found["f1_quarter"]) == (0, 0)
    assert found["count_bias"] is None


def test_what_is_all_missed_scores_0_not_nothing():
    table = image_table(*tables(a=(lines(), lines((20, 20, 120)))))
    found = by_class(table, KINDS)["spirochaete"]
    assert (found["recall"], found["f1"], found["cldice"], found["line_f1"]) == (0, 0, 0, 0)
    assert (found["precision"], found["correctness"]) == (None, None)


def test_intervals_hold_the_scores_and_want_ten_fields(cells, filaments):
    one = image_table(*filaments)
    pictures = [one.assign(image=one["image"] + str(i)) for i in range(6)]
    table = pd.concat(pictures, ignore_index=True)
    assert intervals(table, table["image"].str[1], KINDS) is None  # six fields of two pictures
    found, known = intervals(table, table["image"], KINDS), by_class(table, KINDS)
    for metric, (low, high) in found["spirochaete"].items():
        assert low <= known["spirochaete"][metric] + 1e-12, metric
        assert high >= known["spirochaete"][metric] - 1e-12, metric
    low, high = found["spirochaete"]["f1"]
    assert low < high
    # Every field of this set is alike.
    alike = pd.concat([cells.assign(image=f"{i}") for i in range(10)], ignore_index=True)
    assert len(set(intervals(alike, alike["image"], KINDS)["erythrocyte"]["f1"])) == 1


def test_a_class_has_intervals_where_ten_fields_show_it(cells):
    nothing = image_table(*tables(none=(np.zeros((60, 200), np.uint8),) * 2))

    def limits(n):
        rows = [(cells if i < n else nothing).assign(image=f"{i:02}") for i in range(20)]
        table = pd.concat(rows, ignore_index=True)
        return intervals(table, table["image"], KINDS)["erythrocyte"]

    assert all(None not in pair for pair in limits(10).values())
    assert all(pair == [None, None] for pair in limits(9).values())


def test_few_scores_go_to_metrics_json(cells):
    few = compared(by_class(cells, KINDS))
    assert list(few) == ["erythrocyte", "spirochaete"]
    assert few["erythrocyte"] == pytest.approx({"f1": 4 / 7, "count_bias": 1 / 3})


def test_unmatched_objects_mostly_in_void_are_neither_right_nor_wrong():
    """Void from column 100 on. Of the predicted cells of 20 columns, some lie in it."""
    drawn = squares((0, 10), size=(120, 200))
    drawn[30:50, 91:100], drawn[:, 100:] = 1, VOID
    # By 0, 11, 20, 11 and 10 columns; in the rest of the fourth a cell is drawn.
    predicted = squares((0, 10), (0, 91), (0, 150), (30, 91), (60, 90), size=(120, 200))
    found, pairs, outlines = tables(a=(predicted, drawn))
    objects, pairs = outside_void(match_table(found, pairs), pairs)
    assert "void_px" not in objects and "counted" not in objects
    ours = objects[~objects["drawn"]]
    assert ours["area_px"].tolist() == [400, 180, 200]
    assert ours["match"].notna().tolist() == [True, True, False]
    of = scores(image_table(objects, pairs, outlines), "erythrocyte")
    assert (of["drawn"], of["predicted"]) == (2, 3)
    assert (of["precision"], of["recall"], of["pq"]) == (2 / 3, 1, 2 * 2 / 5)
