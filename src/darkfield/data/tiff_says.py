"""What the metadata of a TIFF say: channels, the range of its values, micrometres per pixel."""

import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree

import numpy as np

from darkfield.data.axes import Channel, Colour, Limits, Unclear

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

MICROMETRES = {
    **{"µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0},
    **{"nm": 1e-3, "pm": 1e-6, "Å": 1e-4, "mm": 1e3, "cm": 1e4, "dm": 1e5, "m": 1e6},
}
METRE = 1e6  # micrometres
SAME = 0.01  # the relative difference between width and height up to which a pixel is square
MINISWHITE, LARGEST, X_RESOLUTION, Y_RESOLUTION, MICRO_MANAGER = 0, 281, 282, 283, 51123


class Said(NamedTuple):
    """What a file says of a series; see axes.Scene."""

    channels: Sequence[Channel] = (Channel(),)
    limits_from: str = ""
    um_per_pixel: float | None = None
    um_from: str = ""


def said(file: "TiffFile", page: "TiffPage") -> Said:
    """What the metadata say of the series whose first page is `page`.

    Limits of 8-bit values, and those of the whole type, say nothing. Raises Unclear for pixels that
    are not square.
    """
    if file.is_ome:
        found = of_ome(file.ome_metadata or "", page.index)
    elif file.is_imagej:
        found = of_imagej(file.imagej_metadata or {}, page)
    else:
        found = of_others(file, page)
    channels, source = [*found.channels], found.limits_from
    if not all(meant(channel.limits, page) for channel in channels):
        used, source = bits_used(page)
        channels = [channel._replace(limits=used) for channel in channels]
    return found._replace(
        channels=[channel._replace(limits=meant(channel.limits, page)) for channel in channels],
        limits_from=source,
        um_per_pixel=float(f"{found.um_per_pixel:.6g}") if found.um_per_pixel else None,
        um_from=found.um_from if found.um_per_pixel else "",
    )


def meant(limits: Limits | None, page: "TiffPage") -> Limits | None:
    """Limits for values of which the brightest is highest; None if they say nothing."""
    kind = page.dtype
    if limits is None or kind is None or kind.kind not in "uif":
        return None
    if kind == np.uint8 and page.bitspersample == 8:
        return None
    low, high = limits
    if kind.kind in "ui" and (low <= np.iinfo(kind).min and high >= np.iinfo(kind).max):
        return None
    if not low < high:
        return None
    if page.photometric == MINISWHITE:
        if kind.kind == "f":
            return -high, -low
        top = 2**page.bitspersample - 1 if kind.kind == "u" else -1
        return top - high, top - low
    return limits


def bits_used(page: "TiffPage") -> tuple[Limits | None, str]:
    """The range of values of fewer bits than their type, or of which the largest is told."""
    kind, bits = page.dtype, page.bitspersample
    if kind is None or kind.kind != "u" or bits == 1:
        return None, ""
    if bits < 8 * kind.itemsize:
        return (0, 2**bits - 1), "BitsPerSample"
    with suppress(KeyError, TypeError, ValueError):
        largest = int(np.max(page.tags[LARGEST].value))
        if largest > 255 and largest & (largest + 1) == 0:  # not the largest of this picture
            return (0, largest), "MaxSampleValue"
    return None, ""


def square(x: float | None, y: float | None) -> float | None:
    """The side of a pixel from its width and height; raises Unclear if it is not square."""
    sides = [s for s in (x, y) if s and math.isfinite(s) and s > 0]
    if len(sides) == 2 and abs(sides[0] - sides[1]) > SAME * max(sides):
        text = " x ".join(f"{side:g}" for side in sides)
        raise Unclear(f"has pixels of {text} micrometres; resample it to square ones")
    return sides[0] if sides else None


def holds(pixels: ElementTree.Element, index: int, uuid: str | None) -> bool:
    """Whether the page at `index` of the file `uuid` belongs to an image of OME-XML.

    Without a count, an IFD is one page; without either, all are meant.
    """
    for data in pixels.iterfind("{*}TiffData"):
        other = data.findtext("{*}UUID")
        if other and uuid and other != uuid:
            continue
        first, count = data.get("IFD"), data.get("PlaneCount", data.get("NumPlanes"))
        if first is None and count is None:
            return True
        if int(first or 0) <= index < int(first or 0) + int(count or 1):
            return True
    return False


def of_ome(text: str, index: int) -> Said:
    """What OME-XML says of the image that has the page at `index`."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return Said()
    pixels = [p for image in root.iterfind("{*}Image") for p in image.iterfind("{*}Pixels")]
    if len(pixels) > 1:
        pixels = [p for p in pixels if holds(p, index, root.get("UUID"))]
    if len(pixels) != 1:
        return Said()
    of = pixels[0].attrib

    def side(axis: str) -> float | None:
        unit = MICROMETRES.get(of.get(f"PhysicalSize{axis}Unit", "µm"))
        size = number(of.get(f"PhysicalSize{axis}"))
        return size * unit if size and unit else None

    bits = number(of.get("SignificantBits"))
    unsigned = of.get("Type", "").startswith("uint")  # of others, where the range lies is not said
    limits = (0.0, 2.0 ** int(bits) - 1) if bits and 1 < bits < 64 and unsigned else None
    channels = []
    for channel in pixels[0].iterfind("{*}Channel"):
        colour = number(channel.get("Color"))
        channels.append(
            Channel(
                channel.get("Name") or "",
                None if colour is None else rgb_of(int(colour)),
                limits,
            )
        )
    um = square(side("X"), side("Y"))
    return Said(channels or [Channel(limits=limits)], "SignificantBits", um, "OME PhysicalSizeX")


def rgb_of(colour: int) -> Colour:
    """Red, green and blue of an OME colour: a signed integer of four bytes, RGBA."""
    red, green, blue, _ = (colour & 0xFFFFFFFF).to_bytes(4, "big")
    return red, green, blue


def of_imagej(told: Mapping[str, Any], page: "TiffPage") -> Said:
    """What ImageJ's metadata say: display ranges, lookup tables, the unit of the resolution."""
    number_of = int(told.get("channels", 1))
    low, high = number(told.get("min")), number(told.get("max"))
    limits = (low, high) if low is not None and high is not None else None
    ranges = [*told.get("Ranges", ())]
    pairs = [*zip(ranges[::2], ranges[1::2], strict=False)]
    tables = [np.asarray(table) for table in told.get("LUTs", ())]
    channels = [
        Channel(
            colour=colour_of(tables[c]) if len(tables) == number_of > 1 else None,
            limits=pairs[c] if len(pairs) == number_of else limits,
        )
        for c in range(number_of)
    ]
    unit = MICROMETRES.get(str(told.get("unit", "")).replace("\\u00B5", "µ"))
    x, y = (resolution(page, tag) for tag in (X_RESOLUTION, Y_RESOLUTION))
    um = square(unit / x if unit and x else None, unit / y if unit and y else None)
    return Said(channels, "ImageJ display range", um, "ImageJ unit")


def colour_of(table: np.ndarray) -> Colour:
    """The brightest colour of a lookup table (3, 256)."""
    red, green, blue = (int(value) for value in table[:, -1])
    return red, green, blue


def resolution(page: "TiffPage", tag: int) -> float | None:
    """Pixels per unit."""
    with suppress(KeyError, TypeError, ValueError, ZeroDivisionError):
        over, under = page.tags[tag].value
        return float(over / under)
    return None


def of_others(file: "TiffFile", page: "TiffPage") -> Said:
    """What the metadata of Zeiss LSM, MetaMorph STK, Micro-Manager, Olympus and Aperio say."""
    if lsm := file.lsm_metadata:
        x, y = (number(lsm.get(f"VoxelSize{axis}")) for axis in "XY")
        um = square(x * METRE if x else None, y * METRE if y else None)
        names = (lsm.get("ChannelColors") or {}).get("ColorNames", [])
        count = int(lsm.get("DimensionChannels", 1))
        channels = [Channel(str(name)) for name in names][:count]
        return Said(channels or [Channel()] * count, "", um, "LSM VoxelSize")
    if stk := file.stk_metadata:
        unit = MICROMETRES.get(str(stk.get("CalibrationUnits", "")).strip())
        x, y = (number(stk.get(f"{axis}Calibration")) for axis in "XY")
        if unit and x and stk.get("SpatialCalibration", 1):
            return Said(um_per_pixel=square(x * unit, (y or x) * unit), um_from="STK calibration")
    if MICRO_MANAGER in page.tags and isinstance(told := page.tags[MICRO_MANAGER].value, dict):
        bits, um = number(told.get("BitDepth")), number(told.get("PixelSizeUm"))
        limits = (0.0, 2.0 ** int(bits) - 1) if bits and 1 < bits < 64 else None
        return Said([Channel(limits=limits)], "Micro-Manager BitDepth", um or None, "PixelSizeUm")
    if sis := file.sis_metadata:
        x, y = (number(sis.get(f"pixelsize{axis}")) for axis in "xy")
        um = square(x * METRE if x else None, y * METRE if y else None)
        return Said(um_per_pixel=um, um_from="Olympus pixel size")
    if page.is_svs and (found := re.search(r"\bMPP\s*=\s*([\d.]+)", page.description)):
        return Said(um_per_pixel=number(found[1]), um_from="Aperio MPP")
    return Said()


def number(value: Any) -> float | None:
    """A finite number, or None."""
    with suppress(TypeError, ValueError):
        if math.isfinite(found := float(value)):
            return found
    return None
