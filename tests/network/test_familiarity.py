"""Pictures of a kind that the model does not know are far from those that it knows."""

import json

import numpy as np
import pytest
import torch
from conftest import LONG
from torch.nn import functional as F
from toy import model_folder

from darkfield.data.synthetic import scene
from darkfield.network.build import build
from darkfield.network.familiarity import fit_familiarity, unlikeness
from darkfield.network.predictor import Predictor
from darkfield.network.spec import Familiarity
from darkfield.network.watched import watched
from darkfield.recipe import Model

SMALL = {"encoder": "tu-resnet18", "encoder_depth": 3, "decoder_channels": [16, 8, 8]}
RNG = np.random.default_rng


def drawn(seed, pictures, features=60):
    """Features of pictures of one kind: three causes, and a little that is each feature's own."""
    causes = RNG(0).normal(size=(3, features))
    rng = RNG(seed)
    own = rng.normal(scale=0.2, size=(pictures, features))
    return (rng.normal(size=(pictures, 3)) @ causes + own).astype(np.float32)


def scenes(seeds):
    return [scene(RNG(seed), 64, 80)[0] for seed in seeds]


def features_of(predictor, images):
    vectors = []
    for image in images:
        with watched(predictor.network) as features:
            predictor.labels(image)
        vectors.append(features())
    return np.array(vectors)


@pytest.mark.parametrize(
    "model",
    [
        Model(name="unet", **SMALL),
        Model(name="segnet"),
        LONG(Model(name="unetplusplus", **SMALL)),
        LONG(Model(name="manet", **SMALL)),
        LONG(Model(name="segnet_vgg16")),
    ],
    ids=lambda model: model.name,
)
def test_features_are_of_the_input_and_of_each_stage(model):
    network, x = build(model, 3).eval(), torch.rand(1, 3, 32, 64)
    with torch.inference_mode():
        if model.name.startswith("segnet"):
            stages = [network.encoder[0](x)]
            for block in network.encoder[1:]:
                stages.append(block(F.max_pool2d(stages[-1], 2)))
        else:
            stages = network.encoder(x)[1:]
        with watched(network) as features:
            network(x)
    vector = features()
    spread = [stage[:, np.linspace(0, stage.shape[1] - 1, 8).round()] for stage in stages]
    expected = [(s.mean((0, 2, 3)), s.std((0, 2, 3), correction=0)) for s in [x, *spread]]
    assert (vector.dtype, vector.shape) == (np.float32, (2 * (3 + 8 * len(stages)),))
    means, deviations = zip(*expected, strict=True)
    assert vector == pytest.approx(torch.cat([*means, *deviations]).numpy(), rel=1e-3, abs=1e-6)


def test_tiles_count_by_their_pixels():
    network, x = build(Model(name="segnet"), 3).eval(), torch.rand(1, 3, 32, 96)
    x[..., :32] *= 3
    with torch.inference_mode():
        with watched(network) as whole:
            network(x)
        with watched(network) as tiles:
            for tile in x.split([32, 64], dim=3):
                network(tile)
    whole, tiles = whole(), tiles()
    n = len(whole) // 2
    for of_input in (slice(3), slice(n, n + 3)):
        assert tiles[of_input] == pytest.approx(whole[of_input], rel=1e-4)


def test_a_network_is_watched_only_within():
    network = build(Model(name="segnet"), 3)
    with watched(network):
        assert network._forward_pre_hooks
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())


@pytest.mark.parametrize("held_out", [5, 30])
def test_one_in_twenty_familiar_pictures_is_a_false_alarm(held_out):
    alarms = []
    for seed in range(1, 41):
        fitted = fit_familiarity(drawn(seed, 60), drawn(100 + seed, held_out))
        alarms += [unlikeness(one, fitted) > 1 for one in drawn(200 + seed, 50)]
    assert 0.02 < np.mean(alarms) < 0.09


def test_what_goes_together_in_known_pictures_must_go_together():
    fitted = fit_familiarity(drawn(1, 100), drawn(2, 30))
    familiar = drawn(3, 1)[0]
    shuffled = RNG(4).permutation(familiar)  # no feature is out of its range
    assert unlikeness(familiar, fitted) < 1 < 2 < unlikeness(shuffled, fitted)


def test_the_distance_is_mahalanobis_with_the_covariance_of_probabilistic_pca():
    known, one = drawn(1, 100), drawn(2, 1)[0]
    fitted = fit_familiarity(known, drawn(3, 30))
    standard = (one - known.mean(axis=0)) / known.std(axis=0)
    values, vectors = np.linalg.eigh(np.corrcoef(known.T))
    values[:-8] = values[:-8].mean()
    covariance = vectors * values @ vectors.T
    distance = np.sqrt(standard @ np.linalg.solve(covariance, standard))
    assert unlikeness(one, fitted) * fitted.threshold == pytest.approx(distance, rel=1e-3)


def test_a_dead_channel_that_wakes_a_little_is_no_alarm():
    known, held_out = drawn(1, 100), drawn(2, 30)
    known[:, 7] = held_out[:, 7] = 0
    fitted, familiar = fit_familiarity(known, held_out), drawn(3, 1)[0]
    familiar[7] = 0.01
    assert unlikeness(familiar, fitted) < 1


@pytest.mark.parametrize(
    ("known", "held_out"),
    [
        (drawn(1, 9), drawn(2, 30)),
        (np.ones((60, 60)), drawn(2, 30)),
        (drawn(1, 60) * np.nan, drawn(2, 30)),
    ],
    ids=["few known", "alike", "diverged"],
)
def test_where_nothing_can_be_told_there_is_none(known, held_out):
    assert fit_familiarity(known, held_out) is None


def test_without_held_out_pictures_there_is_no_threshold():
    found = fit_familiarity(drawn(1, 60), drawn(2, 4))
    assert found.threshold is None
    assert unlikeness(drawn(3, 1)[0], found) is None
    assert unlikeness(drawn(3, 1)[0], None) is None


def test_model_json_holds_it_in_little_space():
    fitted = fit_familiarity(drawn(1, 150, 166), drawn(2, 30, 166))
    text = json.dumps(fitted.model_dump(mode="json"), indent=2)
    assert len(text) < 30_000
    one = drawn(3, 1, 166)[0]
    assert unlikeness(one, Familiarity.model_validate_json(text)) == unlikeness(one, fitted)


def test_inverted_grey_and_noisy_pictures_are_named_and_scenes_are_not(tmp_path):
    predictor = Predictor(model_folder(tmp_path, [32, 48]), "cpu", "fp32", 2)
    known, held_out = (features_of(predictor, scenes(s)) for s in (range(24), range(100, 108)))
    fitted = fit_familiarity(known, held_out)

    def named(images):
        return np.mean([unlikeness(one, fitted) > 1 for one in features_of(predictor, images)])

    others = scenes(range(200, 212))
    assert named(others) <= 0.25
    assert named([255 - image for image in others]) == 1
    assert named([RNG(0).integers(0, 256, image.shape, np.uint8) for image in others[:3]]) == 1
    assert named([np.full_like(others[0], level) for level in (120, 255)]) == 1


def test_views_count_as_one_picture(tmp_path):
    predictor = Predictor(model_folder(tmp_path, [32, 48]), "cpu", "fp32", 2)
    turned = predictor.varied(predict=predictor.spec.predict.model_copy(update={"tta": True}))
    (one,), (eight,) = (features_of(p, scenes([1])) for p in (predictor, turned))
    of_input = np.r_[:3, len(one) // 2 + np.arange(3)]
    assert eight[of_input] == pytest.approx(one[of_input], rel=1e-4)
