"""What TIFFs say of their range and scale is found, whoever wrote it, and nothing is made up."""

import numpy as np
import pytest
import tifffile
from scenes import GREY, RGB, picture, shows, stretched

from darkfield.data.tiff_says import of_ome

DEEP = GREY.astype(np.uint16) * 16  # 12 bits
ONE = {"photometric": "minisblack"}
SQUARE = {"resolution": (10, 10)}  # pixels per unit


@pytest.fixture
def read(tmp_path):
    def write(array, **options):
        tifffile.imwrite(tmp_path / "a.tif", array, **(ONE | options))
        return picture(tmp_path / "a.tif")

    return write


def ome(**metadata):
    return {"ome": True, "metadata": {"axes": "YX", **metadata}}


def imagej(**metadata):
    return {"imagej": True, "metadata": metadata}


def largest(value):
    return {"extratags": [(281, 3, 1, value, True)]}


@pytest.mark.parametrize(
    ("options", "source"),
    [
        (ome(SignificantBits=12), "SignificantBits"),
        (imagej(min=0, max=4095), "ImageJ display range"),
        ({"metadata": None, **largest(4095)}, "MaxSampleValue"),
    ],
)
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_the_range_that_the_file_states(read, options, source, byteorder):
    found = read(DEEP, byteorder=byteorder, **options)
    assert found.how.read == f"0 to 4095 ({source})"
    assert found.how.limits is None
    assert np.abs(found.image[..., 0].astype(int) - GREY).max() <= 1


@pytest.mark.parametrize(
    "options",
    [
        ome(SignificantBits=16),  # written by programs that do not know better
        imagej(min=0, max=65535),
        {"metadata": None, **largest(65535)},
        {"metadata": None, **largest(3200)},  # the largest value of this picture
    ],
)
def test_what_says_nothing_of_the_camera_is_not_taken_for_a_range(read, options):
    found = read(DEEP, **options)
    assert found.how.limits == (320, 3200)
    assert (found.image[..., 0] == stretched(GREY)).all()


def test_8_bits_are_never_stretched(read):
    assert (read(GREY, **imagej(min=50, max=100)).image[..., 0] == GREY).all()


def test_a_range_of_values_whose_lowest_is_white(read):
    found = read(65535 - DEEP, photometric="miniswhite", **imagej(min=65535 - 4095, max=65535))
    assert np.abs(found.image[..., 0].astype(int) - GREY).max() <= 1


def test_a_range_for_each_channel(tmp_path):
    planes = np.stack([RGB[..., c].astype(np.uint16) * (c + 1) for c in range(3)])
    ranges = {"axes": "CYX", "Ranges": (0.0, 255.0, 0.0, 510.0, 0.0, 765.0)}
    tifffile.imwrite(tmp_path / "a.tif", planes, imagej=True, metadata=ranges)
    assert shows(tmp_path / "a.tif", RGB, by=0)


def lookup(*colour):
    return np.stack([np.arange(256, dtype=np.uint8) * c for c in colour])


def test_colours_of_channels(tmp_path):
    planes = np.stack([RGB[..., c] for c in (2, 1, 0)])
    tables = [lookup(0, 0, 1), lookup(0, 1, 0), lookup(1, 0, 0)]
    of_imagej = {"axes": "CYX", "mode": "composite", "LUTs": tables}
    tifffile.imwrite(tmp_path / "a.tif", planes, imagej=True, metadata=of_imagej)
    assert shows(tmp_path / "a.tif", RGB, by=0)
    colours = {"Name": ["DAPI", "FITC", "Cy5"], "Color": [0x0000FFFF, 0x00FF00FF, -16776961]}
    of_ome = {"axes": "CYX", "Channel": colours}
    tifffile.imwrite(tmp_path / "a.tif", planes, ome=True, metadata=of_ome, **ONE)
    assert shows(tmp_path / "a.tif", RGB, by=0)
    assert shows(tmp_path / "a.tif", RGB[..., 0], by=0, channels=("Cy5",))


def size(unit, side=0.1, other=None):
    sizes = {"X": side, "Y": other or side}
    return ome(
        **{f"PhysicalSize{axis}": value for axis, value in sizes.items()},
        **{f"PhysicalSize{axis}Unit": unit for axis in sizes},
    )


@pytest.mark.parametrize(
    ("options", "um", "source"),
    [
        (size("µm"), 0.1, "OME PhysicalSizeX"),
        (size("nm", 65), 0.065, "OME PhysicalSizeX"),
        (size("mm", 1e-4), 0.1, "OME PhysicalSizeX"),
        (imagej(unit="um") | SQUARE, 0.1, "ImageJ unit"),
        (imagej(unit="\\u00B5m") | SQUARE, 0.1, "ImageJ unit"),
        (imagej(unit="micron") | SQUARE, 0.1, "ImageJ unit"),
        (imagej(unit="nm") | {"resolution": (0.01, 0.01)}, 0.1, "ImageJ unit"),
        (imagej(unit="inch") | SQUARE, None, ""),  # never from dots per inch
        (imagej(unit="pixel") | SQUARE, None, ""),
        (imagej() | SQUARE, None, ""),
        (size("pixel"), None, ""),
        (ome(), None, ""),
        ({"resolution": (300, 300), "resolutionunit": "INCH"}, None, ""),
        ({"resolution": (1e5, 1e5), "resolutionunit": "CENTIMETER"}, None, ""),
    ],
)
def test_micrometres_per_pixel(read, options, um, source):
    how = read(GREY, **options).how
    assert how.um_per_pixel == pytest.approx(um)
    assert how.um_from == source


def test_pixels_that_are_not_square_are_refused(read):
    with pytest.raises(ValueError, match=r"has pixels of 0\.1 x 0\.2 micrometres; resample it"):
        read(GREY, **size("µm", 0.1, 0.2))
    assert read(GREY, **size("µm", 0.1, 0.1005)).how.um_per_pixel == 0.1


def test_micro_manager(tmp_path):
    told = '{"BitDepth": 12, "PixelSizeUm": 0.065}'
    tags = [(51123, 2, None, told, True)]
    tifffile.imwrite(tmp_path / "a.tif", DEEP, metadata=None, extratags=tags, **ONE)
    found = picture(tmp_path / "a.tif")
    assert found.how.read == "0 to 4095 (Micro-Manager BitDepth)"
    assert (found.how.um_per_pixel, found.how.um_from) == (0.065, "PixelSizeUm")


def test_fewer_bits_than_the_type_has(tmp_path):
    """4 bits, packed by hand, since tifffile writes none."""
    path = tmp_path / "a.tif"
    nibbles = GREY >> 4
    tifffile.imwrite(path, (nibbles[:, ::2] << 4) | nibbles[:, 1::2], metadata=None, **ONE)
    with tifffile.TiffFile(path, mode="r+b") as file:
        tags = file.pages[0].tags
        tags["ImageWidth"].overwrite(96)
        tags["BitsPerSample"].overwrite(4)
    found = picture(path)
    assert found.how.read == "0 to 15 (BitsPerSample)"
    assert (found.image[..., 0] == nibbles * 17).all()


@pytest.mark.parametrize(
    ("dtype", "bits"), [("f4", 32), ("f8", 64), ("i1", 8), ("i2", 16), ("i4", 32)]
)
def test_bits_say_nothing_of_where_signed_values_and_fractions_lie(read, dtype, bits):
    values = (GREY // 2 if dtype == "i1" else DEEP).astype(dtype)
    found = read(values, **ome(SignificantBits=bits))
    assert "SignificantBits" not in found.how.read
    assert np.abs(found.image[..., 0].astype(int) - stretched(values)).max() <= 1


def test_an_image_of_ome_has_its_own_scale_whatever_stands_before_it(tmp_path):
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as file:
        for name, um in (("macro image", 16), ("slide", 0.25)):
            size = {"PhysicalSizeX": um, "PhysicalSizeY": um}
            file.write(RGB, photometric="rgb", metadata={"axes": "YXS", "Name": name, **size})
    assert picture(path).how.um_per_pixel == 0.25


@pytest.mark.parametrize(
    ("places", "known"),
    [
        (("", ""), None),  # either image may have the page
        (('IFD="0"', 'IFD="1"'), 1),
        (('IFD="1"', 'IFD="0"'), 2),
        (('IFD="1" PlaneCount="2"', 'IFD="0" PlaneCount="1"'), 2),
        (('IFD="7"', 'IFD="8"'), None),
    ],
)
def test_the_image_of_ome_that_a_page_belongs_to(places, known):
    images = "".join(
        f'<Image><Pixels PhysicalSizeX="{um}" PhysicalSizeY="{um}"><TiffData {place}/></Pixels>'
        "</Image>"
        for um, place in enumerate(places, 1)
    )
    assert of_ome(f"<OME>{images}</OME>", 0).um_per_pixel == known
