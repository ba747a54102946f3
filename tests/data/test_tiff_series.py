"""The pictures of a TIFF are told from its previews, and from those of other files."""

import numpy as np
import pytest
import tifffile
from scenes import GREY, RGB, picture, shows

from darkfield.data.reading import pictures_of

SCN = "http://www.leica-microsystems.com/scn/2010/10/01"


@pytest.mark.parametrize(
    ("names", "pictures"),
    [
        (["macrophages 1", "macrophages 2"], 2),
        (["labelled 1", "control", "labelled 2"], 3),
        (["slide", "label image", "macro", "a [Overview]"], 1),
        (["slide", "slide_thumbnail", "Preview image"], 1),
    ],
)
def test_previews_are_told_by_whole_words(tmp_path, names, pictures):
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as file:
        for name in names:
            file.write(RGB, photometric="rgb", metadata={"axes": "YXS", "Name": name})
    assert len(pictures_of(path)) == pictures


def of_set(folder, number, known):
    """One of several files that each describe the whole set, as bfconvert writes them."""
    uuids = [f"urn:uuid:0000000{i}-0000-0000-0000-000000000000" for i in range(3)]
    images = "".join(
        f'<Image ID="Image:{i}"><Pixels ID="Pixels:{i}" DimensionOrder="XYCZT" Type="uint8" '
        f'SizeX="96" SizeY="64" SizeC="1" SizeZ="1" SizeT="1" PhysicalSizeX="{i + 1}" '
        f'PhysicalSizeY="{i + 1}"><Channel ID="Channel:{i}:0" SamplesPerPixel="1"/>'
        f'<TiffData IFD="0" PlaneCount="1"><UUID FileName="a{i}.ome.tif">{uuids[i]}</UUID>'
        "</TiffData></Pixels></Image>"
        for i in range(known)
    )
    space = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
    text = f'<?xml version="1.0"?><OME xmlns="{space}" UUID="{uuids[number]}">{images}</OME>'
    path = folder / f"a{number}.ome.tif"
    one = {"photometric": "minisblack", "metadata": None, "description": text}
    tifffile.imwrite(path, GREY // (number + 1), **one)
    return path


@pytest.mark.parametrize("there", [range(3), [1]])
def test_a_file_of_a_set_has_its_own_picture_and_scale(tmp_path, there):
    for number in there:
        of_set(tmp_path, number, 3)
    path = tmp_path / "a1.ome.tif"
    assert pictures_of(path) == [""]
    assert shows(path, GREY // 2, by=0)
    assert picture(path).how.um_per_pixel == 2


def test_a_file_that_describes_others_alone_is_refused(tmp_path):
    of_set(tmp_path, 0, 2)
    with pytest.raises(ValueError, match="describes pictures that are in other files; name those"):
        picture(of_set(tmp_path, 2, 2))


@pytest.mark.parametrize("told", [True, False])
def test_a_leica_scn_is_its_scans_without_the_macro_image(tmp_path, told):
    """The macro image views the whole collection."""
    views = [(100, 300), (40, 40), (40, 40)][: None if told else 2]
    sizes = [(32, 48), (96, 64), (96, 64)]
    images = "".join(
        f'<image name="i{n}"><pixels sizeX="{w}" sizeY="{h}">'
        f'<dimension sizeX="{w}" sizeY="{h}" r="0" ifd="{n}"/></pixels>'
        + (f'<view sizeX="{views[n][0]}" sizeY="{views[n][1]}"/>' if n < len(views) else "")
        + "</image>"
        for n, (w, h) in enumerate(sizes)
    )
    text = (
        f'<?xml version="1.0"?><scn xmlns="{SCN}"><collection sizeX="100" sizeY="300">'
        f"{images}</collection></scn>"
    )
    path = tmp_path / "a.scn"
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        for n, (w, h) in enumerate(sizes):
            pixels = np.full((h, w, 3), 9, np.uint8) if n == 0 else RGB // n
            described = {"description": text} if n == 0 else {}
            file.write(pixels, photometric="rgb", tile=(32, 32), metadata=None, **described)
    if not told:
        with pytest.raises(ValueError, match="cannot be told from its macro image"):
            picture(path)
        return
    assert pictures_of(path) == ["_page001", "_page002"]
    assert shows(path, RGB // 2, "_page002", by=0)
