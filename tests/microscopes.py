"""The smallest valid Nikon ND2 and Leica LIF files, for which no library has a writer."""

import struct
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np

MAGIC = 0x0ABECEDA
LEVEL = 11  # a value that holds others, in Nikon's "lite variant"


def write_nd2(
    path: Path,
    frames: np.ndarray,
    loops: dict[str, int],
    *,
    bits: int,
    um_per_pixel: float | None = None,
    colours: tuple[tuple[int, int, int], ...] = ((255, 255, 255),),
) -> None:
    """Write frames (N, H, W, C) as an ND2 file of version 3.

    `loops`, from the outermost, has the length of T, P and Z; their product is N. The components
    of a pixel are channels of these colours or, if there is one colour, those of one channel.
    """
    count, height, width, components = frames.shape
    size = frames.itemsize
    planes = {
        f"a{i}": {
            "sDescription": f"channel {i}",
            "uiColor": r | g << 8 | b << 16,
            "pFluorescentProbe": {"uiColor": 0},
        }
        for i, (r, g, b) in enumerate(colours)
    }
    chunks = {
        "ImageAttributesLV!": variant(
            SLxImageAttributes={
                "uiWidth": width,
                "uiWidthBytes": width * components * size,
                "uiHeight": height,
                "uiComp": components,
                "uiBpcInMemory": size * 8,
                "uiBpcSignificant": bits,
                "uiSequenceCount": count,
                "eCompression": 2,
            }
        ),
        "ImageMetadataSeqLV|0!": variant(
            SLxPictureMetadata={
                "bCalibrated": um_per_pixel is not None,
                "dCalibration": um_per_pixel or 1.0,
                "sPicturePlanes": {"uiCount": len(planes), "sPlaneNew": planes},
            }
        ),
    }
    if loops:
        chunks["ImageMetadataLV!"] = variant(SLxExperiment=experiment(list(loops.items())))
    for i, frame in enumerate(frames):
        chunks[f"ImageDataSeq|{i}!"] = bytes(8) + frame.tobytes()
    file = chunk("ND2 FILE SIGNATURE CHUNK NAME01!", b"Ver3.0".ljust(64, b"\0"), 32)
    map_ = b""
    for name, data in chunks.items():
        map_ += name.encode() + struct.pack("<QQ", len(file), len(data))
        file += chunk(name, data, 4072)  # readers take this length of names for granted
    map_ += b"ND2 CHUNK MAP SIGNATURE 0000001!" + struct.pack("<Q", len(file))
    path.write_bytes(file + chunk("ND2 FILEMAP SIGNATURE NAME 0001!", map_, 32))


def experiment(loops: list[tuple[str, int]]) -> dict[str, Any]:
    """The outermost of some loops, with those within it."""
    (axis, count), *inner = loops
    kind, others = {
        "T": (1, {"dStart": 0.0, "dPeriod": 1.0, "dDuration": 1.0}),
        "P": (2, {"Points": {f"i{i:010}": {"dPosX": 1.0} for i in range(count)}}),
        "Z": (4, {"dZStep": 1.0}),
    }[axis]
    result = {"eType": kind, "uLoopPars": {"uiCount": count, **others}}
    return result | ({"ppNextLevelEx": {"i0000000000": experiment(inner)}} if inner else {})


def variant(**values: Any) -> bytes:
    """Nested dictionaries as Nikon's "lite variant"."""
    result = b""
    for name, value in values.items():
        kind, data = {
            bool: lambda v: (1, struct.pack("<B", v)),
            int: lambda v: (3, struct.pack("<I", v)),
            float: lambda v: (6, struct.pack("<d", v)),
            str: lambda v: (8, v.encode("utf-16-le") + bytes(2)),
            dict: lambda v: (LEVEL, variant(**v)),
        }[type(value)](value)
        text = (name + "\0").encode("utf-16-le")
        header = struct.pack("<BB", kind, len(name) + 1) + text
        if kind == LEVEL:
            length = len(header) + 12 + len(data)
            data = struct.pack("<IQ", len(value), length) + data + bytes(8 * len(value))
        result += header + data
    return result


def chunk(name: str, data: bytes, room: int) -> bytes:
    """A chunk of an ND2 file, with `room` bytes for its name."""
    return struct.pack("<IIQ", MAGIC, room, len(data)) + name.encode().ljust(room, b"\0") + data


def write_lif(path: Path, images: list[dict[str, Any]]) -> None:
    """Write a LIF file; each image has keyword arguments of lif_image, without its memory."""
    elements, blocks = "", b""
    for i, image in enumerate(images):
        elements += lif_image(memory=f"MemBlock_{i}", **image)
        name = f"MemBlock_{i}".encode("utf-16-le")
        data = image["pixels"].tobytes()
        blocks += struct.pack(
            "<IIBQBI", 0x70, 14 + len(name), 0x2A, len(data), 0x2A, len(name) // 2
        )
        blocks += name + data
    xml = (
        f'<LMSDataContainerHeader Version="2"><Element Name="project" UniqueID="0">'
        f"<Children>{elements}</Children></Element></LMSDataContainerHeader>"
    ).encode("utf-16-le")
    path.write_bytes(struct.pack("<IIBI", 0x70, len(xml) + 5, 0x2A, len(xml) // 2) + xml + blocks)


def lif_image(
    *,
    memory: str,
    name: str,
    pixels: np.ndarray,
    axes: str,
    bits: int,
    luts: tuple[str, ...] = ("Gray",),
    um_per_pixel: float | None = None,
    width: int | None = None,
) -> str:
    """The XML element of an image whose pixels have these axes, of T, Z, C, Y, X and S.

    What is beyond `width`, if that is given, fills up the rows.
    """
    ids = {"X": 1, "Y": 2, "Z": 3, "T": 4, "M": 10}
    steps = dict(zip(axes, pixels.strides, strict=True))
    lengths = dict(zip(axes, pixels.shape, strict=True)) | ({"X": width} if width else {})
    dimensions = "".join(
        f'<DimensionDescription DimID="{ids[axis]}" NumberOfElements="{lengths[axis]}" Origin="0"'
        f' Length="{(um_per_pixel or 0) * 1e-6 * (lengths[axis] - 1)}" Unit="m" BitInc="0"'
        f' BytesInc="{steps[axis]}"/>'
        for axis in ids
        if axis in axes
    )
    tags = {"Red": 1, "Green": 2, "Blue": 3} if "S" in axes else {}
    channels = "".join(
        f'<ChannelDescription DataType="0" ChannelTag="{tags.get(lut, 0)}" Resolution="{bits}"'
        f' NameOfMeasuredQuantity="" Min="0" Max="1" Unit="" LUTName={quoteattr(lut)}'
        f' IsLUTInverted="0" BytesInc="{i * steps.get("S", steps.get("C", 0))}" BitInc="0"/>'
        for i, lut in enumerate(luts)
    )
    return (
        f'<Element Name={quoteattr(name)} UniqueID="{memory}"><Data><Image><ImageDescription>'
        f"<Channels>{channels}</Channels><Dimensions>{dimensions}</Dimensions></ImageDescription>"
        f'</Image></Data><Memory Size="{pixels.nbytes}" MemoryBlockID="{memory}"/></Element>'
    )
