"""Files as cameras and programs write them: read as a viewer shows them, or refused in one line."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from conftest import REPOSITORY
from PIL import Image

from darkfield.data.images import open_image, pages, read_image
from darkfield.data.mask_files import open_mask
from darkfield.data.mask_values import flatten

CLASSES = {"background": 0, "erythrocyte": 1, "spirochaete": 2}
VALUES = {"0": "background", "1": "erythrocyte", "2": "spirochaete"}
RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (40, 56, 3), dtype=np.uint8)
GREY = RGB[..., 0]
CASES = REPOSITORY.parent / "shared/cases"


TWO_SAMPLES = {"photometric": "minisblack", "planarconfig": "contig"}


def deep(picture):
    """uint8 as 16 bits of the same brightness."""
    return picture.astype(np.uint16) * 257


@pytest.fixture
def tif(tmp_path):
    def write(array, **options):
        tifffile.imwrite(tmp_path / "a.tif", array, **({"metadata": None} | options))
        return tmp_path / "a.tif"

    return write


def is_grey(path):
    return (read_image(path) == GREY[..., None]).all()


def png(path: Path, pixels: np.ndarray, kind: int) -> Path:
    """A PNG of 16 bits (H, W, channels), of which Pillow writes none but grey."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, kind, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)
    return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_16_bits_that_are_used_are_scaled(tif, order, compression, tile):
    options = {"byteorder": order, "compression": compression, "tile": tile}
    assert is_grey(tif(deep(GREY), photometric="minisblack", **options))
    if order == "<":  # in the other order Pillow refuses it
        assert is_grey(tif(~deep(GREY), photometric="miniswhite", **options))
    assert is_grey(tif(~GREY, photometric="miniswhite", **options))
    assert (read_image(tif(deep(RGB), photometric="rgb", **options)) == RGB).all()


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_fewer_bits_in_16_are_refused_not_black(tif, tmp_path, bits):
    dark = deep(RGB) >> (16 - bits)
    for path in (
        tif(dark[..., 0], photometric="minisblack"),
        tif(dark[..., 0], photometric="miniswhite"),
        tif(dark, photometric="rgb"),
        png(tmp_path / "a.png", dark[..., :1], 0),
        png(tmp_path / "a.png", dark, 2),
    ):
        with pytest.raises(ValueError, match=f"no value above {2**bits - 1:,} of 65,535"):
            read_image(path)


def test_16_bit_colours_of_a_png(tmp_path):
    assert (read_image(png(tmp_path / "a.png", deep(RGB), 2)) == RGB).all()
    with pytest.raises(ValueError, match="has 16 bits per channel, of which 8 would be read"):
        flatten(open_image(png(tmp_path / "a.png", np.full((4, 4, 3), 2), 2)), VALUES, CLASSES)


@pytest.mark.parametrize(
    ("array", "options", "words"),
    [
        (
            deep(RGB.transpose(2, 0, 1)),
            {"photometric": "rgb", "planarconfig": "separate"},
            "channels one after the other",
        ),
        (RGB[..., :2], TWO_SAMPLES, "holds 2 samples per pixel, not 1"),
        (RGB[..., [0, 1, 2, 0]], {"extrasamples": ["unspecified"]}, "holds 4 samples per pixel"),
        (np.int8(GREY // 2), {}, "signed values"),
        (np.int16(GREY), {}, "32-bit or signed"),
        (np.int64(GREY), {}, "a TIFF of 1 x int64, compression NONE"),
        (np.float32(GREY), {}, "floating-point"),
        (np.float32(RGB), {"photometric": "rgb"}, "a TIFF of 3 x float32, compression NONE"),
        (RGB, {"photometric": "cielab"}, "is a LAB picture; save it as RGB"),
        (
            GREY,
            {"photometric": "palette", "colormap": np.full((3, 256), 200, np.uint16)},
            "has a palette that comes out black",
        ),
    ],
)
def test_other_kinds_are_refused(tif, array, options, words):
    with pytest.raises(ValueError, match=words):
        read_image(tif(array, **options))


def test_channels_of_8_bits_one_after_the_other(tif):
    path = tif(RGB.transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    assert (read_image(path) == RGB).all()


STACK = np.stack([GREY * 0, GREY, GREY])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"imagej": True, "metadata": {"axes": "CYX"}}, "holds 3 channels of one picture"),
        ({"imagej": True, "metadata": {"axes": "ZYX"}}, "holds 3 planes at different depths"),
        ({"ome": True, "metadata": {"axes": "CYX"}}, "holds 3 channels of one picture"),
        ({"ome": True, "metadata": {"axes": "ZYX"}}, "holds 3 planes at different depths"),
    ],
)
def test_parts_of_one_picture_are_not_taken_for_pictures(tif, options, words):
    path = tif(STACK, photometric="minisblack", **options)
    assert pages(path) == [None]
    with pytest.raises(ValueError, match=words):
        read_image(path)


def test_several_pictures_in_one_frame(tif):
    path = tif(STACK, photometric="minisblack", imagej=True, metadata={"axes": "TYX"})
    assert pages(path) == [0, 1, 2]
    data = path.read_bytes()
    with tifffile.TiffFile(path) as file:  # the frame's offset to the next one
        at = file.pages[0].offset + 2 + 12 * len(file.pages[0].tags)
    path.write_bytes(data[:at] + bytes(4) + data[at + 4 :])
    with pytest.raises(ValueError, match="holds 3 pictures in one frame"):
        read_image(path)


@pytest.mark.parametrize("name", ["a.tif", "a.btf", "a.lsm", "a.stk"])
def test_time_points_are_pictures_whatever_the_name(tif, name):
    path = tif(STACK[:2], photometric="minisblack")
    path = path.rename(path.with_name(name))
    assert pages(path) == [0, 1]
    assert (read_image(path, 1) == GREY[..., None]).all()
    with pytest.raises(ValueError, match="holds 2 pictures; save only the one you mean"):
        read_image(path)


@pytest.mark.parametrize("marked", [True, False])
def test_levels_of_a_pyramid_are_one_picture(tmp_path, marked):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        for k in (1, 2, 4):
            level = {"subfiletype": 1 if marked and k > 1 else 0, "metadata": None}
            file.write(RGB[::k, ::k], photometric="rgb", **level)
    assert pages(path) == [None]
    assert (read_image(path) == RGB).all()


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp"])
def test_films_are_not_read_by_their_first_frame(tmp_path, name):
    first, *others = map(Image.fromarray, STACK)
    first.convert("RGB").save(tmp_path / name, save_all=True, append_images=others[:1])
    with pytest.raises(ValueError, match="holds 2 pictures"):
        read_image(tmp_path / name)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"format": "JPEG"}, "is a JPEG picture, which changes values"),
        ({"format": "WEBP"}, "is a WEBP picture, which changes values"),
        ({"format": "TIFF", "compression": "jpeg"}, "is a jpeg picture, which changes values"),
        ({"format": "TIFF", "tiffinfo": {262: 0}}, "white as zero"),
    ],
)
def test_masks_that_may_have_changed_are_refused(tmp_path, options, words):
    Image.fromarray(GREY * 0).save(tmp_path / "a.png", **options)
    with pytest.raises(ValueError, match=words):
        flatten(open_image(tmp_path / "a.png"), VALUES, CLASSES)


RIGHT = {  # files of ../shared/cases that are read, as pages; the others are refused with a remedy
    "pictures": {
        "miniswhite16.tif": [None],
        "pyramid_flat.tif": [None],
        "stack.btf": [0, 1],
        "stack.lsm": [0, 1],
    },
    "masks": {"a.bmp", "a_mask.png", "a_seg.npy", "napari_int64.tif"},
}
CHECKED_TOGETHER = "ilastik_1bg_2ery.png"  # by gather_masks: no mask of the set has background
REMEDY = "; (save|replace|name)"


@pytest.mark.skipif(not CASES.is_dir(), reason="no ../shared/cases")
def test_the_cases():
    for path in sorted((CASES / "pictures").iterdir()):
        if (expected := RIGHT["pictures"].get(path.name)) is None:
            with pytest.raises(ValueError, match=REMEDY):
                read_image(path, pages(path)[0])
            continue
        assert pages(path) == expected, path
        picture = read_image(path, expected[-1])
        scene = [picture[at].max() for at in ((2, 2), (32, 32), (8, 48))]
        assert scene == [20, 200, 140], path
    for path in sorted((CASES / "masks").iterdir()):
        if path.name in RIGHT["masks"]:
            found = flatten(open_mask(path), VALUES, CLASSES)
            assert [found[at] for at in ((2, 2), (32, 32), (8, 48))] == [0, 1, 2], path
        elif path.name != CHECKED_TOGETHER:
            with pytest.raises(ValueError, match=REMEDY):
                flatten(open_mask(path), VALUES, CLASSES)
