"""CZI files, written by pylibCZIrw."""

import numpy as np
import pytest
from pylibCZIrw.czi import (
    ChannelDisplaySettingsDataClass,
    Rgb8Color,
    TintingMode,
    create_czi,
)

from darkfield.data.axes import Asked
from darkfield.data.reading import pictures_of, read_raw

GREY = np.random.default_rng(0).integers(1, 4096, (2, 2, 3, 2, 20, 30), np.uint16)  # S T Z C Y X


def write(path, planes, *, um=0.0, colours=(), names=("first", "second")):
    """Planes: (place of S, T, Z and C, location, pixels (H, W, samples))."""
    with create_czi(str(path), exist_ok=True) as file:
        for (s, t, z, c), location, pixels in planes:
            file.write(pixels, location, {"T": t, "Z": z, "C": c}, scene=s)
        file.write_metadata(
            channel_names=dict(enumerate(names)),
            scale_x=um * 1e-6,
            scale_y=um * 1e-6,
            display_settings={
                c: ChannelDisplaySettingsDataClass(
                    True, TintingMode.Color, Rgb8Color(*colour), 0.0, 1.0
                )
                for c, colour in enumerate(colours)
            },
        )
    return path


def grey(pixels):
    """What `write` takes, of pixels (S, T, Z, C, H, W)."""
    places = np.ndindex(pixels.shape[:4])
    return [(place, (place[0] * 500, 0), pixels[place][..., None]) for place in places]


def test_scenes_and_time_points_are_pictures_of_their_own(tmp_path):
    path = write(tmp_path / "a.czi", grey(GREY), um=0.1)
    names = ["_s01_t001", "_s01_t002", "_s02_t001", "_s02_t002"]
    assert pictures_of(path) == names
    raw = read_raw(path, "_s02_t001", Asked(channels=(2,), z=3))
    np.testing.assert_array_equal(raw.pixels, GREY[1, 0, 2, 1])
    assert raw.um_per_pixel == 0.1
    highest = read_raw(path, "_s01_t002", Asked(channels=("first",)))
    np.testing.assert_array_equal(highest.pixels, GREY[0, 1, :, 0].max(axis=0))
    assert highest.notes == ("channels first", "maximum of 3 planes")


def test_samples_stored_as_bgr_become_rgb(tmp_path):
    bgr = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    path = write(tmp_path / "a.czi", [((0, 0, 0, 0), (0, 0), bgr)])
    np.testing.assert_array_equal(read_raw(path).pixels, bgr[..., ::-1])


def test_channels_become_rgb_by_their_colours(tmp_path):
    planes = grey(np.concatenate([GREY[:1, :1, :1], GREY[1:, :1, :1, :1]], axis=3))
    path = write(tmp_path / "a.czi", planes, colours=[(0, 0, 255), (255, 0, 0), (0, 255, 0)])
    expected = np.dstack([GREY[0, 0, 0, 1], GREY[1, 0, 0, 0], GREY[0, 0, 0, 0]])
    np.testing.assert_array_equal(read_raw(path).pixels, expected)


def test_a_mosaic_is_one_picture(tmp_path):
    left, right = GREY[0, 0, 0, 0][..., None], GREY[1, 0, 0, 0][..., None]
    path = write(tmp_path / "a.czi", [((0,) * 4, (0, 0), left), ((0,) * 4, (30, 0), right)])
    np.testing.assert_array_equal(read_raw(path).pixels, np.hstack([left, right])[..., 0])


def test_the_bits_that_a_channel_states_are_the_range(tmp_path):
    path = write(tmp_path / "a.czi", grey(GREY[:1, :1, :1, :1]), names=["x" * 40])
    name = b' Name="' + b"x" * 40 + b'">'
    bits = b"><ComponentBitCount>12</ComponentBitCount>"  # as ZEN, but not pylibCZIrw, writes it
    data = path.read_bytes()
    assert data.count(name) == 1
    path.write_bytes(data.replace(name, bits.ljust(len(name))))
    raw = read_raw(path)
    assert (raw.limits, raw.limits_from) == (((0, 4095),), "ComponentBitCount")


def test_a_time_point_that_was_never_recorded_is_no_black_picture(tmp_path):
    pixels = GREY[0, 0, 0, 0][..., None]
    path = write(tmp_path / "a.czi", [((0, t, 0, 0), (0, 0), pixels) for t in (0, 2)])
    assert read_raw(path, "_t003").pixels.any()
    with pytest.raises(ValueError, match="holds no pixels for this picture"):
        read_raw(path, "_t002")


@pytest.mark.parametrize("share", [0, 0.001, 0.3, 0.6, 0.99])
def test_a_broken_file_is_refused_in_a_line(tmp_path, capfd, share):
    data = write(tmp_path / "a.czi", grey(GREY)).read_bytes()
    (tmp_path / "a.czi").write_bytes(data[: int(len(data) * share)])
    assert pictures_of(tmp_path / "a.czi") == [""]
    with pytest.raises(ValueError, match=r"^(is empty|cannot be read).*; replace it") as error:
        read_raw(tmp_path / "a.czi")
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")
