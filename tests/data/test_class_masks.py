"""One mask per class: black and white, or with the numbers of its objects."""

import cv2
import numpy as np
import pytest
from PIL import Image

from darkfield.classes import VOID
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


def test_what_no_mask_claims_is_the_background_wherever_it_is_or_void():
    masks = {"erythrocyte": np.array([[1, 1, 0, 0]])}
    assert together(masks, CLASSES, 2)[0].tolist() == [[1, 1, 2, 2]]
    sky = masks | {"background": np.array([[0, 0, 1, 0]])}
    assert together(sky, CLASSES, None)[0].tolist() == [[1, 1, 0, VOID]]


@pytest.mark.parametrize("mode", ["L", "P", "RGB"])
def test_smooth_edges_of_any_colour_are_refused(mode):
    drawn = np.zeros((120, 120, 3), np.uint8)
    colour = (128, 128, 128) if mode == "L" else (200, 0, 0)
    for centre, radius in (((40, 40), 25), ((90, 90), 15)):
        cv2.circle(drawn, centre, radius, colour, -1, cv2.LINE_AA)
    picture = Image.fromarray(drawn).convert("RGB")
    picture = picture.quantize(64) if mode == "P" else picture.convert(mode)
    with pytest.raises(ValueError, match="pieces, as if its edges were smooth"):
        of_one_class(opened(picture))


def test_objects_in_pieces_and_of_a_pixel_are_objects():
    numbers = np.zeros((60, 60), np.uint16)
    numbers[5:8], numbers[:, 20:23] = 1, 2  # one behind the other
    numbers[:, 40:43] = 3
    numbers[30:33] = 4
    assert of_one_class(opened(Image.fromarray(numbers))).max() == 4
    specks = np.zeros((60, 60), np.uint16)
    specks[::2, ::2] = np.arange(1, 901).reshape(30, 30)
    assert of_one_class(opened(Image.fromarray(specks))).max() == 900
