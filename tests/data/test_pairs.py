"""Masks and pictures are paired by name, suffix, folder and class; what is unclear is asked."""

import numpy as np
import pytest
from PIL import Image

from darkfield.data.pairs import find_pairs, suffix_of

CLASSES = {"background": 0, "erythrocyte": 1, "spirochaete": 2}


@pytest.fixture
def root(tmp_path):
    def make(*names):
        for part in ("images", "masks"):
            (tmp_path / part).mkdir(exist_ok=True)
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.zeros((2, 3), np.uint8)).save(tmp_path / name, "PNG")
        return tmp_path

    return make


def paired(root, suffix=None):
    """Names -> the masks' paths below masks/, and the problems, without the root's path."""
    pairs, problems = find_pairs(root, CLASSES, suffix)
    assert list(pairs) == sorted(pairs)
    inside = {
        name: {n: str(p.relative_to(root / "masks")) for n, p in masks.items()}
        if isinstance(masks, dict)
        else str(masks.relative_to(root / "masks"))
        for name, (_, masks) in pairs.items()
    }
    return inside, [line.replace(f"{root}/", "") for line in problems]


@pytest.mark.parametrize(
    ("images", "masks", "suffix"),
    [
        (["a", "b"], ["a", "b"], ""),
        (["a", "a_b"], ["a_mask", "a_b_mask"], "_mask"),
        (["a", "b"], ["a-labels", "b-labels"], "-labels"),
        (["a", "b.1"], ["a_cp_masks", "b.1_cp_masks"], "_cp_masks"),
        (["A", "b"], ["a_MASK", "B_mask"], None),
        (["A", "b"], ["a", "B"], ""),
    ],
)
def test_suffixes_and_cases_are_found(root, images, masks, suffix):
    folder = root(*(f"images/{n}.png" for n in images), *(f"masks/{n}.tif" for n in masks))
    found, problems = paired(folder)
    assert found == dict(zip(images, (f"{name}.tif" for name in masks), strict=True))
    assert problems == []
    assert suffix is None or suffix_of(find_pairs(folder, CLASSES)[0]) == suffix


def test_both_cases_may_be_there(root):
    names = [f"{part}/{name}.png" for part in ("images", "masks") for name in ("a", "A")]
    assert paired(root(*names)) == ({"A": "A.png", "a": "a.png"}, [])


def test_several_suffixes_are_asked_about(root):
    folder = root("images/a.png", "masks/a_mask.png", "masks/a_overlay.png")
    question = "masks: holds masks named _mask and _overlay; say which in data.mask_suffix"
    assert paired(folder) == ({}, [question])
    stranger = "masks/a_overlay.png: has no image in images; add it, or remove this file"
    assert paired(folder, "_mask") == ({"a": "a_mask.png"}, [stranger])


def test_one_name_that_differs_is_not_guessed(root):
    names = ("images/a.png", "images/b.png", "masks/a.png", "masks/b_mask.png")
    found, problems = paired(root(*names))
    assert found == {"a": "a.png"}
    assert problems == [
        "images/b.png: has no mask in masks; add it, or remove this file; if b_mask.png is it, "
        "save it as b.png",
        "masks/b_mask.png: has no image in images; add it, or remove this file",
    ]


def test_subfolders_are_part_of_the_name(root):
    names = ("images/p1/001.png", "images/p2/001.png", "masks/p1/001.png", "masks/p2/001.png")
    assert paired(root(*names)) == ({"p1_001": "p1/001.png", "p2_001": "p2/001.png"}, [])
    _, problems = paired(root("images/p1_001.png"))
    assert problems == ["images: p1/001.png, p1_001.png would all be p1_001; rename them"]


def test_a_folder_for_each_class(root):
    names = [f"masks/{folder}/{n}.png" for folder in ("Erythrocyte", "spirochaete") for n in "ab"]
    folder = root("images/a.png", "images/b.png", *names)
    expected = {
        n: {"erythrocyte": f"Erythrocyte/{n}.png", "spirochaete": f"spirochaete/{n}.png"}
        for n in "ab"
    }
    assert paired(folder) == (expected, [])
    (folder / "masks/spirochaete/b.png").unlink()
    root("masks/c.png", "masks/other/a.png", "masks/spirochaete/d.png")
    assert paired(folder)[1] == [
        "masks/c.png: lies beside the folders of classes; move it into one, or remove it",
        "masks/other: lies beside the folders of classes; move it into one, or remove it",
        "masks/spirochaete/d.png: has no image in images; add it, or remove this file",
        "images/b.png: has no mask in masks/spirochaete; add one, black if it has no spirochaete",
    ]


def test_folders_of_classes_without_pictures(root):
    folder = root("images/a.png", "masks/erythrocyte/a.png")
    (folder / "images/a.png").unlink()
    (problem,) = paired(folder)[1]
    assert problem.startswith("images: no pictures in it; put some there")


def test_annotations_in_place_of_masks(root):
    folder = root("images/a.png")
    (folder / "masks/a.json").touch()
    assert paired(folder)[1] == [
        "masks: no pictures in it; make masks of what is drawn: darkfield masks masks --out ROOT"
    ]
