"""Nikon ND2, by nd2."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from darkfield.data.axes import CHANNEL, DEPTH, NOT_RECORDED, TIME, Channel, Scene, Unclear, stated
from darkfield.data.raster import explained, refuse_large
from darkfield.data.tiff_says import square

if TYPE_CHECKING:
    from nd2 import ND2File

AXES = {"T": TIME, "Z": DEPTH, "C": CHANNEL}  # of a position (P)


@contextmanager
def opened(path: Path) -> Iterator[list[Scene]]:
    """The positions of an ND2 file; the axis "t" are their time points.

    Raises ValueError with the reason and the remedy if it cannot be read.
    """
    from nd2 import ND2File

    with explained(path):
        file = ND2File(path)
    with file:
        with explained(path):
            sizes, attributes = file.sizes, file.attributes
            described = [*(file.metadata.channels or ())]
            volume = described[0].volume
        if attributes.compressionType == "lossy":  # the library would take the code for pixels
            raise Unclear("is compressed with losses; export it as TIFF")
        if other := sizes.keys() - {*"TPZCYXS"}:
            raise Unclear(f"has an axis {min(other)} that no picture has; export it as TIFF")
        limits = stated(attributes.bitsPerComponentSignificant)
        channels = [Channel(c.channel.name, c.channel.color[:3], limits) for c in described]
        if len(channels) != sizes.get("C", 1):  # of a spectrum, one is described
            channels = [Channel(limits=limits)] * sizes.get("C", 1)
        width, height = volume.axesCalibration[:2]
        yield [
            Scene(
                {axis: sizes.get(name, 1) for name, axis in AXES.items()},
                planes(path, file, position),
                channels,
                "bitsPerComponentSignificant",
                square(width, height) if all(volume.axesCalibrated[:2]) else None,
                "ND2 metadata",
            )
            for position in range(sizes.get("P", 1))
        ]


def planes(path: Path, file: "ND2File", position: int) -> Callable[[Mapping[str, int]], np.ndarray]:
    """What decodes the planes of a position."""
    shape = [file.sizes.get(axis, 1) for axis in "CYXS"]
    loops = [axis for axis in file.sizes if axis in "TPZ"]  # from the outermost

    def plane(at: Mapping[str, int]) -> np.ndarray:
        where = {"T": at[TIME], "P": position, "Z": at[DEPTH]}
        number = 0
        for axis in loops:
            number = number * file.sizes[axis] + where[axis]
        refuse_large(file.sizes["Y"], file.sizes["X"])
        with explained(path):
            frame: np.ndarray = file.read_frame(number).reshape(shape)
            if not frame.any():  # the library's stand-in for a frame that is missing
                raise Unclear(NOT_RECORDED)
        pixels: np.ndarray = frame[
            at[CHANNEL]
        ].copy()  # not in the file, which is going to be closed
        return pixels[..., 0] if shape[-1] == 1 else pixels[..., ::-1]  # stored as BGR

    return plane
