"""Decoded pictures, end to end in one .npy file per batch: decoded once, then memory-mapped."""

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib import format as npy

from darkfield.files import atomic

if TYPE_CHECKING:
    import pandas as pd

GROUP = 16  # pictures that pass through a network together: sums may depend on their number


@contextmanager
def new_pixels(
    path: Path | str, *channels: int, dtype: type = np.uint8
) -> Iterator[Callable[[np.ndarray], None]]:
    """Write a .npy of pixels (P, *channels); yields the function that appends a picture.

    The file appears, complete, when the block ends without an error.
    """

    pixels = 0

    def header() -> None:
        shape = (pixels, *channels)
        description = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
        npy.write_array_header_1_0(file, description)  # leaves room for a first axis that grows

    def append(picture: np.ndarray) -> None:
        nonlocal pixels
        file.write(np.ascontiguousarray(picture, dtype).data)
        pixels += picture.shape[0] * picture.shape[1]

    with atomic(path) as part, part.open("wb") as file:
        header()
        yield append
        file.seek(0)
        header()


def digest(picture: np.ndarray) -> str:
    """SHA-256, in hex, of the shape and the pixels of a decoded picture, uint8 (H, W, 3).

    It identifies a picture whatever its file is called and however it is compressed.
    """
    known = hashlib.sha256(repr(picture.shape).encode())
    known.update(np.ascontiguousarray(picture).data)
    return known.hexdigest()


def histogram(pixels: np.ndarray) -> np.ndarray:
    """How often each value is in uint8 (H, W), as integers (256,), or in (H, W, 3), as (3, 256)."""
    from PIL import Image

    # Three times as fast as np.bincount, which makes 64-bit integers of the pixels first.
    counts = np.array(Image.fromarray(pixels).histogram())
    return counts if pixels.ndim == 2 else counts.reshape(-1, 256)


def batch_rows(pictures: int, batch: int, batches: int) -> range:
    """Which pictures, numbered from 0, are those of a batch: neighbours, in order.

    Each batch begins at a multiple of GROUP.
    """
    groups = -(-pictures // GROUP)
    first, last = (GROUP * (b * groups // batches) for b in (batch, batch + 1))
    return range(first, min(last, pictures))


def network_sizes(table: "pd.DataFrame", size: Sequence[int] | str) -> Sequence[tuple[int, int]]:
    """(height, width) of each picture of a manifest at `size`: one for all, or "native"."""
    if size == "native":
        return list(zip(table["height"], table["width"], strict=True))
    height, width = map(int, size)
    return [(height, width)] * len(table)


class Pictures(Sequence[np.ndarray]):
    """The pictures, (H, W, *channels), in files of new_pixels; `sizes` are all their (H, W).

    `paths` are one or more files, whose pictures follow each other. `rows`, if given, are the
    indices of the pictures to show. A picture is mapped again each time it is accessed, so that
    earlier ones do not count as memory in use; writing to one does not change the file. Raises
    ValueError if the number of pixels in the files does not match `sizes`.
    """

    def __init__(
        self,
        paths: Sequence[Path | str],
        sizes: Sequence[tuple[int, int]],
        rows: Sequence[int] | None = None,
    ):
        areas = np.array([h * w for h, w in sizes], dtype=np.int64)
        maps = [np.load(path, mmap_mode="r") for path in paths]
        held = np.array([len(pixels) for pixels in maps], dtype=np.int64)
        if held.sum() != areas.sum():
            raise ValueError(f"{paths[0]}: holds {held.sum()} pixels, not {areas.sum()}")
        self.paths, self.sizes = paths, sizes
        # To find a picture without reading the file's header again.
        self.layouts = [(pixels.offset, pixels.dtype, pixels.shape[1:]) for pixels in maps]
        self.starts, self.ends = areas.cumsum() - areas, held.cumsum()
        self.rows = range(len(sizes)) if rows is None else rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> np.ndarray:  # type: ignore[override]  # no slices
        row = self.rows[i]
        (h, w), start = self.sizes[row], self.starts[row]
        file = np.searchsorted(self.ends, start, side="right")
        offset, dtype, channels = self.layouts[file]
        pixel = dtype.itemsize * math.prod(channels)
        before = self.ends[file - 1] if file else 0
        offset += int(start - before) * pixel
        return np.memmap(self.paths[file], dtype, "c", offset, (h, w, *channels))
