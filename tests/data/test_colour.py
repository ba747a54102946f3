"""Colour profiles and orientation: as viewers show them."""

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageOps

from darkfield.data.colour import profile, shown, turned

ADOBE = imagecodecs.cms_profile("adobergb")
PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)


@pytest.mark.parametrize("turn", range(1, 9))
def test_orientation_is_that_of_pillow(turn):
    picture = Image.fromarray(PIXELS)
    picture.getexif()[0x112] = turn
    assert (turned(PIXELS, turn) == np.asarray(ImageOps.exif_transpose(picture))).all()


def test_a_profile_of_more_colours_makes_them_stronger():
    red = np.full((2, 2, 3), (200, 50, 50), np.uint8)
    assert shown(red, ADOBE)[0, 0].tolist() == pytest.approx([232, 46, 46], abs=2)
    grey = np.full((2, 2, 3), 128, np.uint8)
    assert shown(grey, ADOBE)[0, 0].tolist() == pytest.approx([128] * 3, abs=2)


@pytest.mark.parametrize("icc", [None, b"", b"nonsense", imagecodecs.cms_profile("srgb")])
def test_srgb_and_what_is_no_profile_change_nothing(icc):
    assert profile(icc) is None
    assert (shown(PIXELS, icc) == PIXELS).all()
    assert (shown(PIXELS[..., 0], icc) == PIXELS[..., :1]).all()


def test_a_profile_of_another_colour_space_is_ignored():
    assert (shown(PIXELS[..., 0], ADOBE) == PIXELS[..., :1]).all()


def test_a_grey_profile():
    grey = np.full((2, 2), 128, np.uint8)
    linear = imagecodecs.cms_profile("gray", gamma=1.0)
    assert shown(grey, linear)[0, 0].tolist() == pytest.approx([188] * 3, abs=3)
