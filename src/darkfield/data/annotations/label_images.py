"""Label images of napari, Cellpose, ilastik and others: each value is a class, or an object."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from darkfield.classes import INSTANCES
from darkfield.data import label_arrays
from darkfield.data.annotations.drawing import Drawing, Patch, Region
from darkfield.data.mask_files import open_mask
from darkfield.data.mask_values import code, codes, spelled
from darkfield.values import MASK_VALUE


def read_array(path: Path) -> list[Drawing]:
    """The one drawing in a .npy or HDF5 file: a region for each value."""
    labels = label_arrays.read(path)
    size = (labels.shape[0], labels.shape[1])
    return [Drawing(path.stem, size, regions(labels), told=False)]


def read_picture(path: Path, values: Sequence[str]) -> list[Drawing]:
    """The one drawing in a picture: a region for each value, or each colour "#rrggbb".

    `values` are those that the user has named; they decide between two readings of one palette.
    """
    known = {code(v) for v in values if re.fullmatch(MASK_VALUE, v) and v != INSTANCES}
    pixels = codes(open_mask(path), known or {0})
    found = [region._replace(label=spelled(int(region.label))) for region in regions(pixels)]
    return [Drawing(path.name, (pixels.shape[0], pixels.shape[1]), found, told=False)]


def regions(labels: np.ndarray) -> list[Region]:
    """One region per value of labels, integers (H, W), which may be a class or an object."""
    from scipy.ndimage import find_objects

    values, dense = np.unique(labels, return_inverse=True)
    dense = dense.reshape(labels.shape)
    return [
        Region(str(value), Patch(at[0].start, at[1].start, dense[at] == n), is_object=False)
        for n, (value, at) in enumerate(zip(values, find_objects(dense + 1), strict=True))
    ]
