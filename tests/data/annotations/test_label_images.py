"""Label images: a region for each value or colour, which the user names."""

import numpy as np
import pytest
from PIL import Image

from darkfield.data.annotations.label_images import read_picture, regions


def test_a_region_per_value():
    found = regions(np.array([[0, 0, 70_000], [5, 0, 5]]))
    assert [(r.label, r.is_object, r.patch.row, r.patch.column) for r in found] == [
        ("0", False, 0, 0),
        ("5", False, 1, 0),
        ("70000", False, 0, 2),
    ]
    assert found[1].patch.pixels.tolist() == [[True, False, True]]


@pytest.mark.parametrize(
    ("values", "labels"), [(["*", "instances"], ["0", "1"]), (["#ff0000"], ["0", "#ff0000"])]
)
def test_a_palette_is_read_by_the_values_that_are_named(tmp_path, values, labels):
    picture = Image.fromarray(np.array([[0, 1]], np.uint8))
    picture.putpalette([0, 0, 0, 255, 0, 0])
    picture.save(tmp_path / "a.png")
    (drawing,) = read_picture(tmp_path / "a.png", values)
    assert (drawing.picture, drawing.size) == ("a.png", (1, 2))
    assert [region.label for region in drawing.regions] == labels
