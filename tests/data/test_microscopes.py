"""The extra darkfield[microscopes] and files of its kinds without it; kinds that nothing reads."""

import struct

import numpy as np
import pytest
from microscopes import write_lif

from darkfield.data import reading
from darkfield.data.exact import read_exact
from darkfield.data.images import open_image
from darkfield.data.reading import pictures_of, read_raw

STARTS = {
    "a.czi": (b"ZISRAWFILE".ljust(600, b"\0"), "a Zeiss CZI file"),
    "a.nd2": (b"\xda\xce\xbe\x0a".ljust(600, b"\0"), "a Nikon ND2 file"),
    "a.lif": (b"\x70\0\0\0\x20\0\0\0\x2a".ljust(600, b"\0"), "a Leica LIF file"),
    "a.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIF picture"),
    "a.mp4": (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2", "a film"),
    "a.mov": (b"\0\0\0\x08wide\0\0\0\x08mdat", "a film"),
    "a.avi": (b"RIFF\0\0\0\0AVI LIST", "a film"),
    "a.mkv": (b"\x1aE\xdf\xa3\xa3B\x86\x81", "a film"),
}
OTHERS = {
    "a.raf": (b"FUJIFILMCCD-RAW 0201", "a camera's raw file; develop it and save it as TIFF"),
    "a.svg": (b"<svg xmlns='x'/>", "an SVG or another XML file; save its picture as PNG"),
    "a.zvi": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "a Zeiss ZVI, Olympus OIB or another OLE file; export it as OME-TIFF",
    ),
    "old.nd2": (
        struct.pack(">I4s4s", 12, b"jP  ", b"\r\n\x87\n")
        + b"LABORATORY IMAGING ND BOX MAP 00"
        + bytes(8),
        "an ND2 file of NIS-Elements 2 or older; export it as TIFF",
    ),
}


@pytest.mark.parametrize("name", STARTS)
def test_without_the_extra_its_name_and_the_format_are_told(tmp_path, monkeypatch, name):
    monkeypatch.setattr(reading, "find_spec", lambda _: None)
    start, what = STARTS[name]
    path = tmp_path / "a.png"  # the contents tell the kind, not the name
    path.write_bytes(start)
    assert pictures_of(path) == [""]
    with pytest.raises(ValueError, match="microscopes") as error:
        read_raw(path)
    assert str(error.value) == f"is {what}; pip install 'darkfield[microscopes]' reads it"


@pytest.mark.parametrize("name", STARTS)
def test_with_it_a_file_of_nothing_but_a_start_is_refused_in_a_line(tmp_path, capfd, name):
    (tmp_path / name).write_bytes(STARTS[name][0])
    with pytest.raises(ValueError, match=r"^(cannot be read|holds)") as error:
        read_raw(tmp_path / name)
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", OTHERS)
def test_other_kinds_are_refused_with_the_remedy(tmp_path, name):
    start, words = OTHERS[name]
    (tmp_path / name).write_bytes(start)
    with pytest.raises(ValueError, match=r"^is an? ") as error:
        read_raw(tmp_path / name)
    assert str(error.value) == f"is {words}"


@pytest.mark.parametrize("read_mask", [open_image, read_exact])
def test_a_mask_of_these_kinds_is_refused_with_the_remedy(tmp_path, read_mask):
    write_lif(
        tmp_path / "a.lif",
        [{"name": "a", "pixels": np.ones((8, 6), np.uint8), "axes": "YX", "bits": 8}],
    )
    with pytest.raises(ValueError, match=r"^is a Leica LIF file, and no mask; save its classes"):
        read_mask(tmp_path / "a.lif")
