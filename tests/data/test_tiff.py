"""TIFFs as microscopes and programs write them: shown as by a viewer, or refused in one line."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image
from scenes import GREY, RGB, picture, shows, stretched

from darkfield.data.colour import turned
from darkfield.data.reading import pictures_of

DEEP = GREY.astype(np.uint16) * 16  # 12 bits
STACK = np.stack([GREY // 4, GREY, GREY // 2])
PLANES = RGB.transpose(2, 0, 1)
ONE = {"photometric": "minisblack"}
COLOUR = {"photometric": "rgb"}


@pytest.fixture
def tif(tmp_path):
    def write(array, **options):
        tifffile.imwrite(tmp_path / "a.tif", array, **options)
        return tmp_path / "a.tif"

    return write


@pytest.mark.parametrize(
    "options",
    [
        {"byteorder": ">"},
        {"byteorder": ">", "bigtiff": True},
        {"compression": "zlib", "tile": (32, 32)},
        {"compression": "lzw", "rowsperstrip": 7},
        {"compression": "zstd", "byteorder": ">", "tile": (16, 32)},
        {"compression": "lzma"},
        {"compression": "packbits", "rowsperstrip": 7},
    ],
)
def test_every_layout_of_8_bits_is_as_it_is(tif, options):
    assert shows(tif(GREY, **ONE, **options), GREY, by=0)
    assert shows(tif(RGB, **COLOUR, **options), RGB, by=0)
    assert shows(tif(PLANES, **COLOUR, planarconfig="separate", **options), RGB, by=0)


@pytest.mark.parametrize("compression", ["jpegxl", "jpeg2000", "webp", "png", "lerc"])
def test_compressions_that_pillow_does_not_know(tif, compression):
    assert shows(tif(RGB, **COLOUR, compression=compression), RGB, by=0)


@pytest.mark.parametrize("compression", ["zlib", "lzw"])
def test_predictors(tif, compression):
    assert shows(tif(RGB, **COLOUR, compression=compression, predictor=2), RGB)
    floats = GREY / np.float32(255)
    path = tif(floats, **ONE, compression=compression, predictor=3)
    assert shows(path, stretched(GREY))


def test_jpeg_in_tiff(tif, tmp_path):
    assert shows(tif(GREY, **ONE, compression="jpeg"), GREY, by=40)
    picture = Image.fromarray(np.repeat(np.repeat(RGB, 4, axis=0), 4, axis=1))
    picture.save(tmp_path / "b.tif", compression="jpeg", quality=95)
    assert shows(tmp_path / "b.tif", np.asarray(picture), by=70)


WHITE = {"photometric": "miniswhite"}


@pytest.mark.parametrize(
    ("array", "options", "expected"),
    [
        (255 - GREY, WHITE, GREY),
        (~(GREY.astype(np.uint16) * 257), WHITE, stretched(GREY)),
        (~(GREY.astype(np.uint32) << 20), WHITE, stretched(GREY)),
        (-GREY.astype(np.float32), WHITE, stretched(GREY)),
        (-GREY.astype(np.int16), WHITE, stretched(GREY)),
        (GREY < 100, WHITE, (GREY >= 100) * np.uint8(255)),
        (GREY > 100, ONE, (GREY > 100) * np.uint8(255)),
        ((GREY // 2).astype(np.int8), ONE, stretched(GREY)),
        (GREY.astype(np.int16) - 100, ONE, stretched(GREY)),
        (GREY.astype(np.int32) * -1000, WHITE, stretched(GREY)),
        (GREY.astype(np.int64), ONE, stretched(GREY)),
        (GREY.astype(np.uint64), ONE, stretched(GREY)),
        (GREY.astype(np.float16), ONE, stretched(GREY)),
        (GREY / 255, ONE, stretched(GREY)),
        (RGB / np.float32(255), COLOUR, stretched(RGB)),
        (RGB.astype(np.uint16) * 257, COLOUR, stretched(RGB)),
    ],
)
def test_values_of_every_type(tif, array, options, expected):
    assert shows(tif(array, **options), expected)


def test_16_bits_one_channel_after_the_other_are_like_the_interleaved(tif):
    deep = RGB.astype(np.uint16) * 257
    whole = picture(tif(deep, **COLOUR), limits=(0, 65535)).image
    assert (whole == RGB).all()
    planar = tif(deep.transpose(2, 0, 1), **COLOUR, planarconfig="separate")
    assert (picture(planar, limits=(0, 65535)).image == RGB).all()


def test_fractions_that_are_no_numbers(tif):
    floats = GREY / np.float32(255)
    floats[0, :3] = np.nan, np.inf, -np.inf
    image = picture(tif(floats, **ONE)).image[..., 0]
    assert image[0, :3].tolist() == [0, 255, 0]
    assert (image[1:] == stretched(GREY)[1:]).all()
    with pytest.raises(ValueError, match="holds no finite value"):
        picture(tif(floats * np.nan, **ONE))


def test_palettes(tif):
    ramp = np.arange(256, dtype=np.uint16)
    palette = np.stack([ramp * 257, ramp * 0, ramp * 0])
    expected = RGB * np.uint8([1, 0, 0])
    assert shows(tif(GREY, photometric="palette", colormap=palette), expected, by=0)
    # Some programs write palettes of 8 bits.
    assert shows(tif(GREY, photometric="palette", colormap=palette >> 8), expected, by=0)


def test_inks_and_other_colours(tmp_path):
    for mode, by in (("CMYK", 0), ("YCbCr", 3), ("LAB", 3)):
        Image.fromarray(RGB).convert(mode).save(tmp_path / "a.tif")
        assert shows(tmp_path / "a.tif", RGB, by=by)


def test_alpha(tif):
    opaque, half = np.full_like(GREY, 255), np.full_like(GREY, 128)
    alpha = {"extrasamples": ["unassalpha"]}
    assert shows(tif(np.dstack([RGB, opaque]), **COLOUR, **alpha), RGB, by=0)
    contiguous = {"planarconfig": "contig", **alpha}
    assert shows(tif(np.dstack([GREY, opaque]), **ONE, **contiguous), GREY, by=0)
    with pytest.raises(ValueError, match="is partly transparent; save it without alpha"):
        picture(tif(np.dstack([RGB, half]), **COLOUR, **alpha))
    with pytest.raises(ValueError, match="holds 4 samples per pixel; save it as grey or RGB"):
        picture(tif(np.dstack([RGB, half]), **COLOUR, extrasamples=["unspecified"]))


def test_samples_without_a_meaning_are_channels(tif):
    two = tif(RGB[..., :2], **ONE, planarconfig="contig")
    with pytest.raises(ValueError, match=r"holds 2 channels, .* --channels 1 or --channels 3,2,1$"):
        picture(two)
    assert shows(two, RGB[..., 1], channels=(2,), by=0)
    assert shows(tif(RGB, **ONE, planarconfig="contig"), RGB, by=0)


@pytest.mark.parametrize("turn", range(1, 9))
def test_orientation(tif, turn):
    path = tif(RGB, **COLOUR, extratags=[(274, 3, 1, turn, True)])
    exif = Image.Exif()
    exif[274] = turn
    file = io.BytesIO()
    Image.fromarray(RGB).save(file, "PNG", exif=exif)
    path.with_suffix(".png").write_bytes(file.getvalue())
    assert (picture(path).image == picture(path.with_suffix(".png")).image).all()
    assert picture(path).turn == turn


@pytest.mark.parametrize("kind", [{"imagej": True}, {"ome": True}, {}])
def test_channels_planes_and_time_points(tif, kind):
    axes = {"metadata": {"axes": "TZCYX"}, **ONE, **kind}
    path = tif(np.stack([np.stack([PLANES // 2, PLANES]), np.stack([PLANES, PLANES])]), **axes)
    assert pictures_of(path) == ["_t001", "_t002"]
    assert shows(path, RGB, "_t001", by=0)
    assert shows(path, RGB // 2, "_t001", z=1)
    assert "maximum of 2 planes" in picture(path, "_t002").how.read
    with pytest.raises(ValueError, match="holds 2 pictures"):
        picture(path)


def test_pages_without_a_meaning_are_pictures_of_any_size_and_type(tmp_path):
    path = tmp_path / "a.lsm"  # the suffix says nothing
    with tifffile.TiffWriter(path) as file:
        for page in (GREY, RGB, DEEP[:50]):
            file.write(page, photometric="rgb" if page.ndim == 3 else "minisblack", metadata=None)
    assert pictures_of(path) == ["_page001", "_page002", "_page003"]
    assert shows(path, GREY, "_page001", by=0)
    assert shows(path, RGB, "_page002", by=0)
    assert shows(path, stretched(GREY[:50]), "_page003")


def test_a_stack_of_which_only_the_first_page_is_described(tif):
    path = tif(STACK, imagej=True, metadata={"axes": "TYX"})
    data = path.read_bytes()
    with tifffile.TiffFile(path) as file:  # the page's offset to the next one
        at = file.pages[0].offset + 2 + 12 * len(file.pages[0].tags)
    path.write_bytes(data[:at] + bytes(4) + data[at + 4 :])
    assert pictures_of(path) == ["_t001", "_t002", "_t003"]
    assert shows(path, STACK[1], "_t002", by=0)


@pytest.mark.parametrize("marked", [True, False])
def test_levels_of_a_pyramid_are_one_picture(tmp_path, marked):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        for k in (1, 2, 4):
            level = {"subfiletype": 1 if marked and k > 1 else 0, "metadata": None}
            file.write(RGB[::k, ::k], **COLOUR, **level)
    assert pictures_of(path) == [""]
    assert shows(path, RGB, by=0)


def test_scenes_of_an_ome_tiff_with_pyramids_and_a_label(tmp_path):
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as file:
        for _ in range(2):
            file.write(RGB, subifds=1, **COLOUR, metadata={"axes": "YXS"})
            file.write(RGB[::2, ::2], subfiletype=1, **COLOUR)
        file.write(RGB[:9], **COLOUR, metadata={"axes": "YXS", "Name": "label image"})
    assert pictures_of(path) == ["_s01", "_s02"]
    assert shows(path, RGB, "_s02", by=0)


def test_volumes_are_planes(tif):
    path = tif(STACK, **ONE, volumetric=True, tile=(3, 64, 96))
    assert shows(path, GREY, by=0)
    assert shows(path, STACK[2], z=3, by=0)


@pytest.mark.parametrize(
    ("array", "options", "words"),
    [
        (GREY.astype(np.complex64), ONE, "holds complex64 values; save it as grey or RGB"),
        (STACK, {**ONE, "metadata": {"axes": "HYX"}}, "holds 3 planes on an axis 'H'; save the"),
        (GREY, {"photometric": 32803}, "is a camera's raw file; develop it and save it as TIFF"),
    ],
)
def test_what_is_unclear_is_refused(tif, array, options, words):
    with pytest.raises(ValueError, match=words):
        picture(tif(array, **options))


@pytest.mark.parametrize("options", [{}, {"compression": "jpeg", "rowsperstrip": 16}])
@pytest.mark.parametrize("share", [0.3, 0.95])
def test_cut_off_files_are_refused(tif, options, share):
    noise = np.random.default_rng(0).integers(0, 255, (64, 96, 3), dtype=np.uint8)
    path = tif(noise, **COLOUR, **options)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ValueError, match=r"^cannot be read \(.*\); replace it, or remove it$"):
        picture(path)


@pytest.mark.parametrize("options", [{"imagej": True}, {"metadata": None}])
@pytest.mark.parametrize("share", [0.4, 0.9])
def test_stacks_that_lost_pages_are_refused(tif, options, share):
    path = tif(STACK, **ONE, **options)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ValueError, match=r"^cannot be read \(.*\); replace it, or remove it$"):
        picture(path)


def test_a_page_that_holds_nothing_is_refused(tif):
    path = tif(GREY, **ONE)
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages[0].tags["BitsPerSample"].overwrite(0)
    with pytest.raises(ValueError, match=r"^cannot be read \(.*\); replace it, or remove it$"):
        picture(path)


@pytest.mark.parametrize("turn", [3, 5, 6, 8])
def test_inks_that_are_turned(tif, turn):
    """Pillow maps uncompressed pages, and garbles them if they are to be turned."""
    inks = np.asarray(Image.fromarray(RGB).convert("CMYK"))
    tag = {"extratags": [(274, 3, 1, turn, True)]}
    assert shows(tif(inks, photometric="separated", **tag), turned(RGB, turn), by=0)


def test_pages_of_other_types_do_not_share_a_range(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(DEEP, **ONE, metadata=None, extratags=[(281, 3, 1, 4095, True)])
        file.write(GREY, **ONE, metadata=None)
    assert shows(path, GREY, "_page002", by=0)
