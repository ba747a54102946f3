"""What of a folder is read, and what is passed over."""

import json

import numpy as np
import pytest
from PIL import Image

from darkfield.data.annotations.sources import drawings, files_of
from darkfield.data.annotations.voc import CLASSES, OBJECTS


@pytest.fixture
def folder(tmp_path):
    def make(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.zeros((2, 3), np.uint8)).save(tmp_path / name)
        return tmp_path

    return make


def read(source):
    return {path.name: held for path, held in drawings(source, [])}


def test_hidden_files_are_left_out(folder):
    root = folder("b.png", "a/c.png", ".a.png", ".hidden/a.png")
    assert [path.name for path in files_of(root)] == ["c.png", "b.png"]


def test_pictures_are_label_images_if_nothing_else_is_there(folder):
    root = folder("images/a.png", "masks/a.png")
    (drawing,) = read(root)["a.png"]
    assert drawing.size == (2, 3)
    (root / "a.json").write_text(json.dumps({"shapes": [], "imagePath": "images/a.png"}))
    (root / "other.json").write_text("{}")
    assert [*read(root)] == ["a.json", "other.json"]
    assert read(root)["other.json"] is None


def test_label_images_beside_other_annotations_are_passed_over(folder):
    brush = "task-1-annotation-2-by-3-tag-RBC-0.png"
    root = folder("a.png", "b.png", "b_cp_masks.png", brush)
    (root / "a.json").write_text(json.dumps({"shapes": [], "imagePath": "a.png"}))
    found = read(root)
    assert [*found] == ["a.json", "b_cp_masks.png", brush]
    assert found["b_cp_masks.png"] is found[brush] is None


def test_brushes_of_label_studio(folder):
    root = folder("task-1-annotation-2-by-3-tag-RBC-0.png")
    (drawing,) = read(root)[root.name]
    assert drawing.picture == "task-1"


def test_masks_in_subfolders_as_cvat_exports_them(folder):
    root = folder(
        *(f"x/{kind}/{name}.png" for kind in (CLASSES, OBJECTS) for name in ("a", "p1/a", "p1/.a"))
    )
    (root / "x/labelmap.txt").write_text("background:0,0,0::\n")
    found = [drawing.picture for _, held in drawings(root, []) for drawing in held]
    assert found == ["a.png", "p1/a.png"]


def test_a_labelmap_says_where_masks_are_and_other_files_are_read_too(folder):
    root = folder("export/SegmentationClass/a.png", "export/JPEGImages/a.png")
    (root / "export/labelmap.txt").write_text("background:0,0,0::\n")
    assert [*read(root)] == ["a.png"]
    (root / "a.json").write_text(json.dumps({"shapes": [], "imagePath": "a.png"}))
    (root / "notes.txt").touch()
    found = read(root)
    assert [*found] == ["a.png", "a.json", "notes.txt"]
    assert found["a.json"][0].picture == "a.png" and found["notes.txt"] is None
    (root / "export/labelmap.txt").write_text("background\n")
    assert isinstance(read(root)["labelmap.txt"], ValueError)
