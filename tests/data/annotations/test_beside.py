"""Pictures beside annotations are found by name, and told from label images."""

from pathlib import Path

import pytest

from darkfield.data.annotations.beside import folders, masks_among, picture_of


@pytest.fixture
def folder(tmp_path):
    def make(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.png", "a.png"),
        ("deep/a.png", "a.png"),
        ("sub/c.png", "sub/c.png"),
        ("A.PNG", "a.png"),
        ("a.jpg", "a.png"),
        ("a_seg", "a.png"),
        ("a b_RoiSet", "a b.tif"),
        ("a b_cp_masks.png", "a b.tif"),
        ("d", None),
        ("ab", None),
    ],
)
def test_the_picture_of_a_drawing(folder, name, expected):
    root = folder("a.png", "a b.tif", "sub/c.png", "a.json", "d/a.png")
    found = picture_of(name, [root], root / "a.json")
    assert found == (expected and root / expected)


@pytest.mark.parametrize("name", ["a_seg.png", "a_seg", "a_1.png"])
def test_a_program_that_tells_a_name_means_no_shorter_one(folder, name):
    root = folder("a.png", "a.json")
    assert picture_of(name, [root], root / "a.json", told=True) is None


@pytest.mark.parametrize(
    ("name", "expected"), [("a_2", None), ("a_2_seg", None), ("a_3_seg", "a_3.png")]
)
def test_a_number_behind_a_name_is_that_of_another_picture(folder, name, expected):
    root = folder("a.png", "a_3.png")
    found = picture_of(name, [root], root / f"{name}.npy")
    assert found == (expected and root / expected)


def test_several_pictures_that_could_be_meant(folder):
    root = folder("a.png", "a.tif")
    assert picture_of("a.tif", [root], root / "a.json") == root / "a.tif"
    with pytest.raises(ValueError, match=r"a_seg may be .*/a\.png, .*/a\.tif; keep one of them"):
        picture_of("a_seg", [root], root / "a_seg.npy")


def test_a_label_image_is_not_its_own_picture(folder):
    root = folder("a.png", "images/a.png", "JPEGImages/b.jpg", "SegmentationClass/b.png")
    places = folders(root / "a.png", root, Path("none"))
    assert picture_of("a.png", places, root / "a.png") == root / "images/a.png"
    mask = root / "SegmentationClass/b.png"
    assert picture_of("b.png", folders(mask, root, Path("none")), mask).suffix == ".jpg"


def test_the_picture_of_a_mask_in_a_subfolder(folder):
    names = ("SegmentationClass/p/b.png", "JPEGImages/b.jpg", "JPEGImages/p/b.jpg")
    root = folder(*(f"deep/{name}" for name in names))
    mask = root / "deep" / names[0]
    found = picture_of("p/b.png", folders(mask, root, Path("none")), mask, told=True)
    assert found == root / "deep" / names[2]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.tif", "a_cp_masks.png", "b.tif", "b_masks.tif"], ["a_cp_masks.png", "b_masks.tif"]),
        (["images/a.tif", "masks/a.tif"], ["masks/a.tif"]),
        (["a.png", "b.png"], ["a.png", "b.png"]),
        (["a.png", "a_1.png", "a_1_masks.png"], ["a_1_masks.png"]),
    ],
)
def test_which_pictures_are_label_images(names, expected):
    assert [str(path) for path in masks_among([*map(Path, names)])] == expected
