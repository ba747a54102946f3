"""Zeiss CZI, by pylibCZIrw: mosaics are composed; pyramids and attachments are left out."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np

from darkfield.data.axes import (
    CHANNEL,
    DEPTH,
    NOT_RECORDED,
    TIME,
    Channel,
    Colour,
    Scene,
    Unclear,
    stated,
)
from darkfield.data.raster import explained, refuse_large
from darkfield.data.tiff_says import METRE, square

if TYPE_CHECKING:
    from pylibCZIrw.czi import CziReader, Rectangle

AXES = {"T": TIME, "C": CHANNEL, "Z": DEPTH}
OTHER_AXES = {"R": "rotations", "I": "illuminations", "H": "phases", "V": "views", "B": "blocks"}
DISTANCE = "Metadata/Scaling/Items/Distance[@Id='{}']/Value"  # in metres
IMAGE = "Metadata/Information/Image"
DISPLAYED = "Metadata/DisplaySetting/Channels/Channel"


@contextmanager
def opened(path: Path) -> Iterator[list[Scene]]:
    """The scenes of a CZI file; the axis "t" are its time points.

    Raises ValueError with the reason and the remedy if it cannot be read.
    """
    from pylibCZIrw.czi import CziReader

    with explained(path):
        file = CziReader(str(path))
    with closing(file):
        with explained(path):
            box = file.total_bounding_box_no_pyramid
            said = ElementTree.fromstring(file.raw_metadata or "<ImageDocument/>")
            regions = sorted(file.scenes_bounding_rectangle_no_pyramid.items())
        for axis, what in OTHER_AXES.items():
            if (length := box.get(axis, (0, 1))[1]) > 1:
                raise Unclear(f"holds {length} {what}; export the one you mean as a file")
        if not regions:
            raise Unclear("holds no pictures; remove it")
        metres = (float(said.findtext(DISTANCE.format(axis)) or 0) for axis in "XY")
        width, height = (round(side * METRE, 9) for side in metres)
        yield [
            Scene(
                {axis: box[name][1] for name, axis in AXES.items()},
                planes(path, file, scene, region),
                channels(said, box["C"][1]),
                "ComponentBitCount",
                square(width, height),
                "CZI metadata",
            )
            for scene, region in regions
        ]


def planes(
    path: Path, file: "CziReader", scene: int, region: "Rectangle"
) -> Callable[[Mapping[str, int]], np.ndarray]:
    """What decodes the planes of a scene."""

    def plane(at: Mapping[str, int]) -> np.ndarray:
        where = {name: at[axis] for name, axis in AXES.items()}
        refuse_large(region.h, region.w)
        with explained(path):
            if not recorded(file, where, region):  # the library would give black pixels
                raise Unclear(NOT_RECORDED)
            pixels: np.ndarray = file.read(region, where, scene)
        return pixels[..., 0] if pixels.shape[2] == 1 else pixels[..., ::-1]  # stored as BGR

    return plane


def recorded(file: "CziReader", where: dict[str, int], region: "Rectangle") -> bool:
    """Whether a plane has any tile."""
    tiles = []

    def found(tile: int, _: object) -> bool:
        tiles.append(tile)
        return False  # enough

    file.enumerate_subblocks_subset(found, where, region, only_layer0=True)
    return bool(tiles)


def channels(said: ElementTree.Element, number: int) -> list[Channel]:
    """What the metadata say about each channel."""
    colours = {c.get("Id"): c for c in said.iterfind(DISPLAYED)}
    described = said.findall(f"{IMAGE}/Dimensions/Channels/Channel")
    if len(described) != number:
        described = [ElementTree.Element("Channel")] * number
    whole = said.findtext(f"{IMAGE}/ComponentBitCount")
    return [
        Channel(
            c.get("Name", ""),
            colour_of(colours.get(c.get("Id"), c)) or colour_of(c),
            stated(int(c.findtext("ComponentBitCount") or whole or 0)),
        )
        for c in described
    ]


def colour_of(channel: ElementTree.Element) -> Colour | None:
    """The colour, #RRGGBB or #AARRGGBB, in which a channel is shown; None if it has none."""
    text = channel.findtext("Color") or ""
    if channel.findtext("ColorMode") == "None" or len(text) not in (7, 9):
        return None
    red, green, blue = bytes.fromhex(text[-6:])
    return red, green, blue
