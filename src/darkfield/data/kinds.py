"""What kind of file a picture is, by its first bytes and never by its name."""

import os
from pathlib import Path
from types import MappingProxyType

MAGIC = (  # kind, offset, bytes
    ("png", 0, b"\x89PNG\r\n\x1a\n"),
    ("jpeg", 0, b"\xff\xd8\xff"),
    ("gif", 0, b"GIF8"),
    ("bmp", 0, b"BM"),
    ("webp", 8, b"WEBP"),
    ("film", 20, b"mjp2"),  # a film of JPEG 2000
    ("jpeg2000", 4, b"jP  \r\n\x87\n"),
    ("jpeg2000", 0, b"\xff\x4f\xff\x51"),
    ("raw", 8, b"CR\x02\0"),  # Canon's CR2 begins like a TIFF
    ("tiff", 0, b"II*\0"),
    ("tiff", 0, b"MM\0*"),
    ("tiff", 0, b"II+\0"),
    ("tiff", 0, b"MM\0+"),
    ("czi", 0, b"ZISRAWFILE"),
    ("nd2", 0, b"\xda\xce\xbe\x0a"),
    ("lif", 0, b"\x70\0\0\0"),
    ("avif", 4, b"ftypavif"),
    ("avif", 4, b"ftypavis"),
    ("avif", 16, b"avif"),  # among the other brands
    ("avif", 20, b"avif"),
    ("heif", 4, b"ftypheic"),
    ("heif", 4, b"ftypheix"),
    ("heif", 4, b"ftyphevc"),
    ("heif", 4, b"ftypmif1"),
    ("heif", 4, b"ftypmsf1"),
    ("raw", 4, b"ftypcrx "),
    ("raw", 0, b"IIRO"),  # Olympus
    ("raw", 0, b"IIRS"),
    ("raw", 0, b"MMOR"),
    ("raw", 0, b"IIU\0"),  # Panasonic
    ("raw", 0, b"FUJIFILMCCD-RAW"),
    ("raw", 0, b"FOVb"),  # Sigma
    ("raw", 0, b"\0MRM"),  # Minolta
    ("film", 4, b"ftyp"),  # MP4, MOV
    ("film", 4, b"moov"),
    ("film", 4, b"mdat"),
    ("film", 4, b"wide"),
    ("film", 4, b"free"),
    ("film", 8, b"AVI "),
    ("film", 0, b"\x1aE\xdf\xa3"),  # Matroska, WebM
    ("film", 0, b"\0\0\1\xba"),  # MPEG
    ("film", 0, b"G@"),  # MPEG transport stream
    ("film", 0, b"0&\xb2u\x8ef\xcf\x11"),  # WMV
    ("film", 0, b"FLV\1"),
    ("film", 0, b"OggS"),
    ("dicom", 128, b"DICM"),
    ("photoshop", 0, b"8BPS"),
    ("jpegxl", 0, b"\xff\x0a"),
    ("jpegxl", 4, b"JXL \r\n\x87\n"),
    ("pdf", 0, b"%PDF"),
    ("svg", 0, b"<svg"),
    ("svg", 0, b"<?xml"),
    ("jpeg xl", 0, b"\xff\x0a"),
    ("jpeg xl", 4, b"JXL "),
    ("ole", 0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    ("oir", 0, b"OLYMPUSRAWFORMAT"),
    ("fits", 0, b"SIMPLE  ="),
    ("hdf5", 0, b"\x89HDF\r\n\x1a\n"),
    ("numpy", 0, b"\x93NUMPY"),
)
REMEDY = "replace it, or remove it"
OLD_ND2 = b"LABORATORY IMAGING ND BOX MAP 00"  # at the end of a JPEG 2000
READ = ("png", "jpeg", "gif", "bmp", "webp", "avif", "jpeg2000", "tiff")
KNOWN = "not a PNG, TIFF, JPEG, BMP, GIF, WebP, AVIF or JPEG 2000"
EXTRA = MappingProxyType(  # read by a package of darkfield[microscopes]
    {
        "czi": ("a Zeiss CZI file", "pylibCZIrw"),
        "nd2": ("a Nikon ND2 file", "nd2"),
        "lif": ("a Leica LIF file", "liffile"),
        "heif": ("a HEIF picture", "pi_heif"),
        "film": ("a film", "av"),
    }
)
OTHERS = MappingProxyType(
    {
        "raw": "a camera's raw file; develop it and save it as TIFF",
        "dicom": "a DICOM file; save it as TIFF",
        "photoshop": "a Photoshop file; save it as TIFF or PNG",
        "jpegxl": "a JPEG XL picture; save it as PNG",
        "pdf": "a PDF file; save its picture as PNG",
        "svg": "an SVG or another XML file; save its picture as PNG",
        "jpeg xl": "a JPEG XL picture; save it as TIFF or PNG",
        "old nd2": "an ND2 file of NIS-Elements 2 or older; export it as TIFF",
        "ole": "a Zeiss ZVI, Olympus OIB or another OLE file; export it as OME-TIFF",
        "oir": "an Olympus OIR file; export it as OME-TIFF",
        "fits": "a FITS file; save it as TIFF",
        "hdf5": "an HDF5 file; export its picture as TIFF",
        "numpy": "a NumPy array; save it as TIFF",
    }
)


def kind(path: Path) -> str:
    """The kind of a file: of READ, EXTRA or OTHERS, else "empty" or "unknown".

    Raises OSError if the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(256)
        file.seek(-min(40, file.seek(0, os.SEEK_END)), os.SEEK_END)
        tail = file.read()
    if not head:
        return "empty"
    if OLD_ND2 in tail:
        return "old nd2"
    found = (name for name, at, magic in MAGIC if head[at : at + len(magic)] == magic)
    return next(found, "unknown")


def refusal(name: str) -> str:
    """Why a file of this kind is not read, and what to do: what follows "PATH: "."""
    if name in EXTRA:
        return f"is {EXTRA[name][0]}; pip install 'darkfield[microscopes]' reads it"
    if name in OTHERS:
        return f"is {OTHERS[name]}"
    if name == "empty":
        return f"is empty (0 bytes); {REMEDY}"
    what = f"a damaged {name.upper()} file" if name in READ else KNOWN
    return f"cannot be read ({what}); {REMEDY}"
