"""ND2 files, written by hand (tests/microscopes.py): no library writes them."""

import numpy as np
import pytest
from microscopes import write_nd2

from darkfield.data.axes import Asked
from darkfield.data.reading import pictures_of, read_raw

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
RNG = np.random.default_rng(0)


def frames(*shape, dtype=np.uint16):
    return RNG.integers(1, 250, shape, dtype)


def test_positions_and_time_points_are_pictures_of_their_own(tmp_path):
    pixels = frames(12, 20, 30, 2)  # T P Z
    loops = {"T": 2, "P": 2, "Z": 3}
    path = tmp_path / "a.nd2"
    write_nd2(path, pixels, loops, bits=12, um_per_pixel=0.25, colours=(GREEN, RED))
    assert pictures_of(path) == ["_s01_t001", "_s01_t002", "_s02_t001", "_s02_t002"]
    stack = pixels.reshape(2, 2, 3, 20, 30, 2)
    raw = read_raw(path, "_s02_t001", Asked(channels=(2,), z=3))
    np.testing.assert_array_equal(raw.pixels, stack[0, 1, 2, ..., 1])
    assert (raw.um_per_pixel, raw.um_from) == (0.25, "ND2 metadata")
    assert (raw.limits, raw.limits_from) == (((0, 4095),), "bitsPerComponentSignificant")
    highest = read_raw(path, "_s01_t002", Asked(channels=("channel 0",)))
    np.testing.assert_array_equal(highest.pixels, stack[1, 0, ..., 0].max(axis=0))


def test_channels_become_rgb_by_their_colours(tmp_path):
    pixels = frames(1, 20, 30, 3)
    write_nd2(tmp_path / "a.nd2", pixels, {}, bits=16, colours=(BLUE, RED, GREEN))
    raw = read_raw(tmp_path / "a.nd2")
    np.testing.assert_array_equal(raw.pixels, pixels[0][..., [1, 2, 0]])
    assert raw.limits == ()


def test_samples_stored_as_bgr_become_rgb(tmp_path):
    pixels = frames(1, 20, 30, 3, dtype=np.uint8)
    write_nd2(tmp_path / "a.nd2", pixels, {}, bits=8)
    np.testing.assert_array_equal(read_raw(tmp_path / "a.nd2").pixels, pixels[0][..., ::-1])


def test_a_scale_that_was_never_calibrated_is_none(tmp_path):
    """The library gives 1 micrometre."""
    write_nd2(tmp_path / "a.nd2", frames(1, 20, 30, 1), {}, bits=16)
    raw = read_raw(tmp_path / "a.nd2")
    assert raw.um_per_pixel is None
    assert raw.pixels.shape == (20, 30)


def test_a_time_point_that_was_never_recorded_is_no_black_picture(tmp_path):
    write_nd2(tmp_path / "a.nd2", frames(2, 20, 30, 1), {"T": 3}, bits=16)
    assert read_raw(tmp_path / "a.nd2", "_t002").pixels.any()
    with pytest.raises(ValueError, match="holds no pixels for this picture"):
        read_raw(tmp_path / "a.nd2", "_t003")


@pytest.mark.parametrize("share", [0, 0.001, 0.1, 0.6, 0.99])
@pytest.mark.filterwarnings("error")
def test_a_broken_file_is_refused_in_a_line(tmp_path, capfd, share):
    write_nd2(tmp_path / "a.nd2", frames(2, 20, 30, 1), {"T": 2}, bits=16)
    data = (tmp_path / "a.nd2").read_bytes()
    (tmp_path / "a.nd2").write_bytes(data[: int(len(data) * share)])
    assert pictures_of(tmp_path / "a.nd2") == [""]
    with pytest.raises(ValueError, match=r"^(is empty|cannot be read).*; replace it") as error:
        read_raw(tmp_path / "a.nd2")
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")
