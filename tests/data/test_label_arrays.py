"""Label images of NumPy, Cellpose and HDF5; pickles that could run code are not run."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from darkfield.data.label_arrays import read

LABELS = np.array([[0, 0, 2], [1, 1, 2]])


@pytest.fixture
def saved(tmp_path):
    def save(content, name="a.npy"):
        np.save(tmp_path / name, content, allow_pickle=True)
        return tmp_path / name

    return save


@pytest.fixture
def hdf5(tmp_path):
    def save(data, axes=None, name="exported_data"):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            dataset = file.create_dataset(name, data=data)
            if axes:
                tags = {"axes": [{"key": axis} for axis in axes]}
                dataset.attrs["axistags"] = json.dumps(tags)
        return tmp_path / "a.h5"

    return save


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16, np.int32, np.int64, np.float32])
def test_whole_numbers_of_any_type(saved, dtype):
    found = read(saved(LABELS.astype(dtype)))
    assert found.dtype.kind in "ui"
    assert (found == LABELS.astype(dtype)).all()


def test_axes_of_one_are_dropped(saved):
    assert read(saved(LABELS[None, ..., None])).tolist() == LABELS.tolist()


def test_cellpose(saved):
    content = {
        "masks": LABELS.astype(np.uint16),
        "outlines": LABELS,
        "filename": "a.png",
        "flows": [np.zeros((2, 3)), []],
        "ismanual": np.zeros(2, bool),
        "diameter": np.float64("nan"),
        "chan_choose": [0, 0],
    }
    assert read(saved(content, "a_seg.npy")).tolist() == LABELS.tolist()


class Evil:
    def __reduce__(self):
        return Path.touch, (Path("ran"),)


@pytest.mark.parametrize("content", [{"masks": Evil()}, [Evil()], Evil()])
def test_code_in_a_pickle_does_not_run(saved, content, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    path = saved(content)
    with pytest.raises(ValueError, match="is a pickle that could run code"):
        read(path)
    assert not Path("ran").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"a": LABELS}, "is not Cellpose's"),
        ([1, "a"], "holds <U21 values, not labels"),
        (np.array([None, 1]), "is not Cellpose's"),
        (LABELS + 0.5, "holds float64 values, not labels"),
        (LABELS - 1, "holds the label -1"),
        (np.zeros((2, 3, 4), int), "holds 2 x 3 x 4 values"),
    ],
)
def test_other_contents(saved, content, words):
    with pytest.raises(ValueError, match=words):
        read(saved(content))


def test_a_damaged_file(saved):
    path = saved(LABELS)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="is damaged, or not a NumPy file; save it again"):
        read(path)


@pytest.mark.parametrize(
    ("shape", "axes"), [((2, 3), None), ((2, 3, 1), "yxc"), ((1, 1, 2, 3, 1), "tzyxc")]
)
def test_ilastik(hdf5, shape, axes):
    assert read(hdf5(LABELS.reshape(shape), axes)).tolist() == LABELS.tolist()


def test_ilastik_by_columns(hdf5):
    assert read(hdf5(LABELS.T[..., None], "xyc")).tolist() == LABELS.tolist()


def test_what_is_no_label_image(hdf5, tmp_path):
    with pytest.raises(ValueError, match="holds 4 of axis c; export one plane of labels"):
        read(hdf5(np.zeros((2, 3, 4), int), "yxc"))
    with pytest.raises(ValueError, match="holds float32 values, not labels"):
        read(hdf5(np.full((2, 3), 0.5, np.float32)))
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["other"] = LABELS
    with pytest.raises(ValueError, match=r"holds 2 arrays \(/exported_data, /other\); export one"):
        read(tmp_path / "a.h5")
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(ValueError, match="is damaged, or not an HDF5 file"):
        read(tmp_path / "a.h5")


@pytest.mark.parametrize("shape", [(3, 3), (1, 3, 3, 1)])
def test_a_square_that_does_not_say_which_way_it_lies_is_refused(hdf5, shape):
    """MATLAB, R and Julia write columns first."""
    labels = np.arange(9).reshape(shape)
    with pytest.raises(ValueError, match="does not say whether rows or columns come first"):
        read(hdf5(labels))
    axes = "yx" if len(shape) == 2 else "tyxc"
    assert read(hdf5(labels, axes)).tolist() == labels.reshape(3, 3).tolist()
