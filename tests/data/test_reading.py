"""Pictures of a folder share one range; the scale is the file's, or what was asked."""

import numpy as np
import pytest
import tifffile
from PIL import Image
from scenes import GREY

from darkfield.data import reading
from darkfield.data.axes import Asked
from darkfield.data.reading import How, asked_of, folder_ranges, in_words, pictures_of, read, scale

NOTHING = Asked()


@pytest.fixture
def folder(tmp_path):
    """Eight pictures of 12 bits, each brighter than the one before."""
    for i in range(8):
        pixels = GREY.astype(np.uint16) * (i + 1)
        tifffile.imwrite(tmp_path / f"{i}.tif", pixels, photometric="minisblack")
    return [(path, "") for path in sorted(tmp_path.iterdir())]


def images(pictures, ranges, asked=NOTHING):
    return [read(path, part, asked, ranges).image[..., 0] for path, part in pictures]


def test_one_range_for_the_folder_keeps_brightness_comparable(folder):
    ranges = folder_ranges(folder, NOTHING)
    low, high = ranges("uint16").limits
    assert (low, high) == pytest.approx((20, 1600), abs=5)
    shown = images(folder, ranges)
    for i, image in enumerate(shown):
        expected = np.clip((GREY * (i + 1.0) - low) / (high - low), 0, 1) * 255
        assert np.abs(image - expected).max() <= 1


def write(path, pixels):
    tifffile.imwrite(path, pixels.astype(np.uint16), photometric="minisblack")
    return path, ""


def test_pictures_of_another_bit_depth_are_refused_and_empty_fields_are_not(tmp_path):
    noise = np.random.default_rng(0).normal(0, 1, GREY.shape)
    twelve = [write(tmp_path / f"{i}.tif", GREY * 16.0 + noise) for i in range(3)]
    empty = write(tmp_path / "empty.tif", 320 + noise)
    sixteen, ten = (write(tmp_path / f"{n}.tif", GREY * float(n)) for n in (256, 4))
    of_one_camera = folder_ranges([*twelve, empty], NOTHING)
    assert len(images([*twelve, empty], of_one_camera)) == 4
    with pytest.raises(ValueError, match="5120 to 51200, which would be white in the range"):
        images([sixteen], of_one_camera)
    mixed = folder_ranges([*twelve, empty, sixteen, ten], NOTHING)
    assert len(images([sixteen], mixed)) == 1
    for other in (*twelve, empty, ten):
        with pytest.raises(ValueError, match=r"would be black .*; if it is of another camera"):
            images([other], mixed)
    asked = Asked(limits=(0, 4095))
    assert len(images([*twelve, sixteen], mixed, asked)) == 4


def test_a_picture_of_a_few_bits_less_or_more_is_read_and_that_is_said(tmp_path):
    """It may as well be one of another exposure; a field without cells is dim, and not told of."""
    noise = np.random.default_rng(0).normal(0, 1, GREY.shape)
    twelve = [write(tmp_path / f"{i}.tif", GREY * 16.0 + noise) for i in range(3)]
    empty = write(tmp_path / "empty.tif", 320 + 9 * noise)
    ten, fourteen = (write(tmp_path / f"{n}.tif", GREY * float(n)) for n in (4, 64))
    ranges = folder_ranges([*twelve, empty, ten], NOTHING)

    def told(picture, ranges):
        _, _, said = read(*picture, NOTHING, ranges).how.read.partition(" %); ")
        return said.partition(" in this range")[0]

    assert [told(p, ranges) for p in (*twelve, empty, ten)] == ["", "", "", "", "dim"]
    assert told(fourteen, ranges) == "glaring"
    half = write(tmp_path / "half.tif", GREY * 9.0)  # less light, but no bits less
    assert told(half, ranges) == ""


def test_so_is_one_that_a_models_range_does_not_suit(tmp_path):
    ranges = folder_ranges([], NOTHING, {"uint16": (0, 3200)})
    dim = read(*write(tmp_path / "a.tif", GREY * 4.0), NOTHING, ranges).how.read
    assert dim == "0 to 3200 (the model's); dim in this range, as if of fewer bits"


def test_the_range_does_not_depend_on_who_asks_first(folder):
    one, other = folder_ranges(folder, NOTHING), folder_ranges(folder, NOTHING)
    assert [*map(np.ndarray.tolist, images(folder, one))] == [
        *map(np.ndarray.tolist, images(folder[::-1], other)[::-1])
    ]


def test_a_large_folder_costs_no_more(folder, monkeypatch):
    monkeypatch.setattr(reading, "MOST_POOLED", 2)
    assert folder_ranges(folder, NOTHING)("uint16") == folder_ranges(folder[::4], NOTHING)("uint16")


def test_types_have_ranges_of_their_own_and_8_bits_have_none(folder, tmp_path):
    tifffile.imwrite(tmp_path / "f.tif", GREY / np.float32(255), photometric="minisblack")
    Image.fromarray(GREY).save(tmp_path / "g.png")
    mixed = [*folder, (tmp_path / "f.tif", ""), (tmp_path / "g.png", "")]
    ranges = folder_ranges(mixed, NOTHING)
    assert ranges("uint16") == folder_ranges(folder, NOTHING)("uint16")
    assert ranges("float32").limits == pytest.approx((20 / 255, 200 / 255))

    def never(dtype):
        raise AssertionError

    assert (read(tmp_path / "g.png", "", NOTHING, never).image[..., 0] == GREY).all()


def test_a_rare_type_is_found_wherever_it_is(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MOST_POOLED", 2)
    tifffile.imwrite(tmp_path / "3b.tif", GREY / np.float32(255), photometric="minisblack")
    some = sorted([*folder, (tmp_path / "3b.tif", "")])
    assert folder_ranges(some, NOTHING)("float32").limits == pytest.approx((20 / 255, 200 / 255))


def test_broken_files_and_those_that_state_a_range_do_not_count(folder, tmp_path):
    (tmp_path / "a.tif").write_bytes(b"II*\0")
    stated = {"imagej": True, "metadata": {"min": 0, "max": 4095}}
    tifffile.imwrite(tmp_path / "b.tif", np.full((9, 9), 60_000, np.uint16), **stated)
    more = [*folder, (tmp_path / "a.tif", ""), (tmp_path / "b.tif", "")]
    assert folder_ranges(more, NOTHING)("uint16") == folder_ranges(folder, NOTHING)("uint16")


def test_the_range_of_the_model_comes_first_and_what_is_asked_before_it(folder):
    ranges = folder_ranges(folder, NOTHING, {"uint16": (0, 1600)})
    *_, (path, part) = folder
    assert read(path, part, NOTHING, ranges).how.read == "0 to 1600 (the model's)"
    asked = Asked(limits=(0, 200))
    assert read(path, part, asked, ranges).how.read == "0 to 200 (asked)"
    assert read(path, part, asked, ranges).how.limits is None
    of_others = Asked(limits=(0, 200), dtypes=("float32",))
    assert read(path, part, of_others, ranges).how.read == "0 to 1600 (the model's)"


def test_a_range_that_is_asked_for_is_for_8_bits_too(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    asked = Asked(limits=(20, 200))
    image = read(tmp_path / "a.png", "", asked, folder_ranges([], asked)).image
    assert image[32, 32].tolist() == [255] * 3
    assert image[2, 2].tolist() == [0] * 3


def how(um=None, source=""):
    return How("8 bits", "uint8", None, um, source)


def test_the_scale_is_that_of_the_file_or_else_what_was_asked():
    assert scale(how(), None) == (None, "")
    assert scale(how(), 0.5) == (0.5, "asked")
    assert scale(how(0.1, "ImageJ unit"), None) == (0.1, "ImageJ unit")
    assert scale(how(0.1, "ImageJ unit"), 0.1005) == (0.1, "ImageJ unit")
    with pytest.raises(
        ValueError, match=r"^says 0\.1 micrometres per pixel \(ImageJ unit\), not 0\.5; leave --um"
    ):
        scale(how(0.1, "ImageJ unit"), 0.5)


def test_how_pictures_were_read_is_said_in_one_line():
    assert in_words(["8 bits"] * 3) == ""
    assert in_words(["8 bits", "0 to 4095 (asked)", "0 to 4095 (asked)"]) == (
        "2 pictures: 0 to 4095 (asked); 1 picture: 8 bits"
    )


def test_settings_are_what_is_asked():
    settings = {"channels": None, "z": None, "range": None, "other": 1}
    assert asked_of(settings) == NOTHING
    settings |= {"channels": [3, "FITC", 1], "z": 2, "range": [0, 4095]}
    assert asked_of(settings) == Asked((3, "FITC", 1), 2, (0, 4095))


def test_what_cannot_be_read_counts_as_one_picture(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"II*\0text")
    assert pictures_of(tmp_path / "a.tif") == [""]
    assert pictures_of(tmp_path / "nowhere.tif") == [""]
    with pytest.raises(ValueError, match="cannot be read"):
        read(tmp_path / "a.tif", "", NOTHING, folder_ranges([], NOTHING))
    with pytest.raises(ValueError, match=r"cannot be read \(No such file or directory\); replace"):
        read(tmp_path / "nowhere.tif", "", NOTHING, folder_ranges([], NOTHING))
    with pytest.raises(ValueError, match="is a folder or a device, not a file"):
        read(tmp_path, "", NOTHING, folder_ranges([], NOTHING))
