"""PNG, JPEG, BMP, WebP, AVIF, GIF, JPEG 2000: by Pillow; plain PNG and more bits by imagecodecs."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from darkfield.data.axes import Channel, Scene, Unclear
from darkfield.data.colour import to_srgb, turned
from darkfield.data.kinds import REMEDY, kind, refusal

MOST_PIXELS = 120_000_000
Image.MAX_IMAGE_PIXELS = MOST_PIXELS // 2  # Pillow warns above this, and refuses twice as many
warnings.simplefilter("ignore", Image.DecompressionBombWarning)
FORMATS = ("PNG", "TIFF", "JPEG", "BMP", "GIF", "WEBP", "AVIF", "JPEG2000")  # whatever the name
ORIENTATION = 0x112
SRGB_GAMMA = 0.45455  # as gAMA chunks have it
TOO_LARGE = f"has more than {MOST_PIXELS:,} pixels; cut it into parts"
TRANSPARENT = "is partly transparent; save it without alpha"
# What Pillow notes of the chunks that it would apply, or that may hold an orientation.
NOT_PLAIN = ("transparency", "interlace", "exif", "xmp", "XML:com.adobe.xmp")
RAW_EXIF = "Raw profile type "  # as ImageMagick writes it, with "exif" or "APP1" behind it
LAST = b"\0\0\0\0IEND\xaeB`\x82"  # the chunk that ends a PNG


@contextmanager
def opened(path: Path) -> Iterator[list[Scene]]:
    """The only scene of a file; its axis "t" are the frames of an animation.

    Raises ValueError with the reason and the remedy if the file cannot be read.
    """
    with explained(path):
        picture = Image.open(path, formats=FORMATS)
        refuse_misread(path, picture)
        frames = frames_of(picture)
        deep, bits = is_deep(picture), 0
        if picture.format == "JPEG2000":
            bits = precision(path)
            deep = bits > 8
        if deep and frames > 1:
            raise Unclear("is an animation of more than 8 bits; save its frames as files")
        plain = plain_png(path, picture)
        turn = 1 if plain else picture.getexif().get(ORIENTATION, 1)

    def plane(at: Mapping[str, int]) -> np.ndarray:
        with explained(path):
            if deep:
                return brightened(turned(decoded_whole(path, bits or 16), turn), picture)
            if plain and (pixels := decoded_plain(plain)) is not None:
                return brightened(pixels, picture)
            picture.seek(at.get("t", 0))
            picture.load()
            return brightened(pixels_of(ImageOps.exif_transpose(picture)), picture)

    with picture:
        yield [
            Scene(
                {"t": frames} if frames > 1 else {},
                plane,
                (Channel(limits=(0, 2**bits - 1)),) if 8 < bits < 16 else (),
                "precision" if 8 < bits < 16 else "",
                turn=turn,
                # Inks are converted as they are decoded.
                icc=None if picture.mode in ("CMYK", "LAB") else picture.info.get("icc_profile"),
            )
        ]


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn whatever a decoder raises about a file into a ValueError: reason and remedy."""
    try:
        yield
    except (MemoryError, Unclear):  # the first is about the machine, not the picture
        raise
    except Image.DecompressionBombError:
        raise ValueError(TOO_LARGE) from None
    except UnidentifiedImageError as error:
        raise ValueError(refusal(kind(path))) from error
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror or error}); {REMEDY}") from error
    except Exception as error:  # decoders raise nearly anything on broken files
        reason = " ".join(str(error).split())
        raise ValueError(f"cannot be read ({reason}); {REMEDY}") from error


def refuse_misread(path: Path, picture: Image.Image) -> None:
    """Raise Unclear for a BMP whose greys Pillow takes for as many bits as there are greys."""
    if picture.format == "BMP" and picture.mode in ("1", "L"):
        with path.open("rb") as file:
            head = file.read(30)
        at = 24 if head[14] == 12 else 28  # in the header of OS/2, and of Windows
        bits = int.from_bytes(head[at : at + 2], "little")
        if bits != (1 if picture.mode == "1" else 8):
            raise Unclear(f"is a BMP of {bits} bits with few greys; save it as PNG")


def frames_of(picture: Image.Image) -> int:
    """The frames of an opened picture: what cameras put behind a JPEG (MPO) is none of them."""
    return 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)


def is_deep(picture: Image.Image) -> bool:
    """Whether a PNG, not yet decoded, has 16 bits per channel, of which Pillow may keep 8."""
    tiles = getattr(picture, "tile", [])
    return picture.format == "PNG" and any(";16" in str(tile.args) for tile in tiles)


def plain_png(path: Path, picture: Image.Image) -> bytes | None:
    """The bytes of a PNG, not yet decoded, that is to be decoded and no more; None of any other.

    It has 8 bits, grey or RGB, no alpha, no orientation, and nothing behind its pixels.
    """
    tiles = getattr(picture, "tile", [])
    noted = any(k in NOT_PLAIN or str(k).startswith(RAW_EXIF) for k in picture.info)
    if picture.format != "PNG" or frames_of(picture) > 1 or len(tiles) != 1 or noted:
        return None
    if tiles[0].args not in ("L", "RGB"):
        return None
    data, at = path.read_bytes(), tiles[0].offset - 8
    while data[at + 4 : at + 8] == b"IDAT":
        at += int.from_bytes(data[at : at + 4], "big") + 12
    return data if data[at:] == LAST else None


def decoded_plain(data: bytes) -> np.ndarray | None:
    """A PNG of `plain_png`: uint8 (H, W) or RGB (H, W, 3). None if it is damaged.

    It is 1.5 times as fast as Pillow, which is left to say what is wrong.
    """
    import imagecodecs

    with suppress(Exception):  # decoders raise nearly anything on broken files
        pixels: np.ndarray = imagecodecs.png_decode(data)
        return pixels
    return None


def precision(path: Path) -> int:
    """The bits of the first component of a JPEG 2000: ISO 15444-1, A.5.1; 8 if it is damaged."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
    at = head.find(b"\xff\x4f\xff\x51")
    return (head[at + 42] & 0x7F) + 1 if 0 <= at < len(head) - 42 else 8


def decoded_whole(path: Path, bits: int = 16) -> np.ndarray:
    """A PNG or JPEG 2000 of more than 8 bits: uint16 (H, W) or RGB (H, W, 3)."""
    import imagecodecs

    decode = imagecodecs.png_decode if kind(path) == "png" else imagecodecs.jpeg2k_decode
    pixels = decode(path.read_bytes())
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        refuse_transparent(pixels[..., -1], 2**bits - 1)
        pixels = pixels[..., :-1]
    with Image.open(path) as picture:
        clear = picture.info.get("transparency")
    if clear is not None and (pixels == clear).reshape(*pixels.shape[:2], -1).all(axis=2).any():
        raise Unclear(TRANSPARENT)
    return pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels


def brightened(pixels: np.ndarray, picture: Image.Image) -> np.ndarray:
    """Whole numbers with the gamma of their PNG, if another than that of sRGB, made that of sRGB.

    As in the PNG specification (third edition, 13.13), a profile or an sRGB chunk takes precedence.
    """
    gamma = picture.info.get("gamma")
    if not gamma or abs(gamma - SRGB_GAMMA) < 0.01 or {"srgb", "icc_profile"} & {*picture.info}:
        return pixels
    top = np.iinfo(pixels.dtype).max
    shares = np.linspace(0, 1, top + 1) ** (SRGB_GAMMA / gamma)
    curve: np.ndarray = np.rint(top * shares).astype(pixels.dtype)
    result: np.ndarray = curve[pixels]
    return result


def refuse_large(height: int, width: int) -> None:
    """Raise Unclear for a picture of more than MOST_PIXELS, before it is decoded."""
    if height * width > MOST_PIXELS:
        raise Unclear(TOO_LARGE)


def refuse_transparent(alpha: np.ndarray, opaque: int | None = None) -> None:
    """Raise Unclear if an alpha channel, of integers or 0 to 1, hides anything."""
    if opaque is None:
        opaque = np.iinfo(alpha.dtype).max if alpha.dtype.kind in "ui" else 1
    if alpha.min() < opaque:
        raise Unclear(TRANSPARENT)


def opaque(picture: Image.Image) -> Image.Image:
    """A decoded picture without its alpha channel; raises Unclear if that hides anything."""
    if not picture.has_transparency_data:
        return picture
    rgba = (picture.convert("LA") if picture.mode == "La" else picture).convert("RGBA")
    refuse_transparent(np.asarray(rgba.getchannel("A")))
    return rgba.convert("L" if picture.mode in ("LA", "La") else "RGB")


def pixels_of(picture: Image.Image) -> np.ndarray:
    """A decoded picture of 8 bits as it is shown: uint8 (H, W) or RGB (H, W, 3).

    Raises Unclear for one that is partly transparent, or of a mode that we do not know.
    """
    picture = opaque(picture)
    match picture.mode:
        case "L" | "RGB":
            return np.asarray(picture)
        case "1":
            return np.asarray(picture.convert("L"))
        case "P" | "PA" | "YCbCr" | "LA":
            return np.asarray(picture.convert("RGB"))
        case "CMYK" | "LAB":
            return np.asarray(to_srgb(picture, picture.info.get("icc_profile")))
    raise Unclear(f"is a {picture.mode} picture; save it as RGB")
