"""Counts and measures of scenes whose objects are known, and of real masks.

python -m pytest tests/objects -k scenes -s prints the errors.
"""

import cv2
import numpy as np
import pandas as pd
import pytest

from darkfield.data.drawing import (
    draw_erythrocytes,
    draw_spirochaetes,
    place_erythrocytes,
    place_spirochaetes,
)
from darkfield.data.images import open_image
from darkfield.objects.blobs import label_erythrocytes
from darkfield.objects.table import COLUMNS, count_table, find, numbered, object_table

CLASSES = {"background": 0, "erythrocyte": 1, "spirochaete": 2}
SCENES = 24


def counted(mask, **options):
    objects = object_table(mask, CLASSES, **options)
    return objects, count_table(objects, mask, CLASSES).iloc[0]


def painted(seed):
    """A scene's mask (H, W), its cells (N, 3) and its spirochaetes."""
    rng = np.random.default_rng([11, seed])
    height, width = rng.integers(300, 440, 2)
    light, numbers = np.zeros((height, width, 3)), np.zeros((height, width), np.uint16)
    cells = place_erythrocytes(rng, height, width)
    draw_erythrocytes(rng, cells, light, numbers)
    spirochaetes = place_spirochaetes(rng, cells, height, width)
    draw_spirochaetes(rng, spirochaetes, light, numbers, len(cells) + 1)
    mask = np.minimum(numbers, 1) + (numbers > len(cells))
    return mask, cells, spirochaetes


def visible_cells(cells, shape):
    """How many cells show a third of their disc: in the picture, and not deeper in another cell."""
    at = np.arange(300)
    spiral = np.sqrt((at + 0.5) / 300)[:, None] * np.stack([np.cos(2.4 * at), np.sin(2.4 * at)], 1)
    points = cells[:, None, :2] + cells[:, None, 2:] * spiral
    inside = ((points >= -0.5) & (points < np.array(shape[::-1]) - 0.5)).all(axis=2)
    depths = cells[:, 2] - np.linalg.norm(points[:, :, None] - cells[:, :2], axis=3)
    own = depths.argmax(axis=2) == np.arange(len(cells))[:, None]
    return ((inside & own).mean(axis=1) >= 1 / 3).sum()


def visible_lines(spirochaetes, shape):
    """The stretches of centre lines in the picture, float (N, 2), that are two widths or longer."""
    found = []
    for line, half, _ in spirochaetes:
        inside = ((line >= -0.5) & (line < np.array(shape[::-1]) - 0.5)).all(axis=1)
        stretches = np.split(np.arange(len(line)), np.flatnonzero(np.diff(inside)) + 1)
        found += [line[s] for s in stretches if inside[s[0]] and len(s) >= 4 * half]
    return found


def test_scenes_are_counted_and_measured():
    rows, errors = [], []
    for seed in range(SCENES):
        mask, cells, spirochaetes = painted(seed)
        lines = visible_lines(spirochaetes, mask.shape)
        objects, row = counted(mask)
        rows.append(
            {
                "cells": visible_cells(cells, mask.shape) if len(cells) else 0,
                "cells_found": row["erythrocytes"],
                "filaments": len(lines),
                "filaments_found": row["spirochaetes"],
                "length": sum(map(len, lines)),
                "length_found": row["total_length_px"],
            }
        )
        # The object whose centroid is nearest to a line's, if they can be told apart.
        middles = objects.loc[objects["class"] == "spirochaete", ["x", "y"]].to_numpy()
        lengths = objects.loc[objects["class"] == "spirochaete", "length_px"].to_numpy()
        for line in lines:
            away = np.linalg.norm(middles - line.mean(axis=0), axis=1)
            if away.min(initial=np.inf) < 5:
                errors.append(lengths[away.argmin()] / len(line) - 1)
    table = pd.DataFrame(rows)
    total = table.sum()
    print(f"\n{SCENES} scenes\n{table.to_string()}\n{total.to_string()}")
    for kind, most in {"cells": 0.05, "filaments": 0.1, "length": 0.1}.items():
        off = table[f"{kind}_found"] - table[kind]
        print(f"{kind}: sum {off.sum() / total[kind]:+.3f}, mean absolute {off.abs().mean():.2f}")
        assert abs(off.sum()) <= most * total[kind]
        assert off.abs().sum() <= most * total[kind]  # errors up and down do not cancel here
    print(f"length, {len(errors)} matched: median {np.median(errors):+.3f}, ", end="")
    print(f"median absolute {np.median(np.abs(errors)):.3f}")
    assert len(errors) >= 0.8 * total["filaments"]
    assert np.median(np.abs(errors)) <= 0.05


@pytest.fixture(scope="module")
def known():
    """Two cells that touch, one of them under a spirochaete, and spirochaetes beside them."""
    mask = np.zeros((120, 200), np.uint8)
    y, x = np.mgrid[:120, :200]
    mask[np.hypot(y - 60, x - 50) <= 20] = 1
    mask[np.hypot(y - 60, x - 89) <= 20] = 1
    mask[58:62, 60:120] = mask[10:14, 20:100] = mask[100:120, 150:154] = 2
    return mask


def test_each_object_has_its_row(known):
    table, _ = counted(known)
    assert dict(table.dtypes) == {name: np.dtype(kind) for name, kind in COLUMNS.items()}
    assert list(zip(table["class"], table["label"], strict=True)) == [
        *(("erythrocyte", 1), ("erythrocyte", 2)),
        *(("spirochaete", 1), ("spirochaete", 2), ("spirochaete", 3)),
    ]
    cells, filaments = table[:2], table[2:]
    np.testing.assert_allclose(cells[["x", "y"]], [[50, 60], [89, 60]], atol=0.5)
    np.testing.assert_allclose(cells["area_px"], np.pi * 20**2, rtol=0.02)
    np.testing.assert_allclose(cells["diameter_px"], 40, rtol=0.01)
    assert (cells["eccentricity"] < 0.3).all()
    np.testing.assert_allclose(filaments[["x", "y"]], [[59.5, 11.5], [89.5, 59.5], [151.5, 109.5]])
    np.testing.assert_allclose(filaments["area_px"], [320, 240, 80])
    np.testing.assert_allclose(filaments["length_px"], [80, 60, 20], rtol=0.05)
    np.testing.assert_allclose(filaments["width_px"], 4, rtol=0.05)
    np.testing.assert_allclose(filaments["distance_px"], [26, 0, 52], atol=0.7)
    assert list(table["touches_border"]) == [False] * 4 + [True]
    absent = table.isna()
    assert (absent[:2].columns[absent[:2].all()] == ["length_px", "width_px", "distance_px"]).all()
    assert (absent[2:].columns[absent[2:].all()] == ["diameter_px", "eccentricity"]).all()
    assert absent.to_numpy().sum() == 2 * 3 + 3 * 2


def test_two_borders_count_what_four_fields_share_once():
    """A cell and a filament on the seams of four fields: each counts in one field alone."""
    mask = np.zeros((200, 200), np.uint8)
    y, x = np.mgrid[:200, :200]
    mask[np.hypot(y - 60, x - 100) <= 20] = 1  # on the seam of the upper two
    mask[98:102, 150:190] = 2  # on that of the right two
    fields = [mask[top : top + 100, left : left + 100] for top in (0, 100) for left in (0, 100)]
    rows = [count_table(object_table(f, CLASSES, two_borders=True), f, CLASSES) for f in fields]
    assert [row["erythrocytes"].item() for row in rows] == [0, 1, 0, 0]
    assert [row["spirochaetes"].item() for row in rows] == [0, 0, 0, 1]
    everywhere = [object_table(field, CLASSES) for field in fields]
    assert sum(map(len, everywhere)) == 4 and all(table["counted"].all() for table in everywhere)
    assert object_table(fields[0], CLASSES, two_borders=True)["counted"].tolist() == [False]


def test_an_image_has_one_row(known):
    table, row = counted(known)
    assert (row["erythrocytes"], row["spirochaetes"]) == (2, 3)
    assert row["mean_diameter_px"] == pytest.approx(40, rel=0.01)
    assert row["mean_length_px"] == pytest.approx(70, rel=0.03)  # the third may be cut
    assert row["total_length_px"] == pytest.approx(table["length_px"].sum())
    shares = np.bincount(known.ravel()) / known.size
    np.testing.assert_allclose([row[f"coverage_{name}"] for name in CLASSES], shares)


def test_micrometres_are_given_only_if_asked_for(known):
    pixels, counts = counted(known)
    assert not [name for name in [*pixels, *counts.index] if "um" in name]
    both, counts = counted(known, um_per_pixel=0.25)
    pd.testing.assert_frame_equal(both[list(pixels)], pixels)
    np.testing.assert_allclose(both["area_um2"], pixels["area_px"] / 16)
    for name in ("diameter", "length", "width", "distance"):
        np.testing.assert_allclose(both[f"{name}_um"], pixels[f"{name}_px"] / 4)
    for name in ("mean_diameter", "mean_length", "total_length"):
        assert counts[f"{name}_um"] == pytest.approx(counts[f"{name}_px"] / 4)


def test_a_spirochaete_that_touches_a_cell_at_a_corner_is_at_distance_0():
    mask = np.zeros((40, 60), np.uint8)
    mask[10:30, 5:25] = 1
    mask[30:33, 25:50] = 2
    assert counted(mask)[0]["distance_px"].iloc[-1] == 0
    mask[:, 25:] = 0
    mask[18:21, 26:50] = 2
    assert counted(mask)[0]["distance_px"].iloc[-1] == 1


@pytest.mark.parametrize("shape", [(1, 1), (16, 16), (37, 64)])
@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_mask_of_one_class(shape, index):
    table, row = counted(np.full(shape, index, np.uint8))
    assert list(table) == [*COLUMNS]
    assert dict(table.dtypes) == {name: np.dtype(kind) for name, kind in COLUMNS.items()}
    assert list(table["class"]) == (["erythrocyte"] if index == 1 else [])
    assert row["erythrocytes"] == (index == 1) and row["spirochaetes"] == 0
    assert row["total_length_px"] == 0 and np.isnan(row["mean_length_px"])
    assert row[f"coverage_{list(CLASSES)[index]}"] == 1


@pytest.mark.parametrize(
    ("classes", "objects", "counts"),
    [
        (
            {"background": 0, "platelet": 1, "spirochaete": 2},
            {"length_px", "width_px", "length_um", "width_um"},
            {"spirochaetes", "mean_length_px", "mean_length_um"}
            | {"total_length_px", "total_length_um"},
        ),
        (
            {"background": 0, "erythrocyte": 1, "worm": 2},
            {"diameter_px", "eccentricity", "diameter_um"},
            {"erythrocytes", "mean_diameter_px", "mean_diameter_um"},
        ),
        ({"background": 0, "red_cell": 1, "worm": 2}, set(), set()),
    ],
)
def test_columns_exist_for_classes_that_exist(known, classes, objects, counts):
    table = object_table(known, classes, um_per_pixel=0.5)
    every = {"class", "label", "x", "y", "area_px", "area_um2", "touches_border", "counted"}
    assert set(table) == every | objects
    assert set(table["class"]) == {"erythrocyte", "spirochaete"} & classes.keys()
    row = count_table(table, known, classes).iloc[0]
    coverages = [f"coverage_{name}" for name in classes]
    assert set(row.index) == counts | {*coverages}
    np.testing.assert_allclose(row[coverages].tolist(), np.bincount(known.ravel()) / known.size)


def test_real_cells_that_stand_alone_are_counted_once(real_data):
    """Alone is a component that is convex and no larger than most: one cell, or cut by the border.

    Specks aside, it is to have one label, whatever lies around it.
    """
    alone = wrong = 0
    for path in sorted((real_data / "masks").glob("*.png"))[4::18]:
        mask = np.asarray(open_image(path).convert("RGB"))[..., 0]
        erythrocyte = mask == 1
        labels = label_erythrocytes(erythrocyte, mask == 2)
        outlines, _ = cv2.findContours(erythrocyte.astype(np.uint8), 0, cv2.CHAIN_APPROX_NONE)
        areas = np.array([cv2.contourArea(outline) for outline in outlines])
        hulls = np.array([cv2.contourArea(cv2.convexHull(outline)) for outline in outlines])
        convex = areas > 0.95 * hulls
        typical = np.median(areas[convex]) if convex.any() else 0
        for i in np.flatnonzero(convex & (areas > 0.5 * typical) & (areas < 1.5 * typical)):
            inside = cv2.drawContours(np.zeros_like(mask), outlines, i, 1, -1) > 0
            alone += 1
            wrong += len(np.unique(labels[inside & erythrocyte])) > 1 or not labels[inside].any()
    print(f"\n{alone} cells that stand alone, {wrong} not counted once")
    assert alone > 50 and wrong <= 0.02 * alone


def test_numbered_objects_are_taken_as_they_are():
    """Shape cannot tell these: cells deep in each other, filaments tip to tip, pieces of one."""
    numbers = np.zeros((80, 120), np.uint16)
    y, x = np.mgrid[:80, :120]
    for number, centre in ((9, 30), (4, 36)):
        numbers[np.hypot(x - centre, y - 30) <= 20] = number
    mask = np.minimum(numbers, 1)
    numbers[29:32, 20:26], mask[29:32, 20:26] = 700, 2  # over a cell
    numbers[70, 10:40], numbers[70, 40:90] = 5, 6
    numbers[70, 60:64] = 0  # hidden
    mask[70, 10:90] = 2
    mask[70, 60:64] = 0
    mask[5:9, 110] = 1  # a speck
    cells, filaments, lengths = numbered(mask, CLASSES, numbers)
    assert (cells.max(), cells[30, 12], cells[30, 50]) == (2, 2, 1)
    assert (cells[29:32, 20:26] == 1).all()  # as in find, below a spirochaete there is cell
    assert not cells[5:9, 110].any()
    assert (filaments.max(), filaments[70, 20], filaments[70, 45], filaments[70, 80]) == (
        3,
        1,
        2,
        2,
    )
    assert lengths[:2] == pytest.approx([30, 46], abs=1)
    shaped = find(mask, CLASSES)
    assert shaped.erythrocytes.max() == 1


def test_without_numbers_nothing_is_found():
    nothing = numbered(np.ones((9, 9), np.uint8), CLASSES, np.zeros((9, 9), np.uint16))
    assert [part.max(initial=0) for part in nothing] == [0, 0, 0]
