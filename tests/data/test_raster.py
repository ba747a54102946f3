"""PNG, JPEG, JPEG 2000, WebP, GIF and BMP: as viewers show them, and all of their bits."""

import struct
import zlib

import av
import imagecodecs
import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from scenes import GREY, RGB, picture, shows, stretched

from darkfield.data import raster
from darkfield.data.mask_files import open_mask
from darkfield.data.reading import pictures_of

OPAQUE = np.full_like(GREY, 255)
DEEP = RGB.astype(np.uint16) * 257


def saved(path, pixels, **options):
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(path, **options)
    return path


@pytest.mark.parametrize(
    ("name", "options", "by"),
    [
        ("a.png", {}, 0),
        ("a.bmp", {}, 0),
        ("a.gif", {}, 0),
        ("a.webp", {"lossless": True}, 0),
        ("a.jp2", {}, 0),
        ("a.jpg", {"quality": 100, "subsampling": 0}, 8),
        ("a.tif", {"format": "PNG"}, 0),  # by what it holds
    ],
)
def test_8_bits_are_as_they_are(tmp_path, name, options, by):
    colours = Image.fromarray(RGB).quantize(8) if name == "a.gif" else RGB
    for pixels, expected in ((GREY, GREY), (colours, RGB)):
        path = saved(tmp_path / name, pixels, **options)
        assert shows(path, expected, by=by)
        assert picture(path).how.read == "8 bits"


@pytest.mark.parametrize("codec", ["png", "jpeg2k"])
def test_16_bits_are_kept_whole(tmp_path, codec):
    encode = getattr(imagecodecs, f"{codec}_encode")
    for pixels in (DEEP, DEEP[..., 0].copy()):
        (tmp_path / "a").write_bytes(encode(pixels))
        assert shows(tmp_path / "a", stretched(pixels))
    assert shows(tmp_path / "a", GREY, limits=(0, 65535), by=0)
    (tmp_path / "a").write_bytes(encode(DEEP >> 8))  # whose high bytes are 0
    assert shows(tmp_path / "a", RGB, limits=(0, 255), by=0)


def test_12_bits_of_jpeg_2000_are_stated(tmp_path):
    (tmp_path / "a.jp2").write_bytes(imagecodecs.jpeg2k_encode(DEEP >> 4, bitspersample=12))
    assert shows(tmp_path / "a.jp2", RGB)
    assert picture(tmp_path / "a.jp2").how.read == "0 to 4095 (precision)"


def test_alpha_that_hides_nothing_is_dropped(tmp_path):
    assert shows(saved(tmp_path / "a.png", np.dstack([RGB, OPAQUE])), RGB, by=0)
    assert shows(saved(tmp_path / "a.png", np.dstack([GREY, OPAQUE])), GREY, by=0)
    deep = np.dstack([DEEP, np.full(GREY.shape, 65535, np.uint16)])
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(deep))
    assert shows(tmp_path / "a.png", stretched(DEEP))


def test_what_is_partly_transparent_is_refused(tmp_path):
    path = tmp_path / "a.png"
    deep = np.dstack([DEEP, np.full(GREY.shape, 65534, np.uint16)])
    for write in (
        lambda: saved(path, np.dstack([RGB, GREY])),
        lambda: saved(path, GREY, transparency=20),
        lambda: saved(path, RGB, transparency=(200, 100, 50)),
        lambda: saved(path, Image.fromarray(RGB).quantize(8), transparency=0),
        lambda: saved(path, GREY.astype(np.uint16) * 257, transparency=20 * 257),
        lambda: path.write_bytes(imagecodecs.png_encode(deep)),
    ):
        write()
        with pytest.raises(ValueError, match="is partly transparent; save it without alpha"):
            picture(path)


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png"])
def test_frames_are_pictures(tmp_path, name):
    colours = Image.fromarray(RGB).quantize(8).convert("RGB")
    first, options = Image.new("RGB", colours.size), {"lossless": True} if name == "a.webp" else {}
    saved(tmp_path / name, first, save_all=True, append_images=[colours], **options)
    if name == "a.png":  # is not opened when a folder is listed
        with pytest.raises(ValueError, match="holds 2 pictures; save only the one you mean"):
            picture(tmp_path / name)
        return
    assert pictures_of(tmp_path / name) == ["_t001", "_t002"]
    assert shows(tmp_path / name, np.asarray(colours), "_t002", by=0)


def test_what_cameras_put_behind_a_jpeg_is_no_picture(tmp_path):
    others = [Image.new("RGB", (9, 9))]
    saved(tmp_path / "a.jpg", RGB, format="MPO", save_all=True, append_images=others, quality=100)
    assert shows(tmp_path / "a.jpg", RGB, by=60)


@pytest.mark.parametrize("turn", [1, 3, 6, 8])
def test_turned_as_exif_says(tmp_path, turn):
    exif = Image.Exif()
    exif[0x112] = turn
    found = picture(saved(tmp_path / "a.png", RGB, exif=exif))
    assert (found.image == np.rot90(RGB, {1: 0, 3: 2, 6: -1, 8: 1}[turn])).all()
    assert found.turn == turn


def test_an_orientation_behind_the_pixels_counts(tmp_path):
    exif = Image.Exif()
    exif[0x112] = 6
    data = saved(tmp_path / "a.png", RGB, exif=exif).read_bytes()
    begin = data.index(b"eXIf") - 4
    end = begin + 12 + int.from_bytes(data[begin : begin + 4], "big")
    (tmp_path / "a.png").write_bytes(data[:begin] + data[end:-12] + data[begin:end] + data[-12:])
    assert (picture(tmp_path / "a.png").image == np.rot90(RGB, -1)).all()


def said(name, text):
    info = PngImagePlugin.PngInfo()
    info.add_itxt(name, text)
    return {"pnginfo": info}


@pytest.mark.parametrize(
    ("pixels", "options", "plain"),
    [
        (RGB, {}, True),
        (GREY, said("Software", "anything"), True),
        (RGB, {"icc_profile": imagecodecs.cms_profile("adobergb"), "dpi": (72, 72)}, True),
        (RGB, said("XML:com.adobe.xmp", '<a tiff:Orientation="3"/>'), False),
        (RGB, {"transparency": (1, 2, 3)}, False),
        (np.dstack([RGB, OPAQUE]), {}, False),
        (Image.fromarray(RGB).quantize(8), {}, False),
        (GREY > 100, {}, False),
    ],
)
def test_plain_png_is_what_pillow_makes_of_it(tmp_path, monkeypatch, pixels, options, plain):
    path = saved(tmp_path / "a.png", pixels, **options)
    with Image.open(path) as opened:
        assert bool(raster.plain_png(path, opened)) == plain
    ours = picture(path)
    monkeypatch.setattr(raster, "plain_png", lambda *_: None)
    assert (ours.image == picture(path).image).all()
    assert ours.turn == picture(path).turn


def test_of_a_damaged_png_pillow_says_what_is_wrong(tmp_path):
    path = saved(tmp_path / "a.png", RGB)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    with pytest.raises(ValueError, match="broken data stream when reading image file"):
        picture(path)


def test_inks(tmp_path):
    path = saved(tmp_path / "a.jpg", Image.fromarray(RGB).convert("CMYK"), quality=100)
    assert shows(path, RGB, by=60)


def test_profiles_are_applied(tmp_path):
    adobe = imagecodecs.cms_profile("adobergb")
    path = saved(tmp_path / "a.png", RGB, icc_profile=adobe)
    assert picture(path).image[32, 32].tolist() == pytest.approx([227, 99, 45], abs=3)
    saved(tmp_path / "a.tif", RGB, icc_profile=adobe)
    assert (picture(tmp_path / "a.tif").image == picture(path).image).all()


def test_gamma_is_applied_unless_it_is_that_of_srgb(tmp_path):
    for gamma, expected in ((0.45455, 20), (1.0, 80)):
        info = PngImagePlugin.PngInfo()
        info.add(b"gAMA", int(gamma * 100_000).to_bytes(4, "big"))
        path = saved(tmp_path / "a.png", GREY, pnginfo=info)
        assert picture(path).image[2, 2].tolist() == pytest.approx([expected] * 3, abs=2)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "WEBP", "JPEG2000"])
def test_cut_off_files_are_refused(tmp_path, kind):
    path = saved(tmp_path / "a", RGB, format=kind)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=r"^cannot be read \(.*\); replace it, or remove it$"):
        picture(path)


def bmp(indices, greys, bits, header=40):
    """A BMP of a palette of greys, as Windows writes it, or OS/2 (header 12)."""
    h, w = indices.shape
    rows = [np.packbits(np.unpackbits(r[:, None], axis=1)[:, 8 - bits :]) for r in indices[::-1]]
    data = b"".join(row.tobytes().ljust(-(-len(row) // 4) * 4, b"\0") for row in rows)
    colours = b"".join(bytes([g] * 3 + [0] * (header == 40)) for g in greys)
    start = 14 + header + len(colours)
    size = "HHHH" if header == 12 else "iiHHIIiiII"
    rest = () if header == 12 else (0, len(data), 2835, 2835, len(greys), 0)
    head = struct.pack(f"<I{size}", header, w, h, 1, bits, *rest)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + head + colours + data


MARKS = np.zeros((16, 24), np.uint8)
MARKS[4:9, 3:20] = 1


@pytest.mark.parametrize(
    ("greys", "bits", "header", "right"),
    [
        ((0, 255), 1, 40, True),
        ((0, 255), 4, 40, False),
        ((0, 255), 8, 40, False),
        ((0, 128, 255), 4, 40, True),
        (range(16), 4, 40, False),
        (range(256), 8, 40, True),
        ((0, 255), 1, 12, True),
    ],
)
def test_a_bmp_of_few_greys_is_right_or_refused(tmp_path, greys, bits, header, right):
    """Pillow goes by the number of greys, not by that of the bits."""
    (tmp_path / "a.bmp").write_bytes(bmp(MARKS, greys, bits, header))
    if right:
        shown = np.asarray(greys, np.uint8)[MARKS]
        assert shows(tmp_path / "a.bmp", shown, by=0)
        return
    for read in (picture, open_mask):
        with pytest.raises(ValueError, match=f"is a BMP of {bits} bits with few greys; save it as"):
            read(tmp_path / "a.bmp")


@pytest.mark.parametrize("kind", ["RGBA", "P", "RGB"])
@pytest.mark.parametrize("name", ["a.png", "a.webp"])
def test_a_profile_counts_whatever_the_kind_of_picture(tmp_path, kind, name):
    adobe = imagecodecs.cms_profile("adobergb")
    flat = Image.new("RGB", (8, 8), (200, 100, 50))
    flat = flat.quantize(8) if kind == "P" else flat.convert(kind)
    flat.save(tmp_path / name, icc_profile=adobe, **({"lossless": True} if "w" in name else {}))
    assert picture(tmp_path / name).image[4, 4].tolist() == [227, 100, 42]


def test_a_profile_counts_in_16_bits(tmp_path):
    adobe = imagecodecs.cms_profile("adobergb")
    chunk = b"iCCPx\0\0" + zlib.compress(adobe)
    chunk = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    for alpha in ([], [65535]):
        deep = np.tile(np.array([200 * 257, 100 * 257, 50 * 257, *alpha], np.uint16), (8, 8, 1))
        png = imagecodecs.png_encode(deep)
        (tmp_path / "a.png").write_bytes(png[:33] + chunk + png[33:])
        shown = picture(tmp_path / "a.png", limits=(0, 65535)).image[4, 4]
        assert np.abs(shown.astype(int) - [227, 100, 42]).max() <= 1


def test_an_animation_of_16_bits_is_refused(tmp_path):
    path = tmp_path / "a.apng"
    with av.open(str(path), "w", format="apng") as file:
        stream = file.add_stream("apng", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "gray16be"
        for value in (1000, 2000):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64), value, "u2"), format="gray16le")
            file.mux(stream.encode(frame.reformat(format="gray16be")))
        file.mux(stream.encode(None))
    with pytest.raises(ValueError, match="is an animation of more than 8 bits; save its frames"):
        picture(path)


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_opaque_alpha_of_any_depth_is_dropped(tmp_path, bits):
    top = 2**bits - 1
    pixels = np.dstack([DEEP >> (16 - bits), np.full(GREY.shape, top, np.uint16)])
    (tmp_path / "a.jp2").write_bytes(imagecodecs.jpeg2k_encode(pixels, bitspersample=bits))
    assert picture(tmp_path / "a.jp2").image.shape == RGB.shape
    pixels[0, 0, 3] = top - 1
    (tmp_path / "a.jp2").write_bytes(imagecodecs.jpeg2k_encode(pixels, bitspersample=bits))
    with pytest.raises(ValueError, match="partly transparent"):
        picture(tmp_path / "a.jp2")
