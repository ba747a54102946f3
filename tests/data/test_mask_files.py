"""Masks in files that Pillow cannot read: integers of any size, arrays, HDF5."""

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

from darkfield.data.colour import turned
from darkfield.data.mask_files import is_mask, open_mask
from darkfield.data.mask_values import codes

LABELS = np.array([[0, 1, 2], [2, 1, 300]])


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.uint32, np.int64, np.uint64])
@pytest.mark.parametrize("compression", [None, "zlib", "zstd"])
@pytest.mark.parametrize("bigtiff", [True, False])
def test_integers_of_a_tiff(tmp_path, dtype, compression, bigtiff):
    options = {"compression": compression, "bigtiff": bigtiff}
    tifffile.imwrite(tmp_path / "a.tif", LABELS.astype(dtype), **options)
    assert np.asarray(open_mask(tmp_path / "a.tif")).tolist() == LABELS.tolist()


def test_arrays(tmp_path):
    np.save(tmp_path / "a.npy", LABELS)
    np.save(tmp_path / "a_seg.npy", {"masks": LABELS})
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["exported_data"] = LABELS
    for path in tmp_path.iterdir():
        assert is_mask(path)
        assert np.asarray(open_mask(path)).tolist() == LABELS.tolist()
    assert not is_mask(tmp_path / ".a.npy")
    assert not is_mask(tmp_path / "a.json")


def test_small_values_have_8_bits_whatever_the_file(tmp_path):
    np.save(tmp_path / "a.npy", LABELS % 3)
    assert open_mask(tmp_path / "a.npy").mode == "L"


@pytest.mark.parametrize("value", [-1, 2**31])
def test_values_that_no_mask_has(tmp_path, value):
    np.save(tmp_path / "a.npy", np.array([[0, value]]))
    with pytest.raises(ValueError, match=f"holds the (label|value) {value}"):
        open_mask(tmp_path / "a.npy")


def test_what_is_wrong_with_a_picture_is_said_as_for_any_picture(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((2, 5, 7), np.int64))
    Image.new("L", (3, 3)).save(tmp_path / "b.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "b.png").read_bytes()[:40])
    for name in ("a.tif", "b.png"):
        with pytest.raises(ValueError, match=r"holds 2 pictures|cannot be read"):
            open_mask(tmp_path / name)


@pytest.mark.parametrize("name", ["a.jp2", "a.avif", "a.jpg", "a.webp"])
def test_formats_that_change_values(tmp_path, name):
    mask = np.kron(np.arange(4, dtype=np.uint8).reshape(2, 2), np.ones((16, 16), np.uint8))
    Image.fromarray(mask).save(tmp_path / name)
    with pytest.raises(ValueError, match="which changes values; save it as PNG"):
        codes(open_mask(tmp_path / name), {0, 1, 2, 3})


@pytest.mark.parametrize("turn", [3, 5, 6, 8])
def test_a_palette_that_is_turned(tmp_path, turn):
    """Pillow maps uncompressed files, and garbles them if they are to be turned."""
    mask = np.zeros((20, 30), np.uint8)
    mask[2:8, 3:20] = 1
    picture = Image.fromarray(mask)
    picture.putpalette([0, 0, 0, 255, 0, 0])
    picture.save(tmp_path / "a.tif", tiffinfo={274: turn})
    assert (np.asarray(open_mask(tmp_path / "a.tif")) == turned(mask, turn)).all()
