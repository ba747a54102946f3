"""Label Studio's brushes as PNGs, one per brush."""

import numpy as np
import pytest
from PIL import Image

from darkfield.data.annotations.brushes import BRUSH, read
from darkfield.data.annotations.drawing import draw
from darkfield.data.annotations.problems import Problems


@pytest.fixture
def brush(tmp_path):
    def write(name, row, size=(4, 6)):
        pixels = np.zeros(size, np.uint8)
        pixels[row] = 255
        Image.fromarray(pixels).save(tmp_path / name)
        return tmp_path / name

    return write


def test_one_drawing_per_task_and_one_object_per_brush(brush):
    names = [
        "task-1-annotation-2-by-3-tag-RBC-0.png",
        "task-1-annotation-2-by-3-tag-RBC-1.png",
        "task-2-annotation-5-by-a@b.org-tag-white-cell-0.png",
    ]
    assert all(map(BRUSH.fullmatch, names))
    first, second = read([brush(name, row) for row, name in enumerate(names)])
    assert (first.picture, first.size) == ("task-1", (4, 6))
    assert [region.label for region in first.regions + second.regions] == [
        "RBC",
        "RBC",
        "white-cell",
    ]
    assert draw([(1, r) for r in first.regions], (4, 6))[1][:, 0].tolist() == [1, 2, 0, 0]


def test_several_annotators_and_sizes_are_refused(brush):
    paths = [
        brush("task-1-annotation-2-by-3-tag-RBC-0.png", 0),
        brush("task-1-annotation-4-by-3-tag-RBC-0.png", 0),
        brush("task-2-annotation-5-by-3-tag-RBC-0.png", 0),
        brush("task-2-annotation-5-by-3-tag-RBC-1.png", 0, (5, 6)),
    ]
    with pytest.raises(Problems) as error:
        read(paths)
    assert error.value.lines == [
        "task-1: has 2 annotations; keep the one that counts",
        "task-2: has brushes of 2 sizes; export them again",
    ]
