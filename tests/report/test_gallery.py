"""The worst images come first, and their pictures show what they say."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from darkfield.classes import VOID
from darkfield.report.gallery import ALPHA, SIDE, layer, pictures, score, worst_first
from darkfield.report.palette import HATCH, INVENTED, MISSED, class_colours, rgb


def decoded(uri):
    head, body = uri.split(",", 1)
    assert head in ("data:image/png;base64", "data:image/webp;base64")
    return Image.open(io.BytesIO(base64.b64decode(body)))


def test_the_score_is_over_the_classes_present():
    matrices = np.array(
        [
            [[60, 20, 0], [0, 20, 0], [0, 0, 0]],  # IoU 60/80 and 20/40; no third class
            [[90, 0, 10], [0, 0, 0], [0, 0, 0]],  # 90/100, and the third is invented: 0
            [[100, 0, 0], [0, 0, 0], [0, 0, 0]],
            [[100, 0, 0], [0, 0, 0], [0, 0, 0]],
        ]
    )
    assert score(matrices) == pytest.approx([0.625, 0.45, 1, 1])
    assert worst_first(matrices).tolist() == [1, 0, 2, 3]


def test_a_layer_is_clear_where_there_is_nothing():
    index = np.array([[0, 1], [2, 0]], dtype=np.uint8)
    pixels = np.asarray(decoded(layer(index, class_colours(3))).convert("RGBA"))
    assert (pixels[..., 3] == np.where(index > 0, ALPHA, 0)).all()
    for c in (1, 2):
        assert (pixels[index == c][0, :3] == rgb(class_colours(3)[c])).all()


def test_more_classes_than_colours():
    index = np.arange(12, dtype=np.uint8).reshape(3, 4)
    pixels = np.asarray(decoded(layer(index, class_colours(12))).convert("RGBA"))
    assert (pixels[2, 1, :3] == rgb(class_colours(12)[9])).all()


def test_the_four_pictures():
    image = np.zeros((90, 60, 3), dtype=np.uint8)
    image[:, 30:] = (200, 100, 50)
    truth, predicted = np.zeros((2, 90, 60), dtype=np.uint8)
    truth[:45], predicted[30:60] = 1, 1
    shown = {name: decoded(uri) for name, uri in pictures(image, truth, predicted, 2).items()}
    assert {p.size for p in shown.values()} == {(60, 90)}
    photo = np.asarray(shown["image"].convert("RGB")).astype(int)
    assert np.abs(photo - image).mean() < 3
    for name, mask in (("truth", truth), ("prediction", predicted)):
        alpha = np.asarray(shown[name].convert("RGBA"))[..., 3]
        assert (alpha > 0).tolist() == (mask > 0).tolist()
    wrong = np.asarray(shown["errors"].convert("RGBA"))
    assert (wrong[:30, :, :3] == rgb(MISSED)).all()
    assert (wrong[45:60, :, :3] == rgb(INVENTED)).all()
    assert not wrong[30:45, :, 3].any()
    assert not wrong[60:, :, 3].any()


def test_large_pictures_are_shrunk():
    """To SIDE at most, so that even noise, the worst there is, stays bounded."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (1200, 2400, 3), dtype=np.uint8)
    truth, predicted = rng.integers(0, 3, (2, 1200, 2400), dtype=np.uint8)
    uris = pictures(image, truth, predicted, 3)
    assert {decoded(uri).size for uri in uris.values()} == {(SIDE, SIDE // 2)}
    assert sum(map(len, uris.values())) < 1_000_000


def test_void_is_hatched():
    truth = np.full((40, 60), VOID, dtype=np.uint8)
    uris = pictures(np.zeros((40, 60, 3), np.uint8), truth, np.ones_like(truth), 2)
    for name in ("truth", "errors"):
        pixels = np.asarray(decoded(uris[name]).convert("RGBA"))
        stripe = pixels[..., 3] > 0
        assert (pixels[stripe][:, :3] == rgb(HATCH)).all() and 0.2 < stripe.mean() < 0.3
