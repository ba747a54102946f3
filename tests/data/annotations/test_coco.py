"""COCO's JSON, with outlines and run lengths of pycocotools."""

import numpy as np
import pytest
from pycocotools import mask as pycoco

from darkfield.data.annotations.coco import is_coco, read
from darkfield.data.annotations.drawing import draw
from darkfield.data.annotations.problems import Problems

PIXELS = np.zeros((5, 7), np.uint8)
PIXELS[1:4, 2:4] = 1
PIXELS[3, 5] = 1


def file(*annotations):
    return {
        "images": [
            {"id": 1, "file_name": "deep/a.png", "height": 5, "width": 7},
            {"id": 2, "file_name": "b.png", "height": 5, "width": 7},
        ],
        "categories": [{"id": 7, "name": "RBC"}],
        "annotations": [
            {"id": n, "image_id": 1, "category_id": 7, "bbox": [0, 0, 1, 1], **annotation}
            for n, annotation in enumerate(annotations)
        ],
    }


def drawn(annotation):
    content = file(annotation)
    assert is_coco(content)
    first, second = read(content)
    assert (first.picture, second.picture, second.regions) == ("deep/a.png", "b.png", [])
    assert [region.label for region in first.regions] == ["RBC"]
    return draw([(1, region) for region in first.regions], first.size)[0]


def test_compressed_run_lengths():
    encoded = pycoco.encode(np.asfortranarray(PIXELS))
    text = {"counts": encoded["counts"].decode(), "size": encoded["size"]}
    assert (drawn({"segmentation": text, "iscrowd": 1}) == PIXELS).all()


def test_uncompressed_run_lengths():
    counts = [11, 3, 2, 3, 9, 1, 6]
    assert (drawn({"segmentation": {"counts": counts, "size": [5, 7]}}) == PIXELS).all()


def test_outlines_of_one_object():
    outlines = [[2, 1, 4, 1, 4, 4, 2, 4], [5, 3, 6, 3, 6, 4, 5, 4]]
    assert (drawn({"segmentation": outlines}) == PIXELS).all()


@pytest.mark.parametrize(
    "outline", [[0.2, 0.1, 0.6, 0.1, 0.6, 0.4, 0.2, 0.4], [20, 10, 60, 10, 60, 30, 20, 30]]
)
def test_an_outline_in_fractions_or_outside_is_not_lost(outline):
    with pytest.raises(ValueError, match=r"cover no pixel of its picture: 1 of 1 \('RBC'\)"):
        drawn({"segmentation": [outline]})


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        ({}, "has a box and no outline"),
        ({"segmentation": []}, "has a box and no outline"),
        ({"segmentation": [[1, 2, 3, 4]]}, "has an outline of 4 coordinates"),
        ({"segmentation": {"counts": [35], "size": [7, 5]}}, "is drawn on 5x7 pixels, its image"),
        ({"segmentation": {"counts": [3, 4], "size": [5, 7]}}, "for 7 pixels, not 35"),
        ({"segmentation": {"counts": "PPYo1", "size": [5, 7]}}, "run lengths"),
        ({"category_id": 8}, "is of category 8, which the file lacks"),
        ({"image_id": 8}, "is on image 8, which the file lacks"),
    ],
)
def test_what_cannot_be_drawn(annotation, words):
    with pytest.raises(Problems, match=f"^annotation 1: .*{words}"):
        read(file(annotation))
