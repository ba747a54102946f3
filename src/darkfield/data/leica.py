"""Leica LIF, by liffile."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np

from darkfield.data.axes import CHANNEL, DEPTH, TIME, Channel, Scene, Unclear, stated
from darkfield.data.raster import explained, refuse_large
from darkfield.data.tiff_says import MICROMETRES, square

if TYPE_CHECKING:
    from liffile import LifImageABC

AXES = {"T": TIME, "M": "m", "C": CHANNEL, "Z": DEPTH}  # M: the tiles of a mosaic
IMAGE = "Data/Image/ImageDescription"
AXIS = f"{IMAGE}/Dimensions/DimensionDescription[@DimID='{{}}']"
COLOURS = {
    "Red": (255, 0, 0),
    "Green": (0, 255, 0),
    "Blue": (0, 0, 255),
    "Yellow": (255, 255, 0),
    "Cyan": (0, 255, 255),
    "Magenta": (255, 0, 255),
    "Gray": (255, 255, 255),
}


@contextmanager
def opened(path: Path) -> Iterator[list[Scene]]:
    """The images of a LIF file; the axes "t" are time points, "m" tiles that are not merged.

    Raises ValueError with the reason and the remedy if it cannot be read.
    """
    from liffile import LifFile

    logging.getLogger("liffile").setLevel(logging.CRITICAL)
    with explained(path):
        file = LifFile(path)
    with file:
        with explained(path):
            scenes = [scene(path, image) for image in file.images]
        if not scenes:
            raise Unclear("holds no pictures; remove it")
        if len(file.xml_element.findall(".//Element/Data/Image")) > len(scenes):
            raise Unclear(
                "holds images of one name, of which only the last can be read; rename them"
            )
        yield scenes


def scene(path: Path, image: "LifImageABC") -> Scene:
    """An image of a LIF file; its `plane` raises Unclear if it is no picture."""
    described = image.xml_element.findall(f"{IMAGE}/Channels/ChannelDescription")
    channels = [
        Channel(
            c.get("LUTName", ""),
            COLOURS.get(c.get("LUTName", "")),
            stated(int(c.get("Resolution", 0))),
        )
        for c in sorted(described, key=lambda c: int(c.get("BytesInc", 0)))
    ]
    width, height = (um_per_pixel(image.xml_element.find(AXIS.format(n))) for n in (1, 2))
    return Scene(
        {axis: image.sizes.get(name, 1) for name, axis in AXES.items()},
        planes(path, image),
        channels[:1] if "S" in image.sizes else channels,
        "Resolution",
        square(width, height),
        "LIF metadata",
    )


def um_per_pixel(axis: ElementTree.Element | None) -> float | None:
    """Micrometres from one pixel to the next on an axis; None if its description does not say."""
    if axis is None or (steps := int(axis.get("NumberOfElements", 0)) - 1) < 1:
        return None
    return float(axis.get("Length", 0)) * MICROMETRES.get(axis.get("Unit", ""), 0) / steps


def planes(path: Path, image: "LifImageABC") -> Callable[[Mapping[str, int]], np.ndarray]:
    """What decodes the planes of an image."""
    from liffile import LifImage

    def plane(at: Mapping[str, int]) -> np.ndarray:
        sizes = image.sizes
        known = {"Y", "X"} <= sizes.keys() <= {*AXES, *"YXS"}
        if not (isinstance(image, LifImage) and known):  # a line scan, or lifetimes
            axes = "".join(sizes)
            raise Unclear(f"has no picture in {image.name} (axes {axes}); the others are read")
        refuse_large(sizes["Y"], sizes["X"])
        where: dict[str, Any] = {name: at[axis] for name, axis in AXES.items() if name in sizes}
        with explained(path):
            if "S" not in sizes:
                return image.frame(**where)
            if sizes["S"] != 3:
                raise Unclear(f"holds {sizes['S']} samples per pixel; export it as grey or RGB")
            # Rows that are padded to four bytes are read rightly by asarray alone.
            place = tuple(where.get(name, slice(None)) for name in image.dims)
            pixels: np.ndarray = image.asarray()[place]
            return pixels

    return plane
