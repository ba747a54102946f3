"""Colour profiles and orientation: as viewers show them."""

import struct

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageOps

from darkfield.data.colour import profile, shown, to_srgb, turned

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


def test_a_linear_profile_is_not_srgb_whatever_its_name():
    """As GIMP calls that of pictures whose light it keeps linear."""
    primaries = (0.64, 0.33, 1, 0.3, 0.6, 1, 0.15, 0.06, 1)
    white = (0.3127, 0.329, 1.0)
    icc = bytearray(imagecodecs.cms_profile("rgb", whitepoint=white, primaries=primaries, gamma=1))
    name = "GIMP built-in Linear sRGB".encode("utf-16be")
    text = b"mluc" + bytes(4) + struct.pack(">II", 1, 12) + b"enUS"
    text += struct.pack(">II", len(name), 28) + name
    for at in range(132, 132 + 12 * struct.unpack(">I", icc[128:132])[0], 12):
        if icc[at : at + 4] == b"desc":
            icc[at + 4 : at + 12] = struct.pack(">II", len(icc), len(text))
    icc += text + bytes(-len(text) % 4)
    icc[:4] = struct.pack(">I", len(icc))
    shown = to_srgb(Image.new("RGB", (4, 4), (55, 55, 55)), bytes(icc))
    assert shown.getpixel((0, 0)) == (128, 128, 128)
