"""Labels as the files of annotation programs: `darkfield masks` reads the same pixels again."""

import base64
import io
import json
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from shapely import contains_xy
from shapely.geometry import shape

from darkfield.data.annotations.convert import convert
from darkfield.objects.drawings import runs, shapes, write_drawings
from darkfield.objects.table import find

CLASSES = {"background": 0, "erythrocyte": 1, "spirochaete": 2, "type 3": 3}
KINDS = {"erythrocyte": "blob", "spirochaete": "filament", "type 3": "component"}
COLOURS = dict(zip(CLASSES, ("#000000", "#E69F00", "#56B4E9", "#009E73"), strict=True))
PROGRAMS = ("labelme", "cvat", "qupath", "imagej")


def cells() -> np.ndarray:
    """Cells that touch, one with a hole, one at a corner, one cut by a filament; specks."""
    y, x = np.mgrid[:60, :90]
    indices = np.zeros(y.shape, np.uint8)
    for row, column in ((20, 20), (20, 37), (45, 60), (0, 89)):
        indices[np.hypot(y - row, x - column) < 9] = 1
    indices[18:22, 18:22] = 0
    indices[44:47, 40:85] = 2
    indices[2:5, 30:50] = 2
    indices[30:40, 5:12] = 3  # one shares a corner with the next, and a side with a cell
    indices[40:44, 12:15] = 3
    indices[29:31, 8:14] = 1
    for at, index in (((55, 5), 1), ((55, 8), 2), ((55, 11), 3), ((59, 89), 2)):
        indices[at] = index
    return indices


def drawn(name: str, indices: np.ndarray):
    return shapes(f"{name}.png", indices, CLASSES, find(indices, CLASSES, KINDS))


def noise(seed: int) -> np.ndarray:
    """Every pixel of any class: holes, corners and single pixels wherever one looks."""
    return np.random.default_rng(seed).choice(4, (17, 23), p=[0.4, 0.3, 0.1, 0.2]).astype(np.uint8)


PICTURES = {"cells": cells(), "noise": noise(0), "v1.2": noise(1), "nothing": cells() * 0}
PICTURES["all"] = np.ones((5, 7), np.uint8)
PICTURES["dot"] = np.ones((1, 1), np.uint8)


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_a_program_opens_becomes_the_same_masks(program, tmp_path):
    every = [drawn(name, indices) for name, indices in PICTURES.items()]
    for name, indices in PICTURES.items():
        (tmp_path / "in").mkdir(exist_ok=True)
        Image.new("RGB", indices.shape[::-1]).save(tmp_path / f"in/{name}.png")
    write_drawings(tmp_path / "in", program, every, COLOURS)
    lines = convert(tmp_path / "in", tmp_path / "root", [], CLASSES)
    assert lines[1:] == ["nothing is drawn on nothing: all of it is background"]
    for each, (name, indices) in zip(every, PICTURES.items(), strict=True):
        mask, numbers = (
            np.asarray(Image.open(tmp_path / f"root/{folder}/{name}.png"))
            for folder in ("masks", "instances")
        )
        np.testing.assert_array_equal(mask, indices)
        np.testing.assert_array_equal(numbers, each.numbers)


def test_shapes_are_the_objects_and_then_what_is_too_small_for_one():
    found = find(PICTURES["cells"], CLASSES, KINDS)
    of = drawn("cells", PICTURES["cells"])
    assert ((of.numbers > 0) == (PICTURES["cells"] > 0)).all()
    for name, index in CLASSES.items():
        if name in found:
            own = PICTURES["cells"] == index
            numbers = found[name].labels
            labels = np.zeros(len(of.rows) + 1, int)
            labels[1:] = of.rows["label"].where(of.rows["class"] == name, 0)
            as_found = own & (numbers > 0)
            assert (labels[of.numbers][as_found] == numbers[as_found]).all()
            small = own & (numbers == 0)
            assert (labels[of.numbers][small] > numbers.max()).all()
    assert (found["spirochaete"].labels == 0)[55, 8]  # which is too small


def test_a_cell_cut_by_a_filament_is_one_shape():
    of = drawn("cells", PICTURES["cells"])
    assert of.numbers[40, 60] == of.numbers[50, 60] != of.numbers[45, 60]


def test_labelme_pastes_masks_between_both_corners(tmp_path):
    """As labelme.utils.shapes_to_label does."""
    of = drawn("cells", PICTURES["cells"])
    write_drawings(tmp_path, "labelme", [of], COLOURS)
    content = json.loads((tmp_path / "cells.json").read_text())
    assert content["imagePath"] == "cells.png"
    numbers = np.zeros((content["imageHeight"], content["imageWidth"]), int)
    for number, each in enumerate(content["shapes"], 1):
        (x1, y1), (x2, y2) = np.array(each["points"]).astype(int)
        mask = np.asarray(Image.open(io.BytesIO(base64.b64decode(each["mask"])))).astype(bool)
        numbers[y1 : y2 + 1, x1 : x2 + 1][mask] = number
    np.testing.assert_array_equal(numbers, of.numbers)
    assert [each["label"] for each in content["shapes"]] == of.rows["class"].tolist()


def test_qupath_may_change_annotations(tmp_path):
    of = drawn("noise", PICTURES["noise"])
    write_drawings(tmp_path, "qupath", [of], COLOURS)
    features = json.loads((tmp_path / "noise.geojson").read_text())["features"]
    assert {each["properties"]["objectType"] for each in features} == {"annotation"}
    y, x = np.mgrid[: of.numbers.shape[0], : of.numbers.shape[1]] + 0.5
    for number, each in enumerate(features, 1):
        outline = shape(each["geometry"])
        assert outline.is_valid
        np.testing.assert_array_equal(contains_xy(outline, x, y), of.numbers == number)


def test_cvat_has_one_file_for_all_pictures(tmp_path):
    write_drawings(tmp_path, "cvat", [drawn(*each) for each in PICTURES.items()], COLOURS)
    root = ElementTree.parse(tmp_path / "annotations.xml").getroot()
    assert root.findtext("version") == "1.1"
    assert [image.get("name") for image in root.iter("image")] == [f"{n}.png" for n in PICTURES]
    dot = root.find("image[@name='dot.png']/mask")
    assert (dot.get("label"), dot.get("rle")) == ("erythrocyte", "0, 1")


@pytest.mark.parametrize(
    ("row", "lengths"),
    [([0, 1, 1, 0], [1, 2, 1]), ([1, 0, 1], [0, 1, 1, 1]), ([1], [0, 1]), ([0, 1], [1, 1])],
)
def test_run_lengths_begin_with_what_is_left_out(row, lengths):
    assert runs(np.array([row], bool)) == lengths
