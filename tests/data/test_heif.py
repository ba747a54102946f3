"""HEIF files, written by pillow-heif."""

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from darkfield.data.images import read_image
from darkfield.data.reading import pictures_of, read_raw

PIXELS = np.random.default_rng(0).integers(0, 256, (8, 10, 3), np.uint8).repeat(8, 0).repeat(8, 1)


def write(path, *pixels, **options):
    """8-bit RGB or RGBA, or 16-bit RGB of which the upper 12 are written."""
    file = pillow_heif.HeifFile()
    for each in pixels:
        mode = ("RGB" if each.shape[2] == 3 else "RGBA") + ("" if each.dtype == np.uint8 else ";16")
        file.add_frombytes(mode, each.shape[1::-1], each.tobytes())
    file.save(path, quality=-1, chroma=444, matrix_coefficients=0, **options)
    return path


def test_eight_bits_are_taken_as_they_are(tmp_path):
    raw = read_raw(write(tmp_path / "a.heic", PIXELS))
    np.testing.assert_array_equal(raw.pixels, PIXELS)


def test_more_bits_are_kept_with_their_range(tmp_path, monkeypatch):
    monkeypatch.setattr(pillow_heif.options, "SAVE_HDR_TO_12_BIT", True)
    raw = read_raw(write(tmp_path / "a.heic", PIXELS.astype(np.uint16) << 8))
    np.testing.assert_array_equal(raw.pixels, PIXELS.astype(np.uint16) << 4)
    assert (raw.limits, raw.limits_from) == (((0, 4095),), "bit_depth")


def test_it_is_turned_once(tmp_path):
    exif = Image.Exif()
    exif[0x112] = 6  # the top is at the right
    path = write(tmp_path / "a.heic", PIXELS, exif=exif.tobytes())
    np.testing.assert_array_equal(read_raw(path).pixels, np.rot90(PIXELS, -1))


def test_each_picture_of_a_file_is_one(tmp_path):
    path = write(tmp_path / "a.heic", PIXELS, 255 - PIXELS)
    assert pictures_of(path) == ["_s01", "_s02"]
    np.testing.assert_allclose(read_raw(path, "_s02").pixels, 255 - PIXELS, atol=1)


@pytest.mark.parametrize("hidden", [False, True])
def test_alpha_is_left_out_unless_it_hides_anything(tmp_path, hidden):
    alpha = np.full(PIXELS.shape[:2], 255, np.uint8)
    alpha[0, 0] = 0 if hidden else 255
    path = write(tmp_path / "a.heic", np.dstack([PIXELS, alpha]))
    if hidden:
        with pytest.raises(ValueError, match="partly transparent"):
            read_raw(path)
    else:
        np.testing.assert_array_equal(read_raw(path).pixels, PIXELS)


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.9])
def test_a_broken_file_is_refused_in_a_line(tmp_path, capfd, share):
    path = write(tmp_path / "a.heic", PIXELS)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert pictures_of(path) == [""]
    with pytest.raises(ValueError, match=r"^(is empty|cannot be read).*; replace it") as error:
        read_raw(path)
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")


def test_avif_needs_no_extra(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.avif", quality=100, subsampling="4:4:4")
    np.testing.assert_allclose(read_image(tmp_path / "a.avif"), PIXELS, atol=6)
