"""Label Studio's JSON and JSON_MIN, by their documented form."""

import numpy as np
import pytest
from rle_pack import packed

from darkfield.data.annotations.drawing import draw
from darkfield.data.annotations.label_studio import is_label_studio, name_in, read
from darkfield.data.annotations.problems import Problems

SIZE = {"original_width": 20, "original_height": 10}
SQUARE = {"points": [[10, 20], [50, 20], [50, 60], [10, 60]], "closed": True}
EXPECTED = np.zeros((10, 20), int)
EXPECTED[2:6, 2:10] = 1


def result(value, kind="polygonlabels", label="RBC", **others):
    value = value | ({kind: [label]} if label else {})
    return {"id": "x", "type": kind, "value": value, "to_name": "image", **SIZE, **others}


def task(*results, image="/data/upload/3/0123abcd-a.png", **others):
    annotation = {"id": 1, "was_cancelled": False, "result": list(results)} | others
    return {"id": 7, "data": {"image": image}, "annotations": [annotation], "predictions": []}


def drawn(*results):
    content = [task(*results)]
    assert is_label_studio(content)
    (drawing,) = read(content)
    assert {region.label for region in drawing.regions} == {"RBC"}
    return draw([(1, region) for region in drawing.regions], drawing.size)[1]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("polygonlabels", SQUARE),
        ("rectanglelabels", {"x": 10, "y": 20, "width": 40, "height": 40, "rotation": 0}),
        ("rectanglelabels", {"x": 50, "y": 20, "width": 20, "height": 80, "rotation": 90}),
        ("brushlabels", {"format": "rle", "rle": packed(EXPECTED * 255)}),
    ],
)
def test_shapes(kind, value):
    assert (drawn(result(value, kind)) == EXPECTED).all()


def test_an_ellipse():
    found = drawn(result({"x": 50, "y": 50, "radiusX": 30, "radiusY": 40}, "ellipselabels"))
    assert found.any(axis=0).nonzero()[0].tolist() == list(range(4, 16))
    assert found.any(axis=1).nonzero()[0].tolist() == list(range(1, 9))


def test_a_separate_labels_tag_repeats_the_shape():
    shape = {"id": "x", "type": "polygon", "value": SQUARE, **SIZE}
    assert (drawn(shape, result(SQUARE, "labels")) == EXPECTED).all()


def test_other_controls_of_a_task_are_no_shapes():
    choice = {"id": "y", "type": "choices", "value": {"choices": ["good"]}}
    assert (drawn(choice, result(SQUARE)) == EXPECTED).all()


def test_the_short_form():
    value = {**SQUARE, "polygonlabels": ["RBC"], **SIZE}
    content = [{"image": "s3://bucket/deep/a.png", "id": 7, "label": [value], "annotator": 1}]
    assert is_label_studio(content)
    (drawing,) = read(content)
    assert drawing.picture == "/deep/a.png"
    assert (draw([(1, drawing.regions[0])], drawing.size)[1] == EXPECTED).all()


def test_a_task_that_names_no_picture_is_told_if_it_is_annotated():
    nameless = "https://host/media?id=5"
    unseen = {"id": 1, "data": {"image": nameless}, "annotations": []}
    content = [task(result(SQUARE)), unseen]
    assert is_label_studio(content)
    assert len(read(content)) == 1
    with pytest.raises(Problems, match=r"^task 3: has no address that ends in one picture's"):
        read([*content, task(image=nameless)])


def test_who_annotated_what():
    nobody = {"id": 1, "data": {"image": "b.png"}, "annotations": []}
    skipped = task(result(SQUARE), image="c.png", was_cancelled=True)
    empty = task(image="d.png")
    assert [drawing.picture for drawing in read([nobody, skipped, empty])] == ["d.png"]
    twice = task(result(SQUARE))
    twice["annotations"] *= 2
    with pytest.raises(Problems, match=r"a\.png: has 2 annotations; keep the one that counts"):
        read([twice])


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("/data/upload/3/0123abcd-a b.png", "/data/upload/3/a b.png"),
        ("/data/local-files/?d=deep/a%20b.png", "deep/a b.png"),
        ("/data/local-files/?d=deep%5Ca.png", "deep/a.png"),
        ("https://host/deep/0123abcd-a.png?token=1", "/deep/0123abcd-a.png"),
    ],
)
def test_names_of_pictures(url, name):
    assert name_in(url) == name


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (result(SQUARE, label=None), "has 0 labels; give it one"),
        (result(SQUARE, image_rotation=90), "is on a turned picture"),
        (result({"x": 1, "y": 1, "width": 1}, "keypointlabels"), "'RBC' is a point"),
        (result({"imageDataURL": ""}, "bitmasklabels"), "'RBC' is a bitmask, which is not read"),
        (result({"rle": packed(EXPECTED[:5])}, "brushlabels"), "a brush of 100 pixels, not 200"),
        (result({"rle": packed(EXPECTED)[:9]}, "brushlabels"), "a brush that ends early"),
        ({**result(SQUARE), "original_width": 0}, "original_width: Input should be greater"),
    ],
)
def test_what_cannot_be_drawn(wrong, words):
    with pytest.raises(Problems, match=rf"a\.png: result 1: .*{words}"):
        read([task(wrong)])
