"""HEIF (HEIC), by pi-heif, which reads only and, unlike pillow-heif, carries no GPL encoder."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from darkfield.data.axes import Channel, Scene, stated
from darkfield.data.raster import explained, refuse_large, refuse_transparent

if TYPE_CHECKING:
    from pi_heif import HeifImage


@contextmanager
def opened(path: Path) -> Iterator[list[Scene]]:
    """The pictures of a HEIF file; thumbnails, depth maps and parts of a grid are none.

    Raises ValueError with the reason and the remedy if it cannot be read.
    """
    from pi_heif import open_heif

    with explained(path):
        file = open_heif(path, convert_hdr_to_8bit=False, hdr_to_16bit=False)
    yield [
        Scene(
            {},
            planes(path, image),
            [Channel(limits=stated(image.info["bit_depth"]))],
            "bit_depth",
            icc=image.info.get("icc_profile"),
        )
        for image in file
    ]


def planes(path: Path, image: "HeifImage") -> Callable[[Mapping[str, int]], np.ndarray]:
    """What decodes a picture, turned as it says."""

    def plane(_: Mapping[str, int]) -> np.ndarray:
        refuse_large(*image.size)
        with explained(path):
            pixels = np.array(image)  # its memory is freed with the file
        if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
            refuse_transparent(pixels[..., -1])
            pixels = pixels[..., :-1]
        return pixels

    return plane
