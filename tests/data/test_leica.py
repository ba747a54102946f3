"""LIF files, written by hand (tests/microscopes.py): no library writes them."""

import numpy as np
import pytest
from microscopes import write_lif

from darkfield.data.axes import Asked
from darkfield.data.reading import pictures_of, read_raw

RNG = np.random.default_rng(0)
STACK = RNG.integers(1, 4096, (2, 3, 2, 20, 30), np.uint16)  # T Z C Y X


def image(pixels, axes, **options):
    return {"name": "image", "pixels": pixels, "axes": axes, "bits": 12} | options


def test_images_and_time_points_are_pictures_of_their_own(tmp_path):
    path = tmp_path / "a.lif"
    stack = image(STACK, "TZCYX", luts=("Green", "Gray"), um_per_pixel=0.25)
    write_lif(path, [stack, image(STACK[0, 0, 0], "YX", bits=16, name="other")])
    assert pictures_of(path) == ["_s01_t001", "_s01_t002", "_s02"]
    raw = read_raw(path, "_s01_t002", Asked(channels=(2,), z=3))
    np.testing.assert_array_equal(raw.pixels, STACK[1, 2, 1])
    assert (raw.um_per_pixel, raw.um_from) == (pytest.approx(0.25), "LIF metadata")
    assert (raw.limits, raw.limits_from) == (((0, 4095),), "Resolution")
    highest = read_raw(path, "_s01_t001", Asked(channels=("Green",)))
    np.testing.assert_array_equal(highest.pixels, STACK[0, :, 0].max(axis=0))
    plain = read_raw(path, "_s02")
    np.testing.assert_array_equal(plain.pixels, STACK[0, 0, 0])
    assert (plain.um_per_pixel, plain.limits) == (None, ())


def test_channels_become_rgb_by_their_colours(tmp_path):
    pixels = RNG.integers(0, 4096, (3, 20, 30), np.uint16)
    write_lif(tmp_path / "a.lif", [image(pixels, "CYX", luts=("Blue", "Red", "Green"))])
    np.testing.assert_array_equal(
        read_raw(tmp_path / "a.lif").pixels, np.dstack([pixels[1], pixels[2], pixels[0]])
    )


@pytest.mark.parametrize("luts", [("Red", "Green", "Blue"), ("Blue", "Green", "Red")])
def test_samples_become_rgb_whatever_their_order(tmp_path, luts):
    pixels = RNG.integers(0, 256, (20, 30, 3), np.uint8)
    write_lif(tmp_path / "a.lif", [image(pixels, "YXS", bits=8, luts=luts)])
    expected = pixels if luts[0] == "Red" else pixels[..., ::-1]
    np.testing.assert_array_equal(read_raw(tmp_path / "a.lif").pixels, expected)


def test_padded_rows_are_not_sheared(tmp_path):
    padded = RNG.integers(0, 256, (20, 32, 3), np.uint8)
    path = tmp_path / "a.lif"
    write_lif(path, [image(padded, "YXS", bits=8, luts=("Red", "Green", "Blue"), width=30)])
    np.testing.assert_array_equal(read_raw(path).pixels, padded[:, :30])


def test_an_image_that_is_no_picture_hides_no_other(tmp_path):
    """A line scan: a column of pixels at many times."""
    path = tmp_path / "a.lif"
    write_lif(path, [image(STACK[0, 0, 0], "TX", name="scan"), image(STACK[0, 0, 0], "YX")])
    with pytest.raises(ValueError, match=r"no picture in scan \(axes TX\)"):
        read_raw(path, "_s01_t001")
    np.testing.assert_array_equal(read_raw(path, "_s02").pixels, STACK[0, 0, 0])


def test_images_of_one_name_are_not_mistaken_for_each_other(tmp_path):
    write_lif(tmp_path / "a.lif", [image(STACK[0, 0, 0], "YX"), image(STACK[0, 0, 1], "YX")])
    with pytest.raises(ValueError, match="images of one name"):
        read_raw(tmp_path / "a.lif")


@pytest.mark.parametrize("share", [0, 0.001, 0.1, 0.6, 0.99])
@pytest.mark.filterwarnings("error")
def test_a_broken_file_is_refused_in_a_line(tmp_path, capfd, share):
    path = tmp_path / "a.lif"
    write_lif(path, [image(STACK, "TZCYX", luts=("Green", "Red"))])
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ValueError, match=r"^(is empty|cannot be read).*; replace it") as error:
        read_raw(path, pictures_of(path)[-1], Asked(channels=(2,)))
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")
