"""Pictures in: every kind to 8-bit RGB; masks resized without inventing a class."""

import numpy as np
import pytest
from PIL import Image

from darkfield.data.images import read_image, resize_image, resize_mask, write_png


@pytest.mark.parametrize("size", [(256, 256), (17, 31), (5, 300)])
def test_resizing_a_mask_invents_no_class(size):
    """Bilinear would put class 1 between 0 and 2, all along every spirochaete."""
    rng = np.random.default_rng(0)
    mask = rng.choice(np.array([0, 2], dtype=np.uint8), (123, 77))
    small = resize_mask(mask, size)
    assert small.shape == size
    assert small.dtype == np.uint8
    assert set(np.unique(small)) == {0, 2}


def test_resizing_an_image_keeps_its_mean_and_orientation():
    image = np.zeros((40, 80, 3), dtype=np.uint8)
    image[:, 40:, 0] = 200
    small = resize_image(image, (10, 20))
    assert small.shape == (10, 20, 3)
    assert small.mean() == pytest.approx(image.mean(), abs=1)
    assert small[:, :8].max() == 0
    assert small[:, 12:, 0].min() == 200


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "LA"])
def test_every_kind_becomes_rgb(tmp_path, mode):
    Image.new("RGB", (6, 4), "white").convert(mode).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert (image.shape, image.dtype) == ((4, 6, 3), np.uint8)
    assert image.min() == 255


def test_16_bit_is_scaled_not_clipped(tmp_path):
    Image.fromarray(np.array([[0, 0x8000, 0xFFFF]], dtype=np.uint16)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png")[0, :, 0].tolist() == [0, 128, 255]


def test_what_cannot_be_read_says_why(tmp_path):
    (tmp_path / "a.png").write_text("text")
    with pytest.raises(ValueError, match="cannot be read"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("shape", "dtype"), [((40, 31), "u1"), ((40, 31), "u2"), ((40, 31, 3), "u1")]
)
def test_what_is_written_as_png_comes_back(tmp_path, shape, dtype):
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape).astype(dtype)
    for each in (pixels, pixels[::-1, ::2]):
        write_png(tmp_path / "a.png", each)
        with Image.open(tmp_path / "a.png") as picture:
            found = np.asarray(picture)
        assert found.dtype == each.dtype
        assert (found == each).all()
