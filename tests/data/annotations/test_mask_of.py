"""A drawing becomes a mask of its picture's size; numbers, only if all its regions are objects."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from darkfield.data.annotations.drawing import Drawing, Patch, Region
from darkfield.data.annotations.mask_of import mask_of

CLASSES = {"background": 0, "erythrocyte": 1, "spirochaete": 2}
PIXEL = Patch(0, 0, np.ones((1, 1), bool))


def drawing(*regions, size=(2, 3)):
    return Drawing("a.png", size, list(regions))


@pytest.mark.parametrize(
    ("regions", "known"),
    [
        ([], True),
        ([Region("spirochaete", PIXEL)], True),
        ([Region("0", PIXEL, False), Region("spirochaete", PIXEL)], True),
        ([Region("spirochaete", PIXEL, False)], False),
    ],
)
def test_numbers(regions, known):
    mask, numbers = mask_of(drawing(*regions), None, [], CLASSES)
    assert mask.shape == (2, 3)
    assert (numbers is not None) == known


def test_numbers_where_the_background_is_another_class():
    mask, numbers = mask_of(drawing(Region("background", PIXEL)), None, [], CLASSES, 1)
    assert mask.tolist() == [[0, 1, 1], [1, 1, 1]]
    assert numbers.tolist() == [[1, 0, 0], [0, 0, 0]]


def test_the_size_is_the_pictures(tmp_path):
    Image.new("L", (7, 5)).save(path := tmp_path / "a.png")
    assert mask_of(drawing(size=None), path, [], CLASSES)[0].shape == (5, 7)
    with pytest.raises(ValueError, match=r"is drawn on 3x2 pixels, but .*a\.png has 7x5"):
        mask_of(drawing(), path, [], CLASSES)
    with pytest.raises(ValueError, match="does not tell the size of its picture"):
        mask_of(drawing(size=None), None, [], CLASSES)


@pytest.mark.parametrize("axes", ["ZYX", "CYX", "TYX"])
def test_pictures_of_any_kind_have_a_size(tmp_path, axes):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, np.zeros((2, 5, 7), np.uint16), metadata={"axes": axes})
    if axes == "TYX":
        with pytest.raises(ValueError, match=r"on .*a\.ome\.tif, which holds 2 pictures; save"):
            mask_of(drawing(size=None), path, [], CLASSES)
    else:
        assert mask_of(drawing(size=None), path, [], CLASSES)[0].shape == (5, 7)


@pytest.mark.parametrize(
    ("turn", "size", "drawn", "told", "refused"),
    [
        (6, (5, 7), None, False, True),
        (3, (5, 7), (5, 7), False, True),
        (6, (5, 5), (5, 5), False, True),
        (6, (5, 7), (7, 5), False, False),  # as turned, and not as stored
        (3, (5, 7), (5, 7), True, False),
        (1, (5, 7), None, False, False),
    ],
)
def test_a_picture_that_may_have_been_shown_turned(tmp_path, turn, size, drawn, told, refused):
    exif = Image.Exif()
    exif[0x112] = turn
    Image.new("L", size[::-1]).save(path := tmp_path / "a.jpg", exif=exif)
    regions = [Region("spirochaete", PIXEL)]
    if refused:
        with pytest.raises(ValueError, match=r"whether .*a\.jpg was shown as its EXIF tag"):
            mask_of(Drawing("a", drawn, regions, told), path, [], CLASSES)
        regions = []
    mask, _ = mask_of(Drawing("a", drawn, regions, told), path, [], CLASSES)
    assert mask.shape == (size if turn < 5 else size[::-1])


def test_what_is_unknown(tmp_path):
    with pytest.raises(ValueError, match="does not name: 'RBC'"):
        mask_of(drawing(Region("RBC", PIXEL)), None, [], CLASSES)
