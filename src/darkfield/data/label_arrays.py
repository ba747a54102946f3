"""Label images that are no pictures: NumPy's .npy, Cellpose's _seg.npy, and ilastik's HDF5."""

import json
import pickle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

NUMPY, HDF5 = b"\x93NUMPY", b"\x89HDF\r\n\x1a\n"  # how such files begin
# What an array or a number needs to be unpickled; anything else could run code.
SAFE = {
    (module, name)
    for core in ("numpy.core", "numpy._core")  # before NumPy 2, and since
    for module, name in (
        (f"{core}.multiarray", "_reconstruct"),
        (f"{core}.multiarray", "scalar"),
        (f"{core}.numeric", "_frombuffer"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("_codecs", "encode"),
    )
}


class Unpickler(pickle.Unpickler):
    """Unpickles arrays, numbers, text, lists and dictionaries, and refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in SAFE:
            raise pickle.UnpicklingError(f"it holds a {module}.{name}")
        return super().find_class(module, name)


def read(path: Path) -> np.ndarray:
    """The labels, integers (H, W), of a .npy or HDF5 file; raises ValueError for other contents."""
    with path.open("rb") as file:
        start = file.read(len(HDF5))
        file.seek(0)
        found = of_numpy(file) if start.startswith(NUMPY) else of_hdf5(path)
    return plane(found)


def plane(labels: np.ndarray) -> np.ndarray:
    """Labels as integers (H, W), without axes of one; raises ValueError for anything else."""
    if labels.dtype.kind == "f" and np.isfinite(labels).all() and (labels == labels.round()).all():
        labels = labels.astype(np.int64)  # napari and others save whole numbers as floats
    if labels.dtype.kind not in "uib":
        raise ValueError(f"holds {labels.dtype} values, not labels; export whole numbers")
    flat = labels.squeeze() if labels.ndim > 2 else labels
    if flat.ndim != 2:
        shape = " x ".join(map(str, labels.shape))
        raise ValueError(f"holds {shape} values, not rows and columns; save one plane")
    if flat.size and flat.min() < 0:
        raise ValueError(f"holds the label {flat.min()}; labels begin at 0")
    return flat.astype(np.uint8) if flat.dtype.kind == "b" else flat


def of_numpy(file: BinaryIO) -> np.ndarray:
    """The array in a .npy file, or the masks of Cellpose, which pickles a dictionary."""
    try:
        version = npy.read_magic(file)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        _, _, dtype = read_header(file)
        if not dtype.hasobject:
            file.seek(0)
            return np.asarray(npy.read_array(file, allow_pickle=False))
        content = Unpickler(file).load()
    except pickle.UnpicklingError as error:
        raise ValueError(f"is a pickle that could run code ({error}); save its masks") from error
    except Exception as error:  # a damaged pickle raises nearly anything
        raise ValueError("is damaged, or not a NumPy file; save it again") from error
    cellpose = content.item() if isinstance(content, np.ndarray) and content.shape == () else None
    if not isinstance(cellpose, dict) or not isinstance(cellpose.get("masks"), np.ndarray):
        raise ValueError("is not Cellpose's (no masks in it); save the labels with numpy.save")
    masks: np.ndarray = cellpose["masks"]
    if masks.dtype.kind not in "uibf":
        return masks
    # A pickle may hold a type that NumPy cannot have made.
    return np.frombuffer(masks.tobytes(), masks.dtype.str).reshape(masks.shape)


def of_hdf5(path: Path) -> np.ndarray:
    """The one data set of an HDF5 file, such as ilastik's exported_data, as (H, W) if it can be."""
    import h5py

    found: list[h5py.Dataset] = []
    try:
        with h5py.File(path, "r") as file:
            file.visititems(lambda _, node: found.append(node) if is_array(node) else None)
            if len(found) != 1:
                names = ", ".join(node.name for node in found) or "none"
                raise ValueError(f"holds {len(found)} arrays ({names}); export one")
            axes = axes_of(found[0])
            labels = np.asarray(found[0])
    except ValueError:
        raise
    except Exception as error:  # h5py raises nearly anything for broken files
        raise ValueError("is damaged, or not an HDF5 file; export it again") from error
    sides = [length for length in labels.shape if length > 1]
    if "?" in axes and len(sides) == 2 and sides[0] == sides[1]:
        raise ValueError(  # MATLAB, R and Julia write columns, NumPy rows
            "is square and does not say whether rows or columns come first; save it as PNG or TIFF"
        )
    if labels.ndim > 2 and "?" not in axes:
        for axis, length in zip(axes, labels.shape, strict=True):
            if axis not in "yx" and length > 1:
                raise ValueError(f"holds {length} of axis {axis}; export one plane of labels")
        if {"y", "x"} <= set(axes):
            kept = [axis for axis in axes if axis in "yx"]
            labels = labels.reshape([labels.shape[axes.index(axis)] for axis in kept])
            axes = "".join(kept)
    return labels.T if axes == "xy" else labels


def is_array(node: Any) -> bool:
    return hasattr(node, "dtype") and node.ndim > 1


def axes_of(data: Any) -> str:
    """ilastik's names of the axes, in order ("yxc"); "?" if the file has none."""
    try:
        tags = json.loads(data.attrs["axistags"])
        return "".join(str(axis["key"]) for axis in tags["axes"])
    except (KeyError, TypeError, ValueError):
        return "?"
