"""The stored values of a file, untouched: for masks."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from darkfield.data.exact import read_exact

INDEX = np.array([[0, 1, 2], [2, 1, 300]])
ONE = {"photometric": "minisblack"}


@pytest.mark.parametrize("dtype", ["u2", "i2", "u4", "i4", "u8", "i8"])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "zstd"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_whole_numbers_of_a_tiff(tmp_path, dtype, compression, byteorder):
    options = {"compression": compression, "byteorder": byteorder, **ONE}
    tifffile.imwrite(tmp_path / "a.tif", INDEX.astype(dtype), **options)
    found = read_exact(tmp_path / "a.tif")
    assert found.tolist() == INDEX.tolist()
    assert found.dtype == dtype


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif"])
def test_other_files(tmp_path, name):
    small = (INDEX % 256).astype(np.uint8)
    Image.fromarray(small).save(tmp_path / name)
    assert read_exact(tmp_path / name).tolist() == small.tolist()
    palette = Image.fromarray(small)
    palette.putpalette([*range(256)] * 3)
    palette.save(tmp_path / name)
    assert read_exact(tmp_path / name).tolist() == small.tolist()
    Image.fromarray(INDEX > 1).save(tmp_path / name)
    assert read_exact(tmp_path / name).tolist() == (INDEX > 1).tolist()


def test_16_bits_of_a_png(tmp_path):
    Image.fromarray(INDEX.astype(np.uint16)).save(tmp_path / "a.png")
    assert read_exact(tmp_path / "a.png").tolist() == INDEX.tolist()


def test_upright(tmp_path):
    exif = Image.Exif()
    exif[0x112] = 6
    Image.fromarray(INDEX.astype(np.uint16)).save(tmp_path / "a.png", exif=exif)
    tags = {"extratags": [(274, 3, 1, 6, True)]}
    tifffile.imwrite(tmp_path / "a.tif", INDEX.astype(np.uint16), **ONE, **tags)
    for name in ("a.png", "a.tif"):
        assert read_exact(tmp_path / name).tolist() == np.rot90(INDEX, -1).tolist()


@pytest.mark.parametrize(
    ("array", "options", "words"),
    [
        (INDEX.astype(np.float32), ONE, "holds float32 values; save whole numbers"),
        (INDEX.astype(np.uint8), {"photometric": "miniswhite"}, "declares white as zero"),
        (np.zeros((9, 9, 3), np.uint8), {"photometric": "rgb"}, "holds 3 samples per pixel; save"),
        (np.zeros((9, 9), np.uint8), {"compression": "jpeg", **ONE}, "is a JPEG picture, which"),
        (np.zeros((2, 9, 9), np.uint8), ONE, "holds 2 pictures; save only the one you mean"),
        (
            np.zeros((2, 9, 9), np.uint8),
            {"metadata": {"axes": "ZYX"}, **ONE},
            "holds 2 planes; save only the one you mean",
        ),
    ],
)
def test_what_is_not_exact_is_refused(tmp_path, array, options, words):
    tifffile.imwrite(tmp_path / "a.tif", array, **options)
    with pytest.raises(ValueError, match=words):
        read_exact(tmp_path / "a.tif")


def test_formats_that_change_values_are_refused(tmp_path):
    for name in ("JPEG", "WEBP", "JPEG2000"):
        Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "a", format=name)
        with pytest.raises(ValueError, match=f"is a {name} picture, which changes values; save it"):
            read_exact(tmp_path / "a")
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="is a RGB picture; save it as grey or palette"):
        read_exact(tmp_path / "a.png")
