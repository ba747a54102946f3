"""PNG, JPEG, JPEG 2000, WebP, GIF and BMP: as viewers show them, and all of their bits."""

import imagecodecs
import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from scenes import GREY, RGB, picture, shows, stretched

from darkfield.data import raster
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
