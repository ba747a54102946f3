"""One mask per class: black and white, or with the numbers of its objects."""

import numpy as np
import pytest
from PIL import Image

from darkfield.data.class_masks import of_one_class, together
from darkfield.data.images import DEEP, TURN

CLASSES = {"background": 0, "erythrocyte": 1, "spirochaete": 2}
ON = np.array([[0, 1, 1], [0, 0, 1]])


def opened(picture):
    picture.info |= {TURN: 1, DEEP: False}
    return picture


def palette(order):
    picture = Image.fromarray(np.uint8(ON if order else 1 - ON))
    picture.putpalette([0] * 3 + [255] * 3 if order else [255] * 3 + [0] * 3)
    return picture


@pytest.mark.parametrize(
    "picture",
    [
        Image.fromarray(np.uint8(ON)),
        Image.fromarray(np.uint8(ON * 255)),
        Image.fromarray(np.uint16(ON * 700)),
        Image.fromarray(ON == 1),
        Image.fromarray(np.repeat(np.uint8(ON * 255)[..., None], 3, axis=2)),
        palette(True),
        palette(False),
    ],
)
def test_black_and_white(picture):
    assert of_one_class(opened(picture)).tolist() == ON.tolist()


def test_numbers_of_objects():
    picture = Image.fromarray(np.uint16([[0, 7, 7], [900, 0, 0]]))
    assert of_one_class(opened(picture)).tolist() == [[0, 1, 1], [2, 0, 0]]


def test_grey_edges_are_refused():
    picture = Image.fromarray(np.uint8([[0, 128, 255], [0, 64, 255]]))
    with pytest.raises(ValueError, match="has 3 greys, as if its edges were smooth"):
        of_one_class(opened(picture))


def test_the_highest_class_is_on_top():
    masks = {"spirochaete": np.array([[0, 0, 1]]), "erythrocyte": np.array([[0, 1, 1]])}
    mask, numbers = together(masks | {"background": np.array([[1, 1, 1]])}, CLASSES)
    assert mask.tolist() == [[0, 1, 2]]
    assert numbers is None


def test_numbers_go_on_from_class_to_class():
    masks = {"spirochaete": np.array([[0, 1, 0, 2]]), "erythrocyte": np.array([[1, 1, 2, 0]])}
    mask, numbers = together(masks, CLASSES)
    assert mask.tolist() == [[1, 2, 1, 2]]
    assert numbers.tolist() == [[1, 3, 2, 4]]
    masks["spirochaete"] = np.zeros((1, 4), int)
    assert together(masks, CLASSES)[1].tolist() == [[1, 1, 2, 0]]
