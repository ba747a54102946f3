"""labelme's JSON; what its own export made of the same shapes is known."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from darkfield.data.annotations.drawing import draw
from darkfield.data.annotations.labelme import is_labelme, read
from darkfield.data.annotations.problems import Problems


def file(*shapes, **others):
    head = {"version": "5.5.0", "flags": {}, "imagePath": "..\\images\\a.png", "imageData": None}
    return head | {"imageHeight": 6, "imageWidth": 8, "shapes": list(shapes)} | others


def shape(label, points, kind="polygon", **others):
    return {"label": label, "points": points, "shape_type": kind, "flags": {}} | others


SQUARE = [[1.0, 1.0], [3.0, 1.0], [3.0, 3.0], [1.0, 3.0]]


def drawn(content):
    (drawing,) = read(content)
    return draw([(1, region) for region in drawing.regions], drawing.size)


def test_shapes():
    content = file(shape("RBC", SQUARE), shape("s", [[5, 0], [7, 1]], "rectangle"))
    assert is_labelme(content)
    (drawing,) = read(content)
    assert drawing.picture == "../images/a.png"
    assert drawing.size == (6, 8)
    assert [region.label for region in drawing.regions] == ["RBC", "s"]
    _, numbers = drawn(content)
    expected = np.zeros((6, 8))
    expected[1:4, 1:4], expected[0:2, 5:8] = 1, 2
    assert (numbers == expected).all()


def test_shapes_of_one_group_are_one_object():
    parts = [shape("a", SQUARE, group_id=1), shape("a", [[5, 0], [7, 1]], "rectangle", group_id=1)]
    _, numbers = drawn(file(*parts, shape("a", [[5, 4], [7, 5]], "rectangle")))
    assert numbers[2, 2] == numbers[0, 6] == 1
    assert numbers[5, 6] == 2


def test_a_painted_mask():
    pixels, buffer = np.array([[True, False], [True, True]]), io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    text = base64.b64encode(buffer.getvalue()).decode()
    mask, _ = drawn(file(shape("a", [[2, 1], [3, 2]], "mask", mask=text)))
    assert np.argwhere(mask).tolist() == [[1, 2], [2, 2], [2, 3]]


def test_a_file_without_a_size():
    (drawing,) = read(file(imageHeight=None, imageWidth=None))
    assert drawing.size is None


def test_all_shapes_without_an_area_are_named():
    shapes = [shape("a", [[1, 1]], "point"), shape("b", SQUARE), shape("c", SQUARE, "linestrip")]
    with pytest.raises(Problems) as error:
        read(file(*shapes, shape("d", SQUARE[:2]), shape("e", SQUARE[:2], "mask", mask="?")))
    assert error.value.lines == [
        "shape 1: 'a' is a point, which has no area; draw its outline",
        "shape 3: 'c' is a linestrip, which has no area; draw its outline",
        "shape 4: has 2 points, not 3; draw it again",
        "shape 5: 'e' has a mask that is not a PNG in base64",
    ]
