"""What a file is, by its bytes; what is refused, in one line; the files of ../shared/cases."""

import numpy as np
import pytest
from conftest import REPOSITORY
from PIL import Image
from scenes import GREY, RGB, picture, shows, stretched

from darkfield.data.images import open_image
from darkfield.data.kinds import EXTRA, OTHERS, READ, kind, refusal
from darkfield.data.mask_files import open_mask
from darkfield.data.mask_values import flatten
from darkfield.data.reading import pictures_of

CLASSES = {"background": 0, "erythrocyte": 1, "spirochaete": 2}
VALUES = {"0": "background", "1": "erythrocyte", "2": "spirochaete"}
CASES = REPOSITORY.parent / "shared/cases"


@pytest.mark.parametrize("name", ["PNG", "JPEG", "GIF", "BMP", "WebP", "AVIF", "JPEG2000", "TIFF"])
def test_what_is_read(tmp_path, name):
    Image.fromarray(RGB).save(tmp_path / "a", format=name)
    assert kind(tmp_path / "a") == name.lower()
    assert name.lower() in READ


@pytest.mark.parametrize(
    ("head", "expected", "words"),
    [
        (b"", "empty", "is empty (0 bytes); replace it, or remove it"),
        (b"ZISRAWFILE", "czi", "is a Zeiss CZI file; pip install 'darkfield[microscopes]' reads"),
        (b"\xda\xce\xbe\x0a", "nd2", "is a Nikon ND2 file; pip install"),
        (b"\x70\0\0\0", "lif", "is a Leica LIF file; pip install"),
        (b"\0\0\0\x18ftypheic", "heif", "is a HEIF picture; pip install"),
        (b"\0\0\0\x18ftypisom", "film", "is a film; pip install"),
        (b"RIFF\0\0\0\0AVI ", "film", "is a film; pip install"),
        (b"II*\0\x10\0\0\0CR\x02\0", "raw", "is a camera's raw file; develop it and save it as"),
        (b"\0\0\0\x18ftypcrx ", "raw", "is a camera's raw file; develop it and save it as TIFF"),
        (bytes(128) + b"DICM", "dicom", "is a DICOM file; save it as TIFF"),
        (b"%PDF-1.7", "pdf", "is a PDF file; save its picture as PNG"),
        (b"\x93NUMPY", "numpy", "is a NumPy array; save it as TIFF"),
        (
            b"\x7fELF",
            "unknown",
            "cannot be read (not a PNG, TIFF, JPEG, BMP, GIF, WebP, AVIF or JPEG",
        ),
        (b"\x89PNG\r\n\x1a\n", "png", "cannot be read (a damaged PNG file); replace it, or remove"),
    ],
)
def test_what_is_refused_says_what_it_is_and_what_to_do(tmp_path, head, expected, words):
    path = tmp_path / "a.tif"  # the suffix says nothing
    path.write_bytes(head)
    assert kind(path) == expected
    assert refusal(expected).startswith(words)
    if expected not in EXTRA:  # which may be installed
        with pytest.raises(ValueError, match=refusal(expected)[:12].replace("(", r"\(")):
            picture(path)


def test_every_kind_has_a_refusal():
    for name in (*EXTRA, *OTHERS):
        assert ";" in refusal(name)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"format": "JPEG"}, "is a JPEG picture, which changes values"),
        ({"format": "WEBP"}, "is a WEBP picture, which changes values"),
        ({"format": "TIFF", "compression": "jpeg"}, "is a JPEG picture, which changes values"),
        ({"format": "TIFF", "tiffinfo": {262: 0}}, "white as zero"),
    ],
)
def test_masks_that_may_have_changed_are_refused(tmp_path, options, words):
    Image.fromarray(GREY * 0).save(tmp_path / "a.png", **options)
    with pytest.raises(ValueError, match=words):
        flatten(open_image(tmp_path / "a.png"), VALUES, CLASSES)


CHANNEL_BY_CHANNEL = stretched(RGB)
PICTURES = {  # what the files of ../shared/cases/pictures show; words: how they are refused
    **{f"grey{name}": stretched(GREY) for name in ("12in16.tif", "12in16.png", "10in16.tif")},
    "ij_range4095.tif": GREY,
    "miniswhite16.tif": stretched(GREY),
    "rgb16planar.tif": CHANNEL_BY_CHANNEL,
    **dict.fromkeys(["composite.tif", "rgb_as_c.ome.tif", "pyramid_flat.tif", "webp.tif"], RGB),
    "zstack.ome.tif": GREY,
    "two_samples.tif": "holds 2 channels, and it is unclear how to show them; choose one, or three",
    **{f"stack.{end}": {"_page001": GREY * 0, "_page002": GREY} for end in ("lsm", "btf")},
    "movie.gif": {"_t001": GREY * 0, "_t002": RGB},
    "movie_apng.png": "holds 2 pictures; save only the one you mean",
    **dict.fromkeys(["float01.tif", "u32.tif"], stretched(GREY)),
    "rgb_float.tif": CHANNEL_BY_CHANNEL,
    "i64.tif": None,  # a mask
    **dict.fromkeys(["big_endian_bigtiff.tif", "jpeg2000.tif"], GREY),
    "zero.tif": "is empty (0 bytes); replace it, or remove it",
}
READ_AS_MASKS = {"a.bmp", "a_mask.png", "a_seg.npy", "napari_int64.tif"}
CHECKED_TOGETHER = "ilastik_1bg_2ery.png"  # by gather_masks: no mask of the set has background
REMEDY = "; (save|replace|name)"


@pytest.mark.skipif(not CASES.is_dir(), reason="no ../shared/cases")
def test_the_pictures_of_the_cases():
    for path in sorted((CASES / "pictures").iterdir()):
        expected = PICTURES[path.name]
        if isinstance(expected, str):
            with pytest.raises(ValueError) as error:
                picture(path)
            assert str(error.value).startswith(expected), path
        elif isinstance(expected, np.ndarray):
            assert pictures_of(path) == [""], path
            assert shows(path, expected), path
        elif expected:
            assert pictures_of(path) == [*expected], path
            assert all(shows(path, pixels, part) for part, pixels in expected.items()), path


@pytest.mark.skipif(not CASES.is_dir(), reason="no ../shared/cases")
def test_the_masks_of_the_cases():
    for path in sorted((CASES / "masks").iterdir()):
        if path.name in READ_AS_MASKS:
            found = flatten(open_mask(path), VALUES, CLASSES)
            assert [found[at] for at in ((2, 2), (32, 32), (8, 48))] == [0, 1, 2], path
        elif path.name != CHECKED_TOGETHER:
            with pytest.raises(ValueError, match=REMEDY):
                flatten(open_mask(path), VALUES, CLASSES)
