"""Recipes of the networks that a model learns from."""

import pytest
from pydantic import ValidationError

from darkfield.files import UserError
from darkfield.params import Params
from darkfield.recipe import Augment, Model, Recipe, Train, ensemble
from darkfield.validation import check


def recipe(*changes, **train):
    return Recipe(Model(name="unet"), Train(ensemble=changes, **train), Augment(noise=0.1))


def test_each_network_is_the_own_recipe_but_for_its_changes():
    segnet = {"model": {"name": "segnet"}, "train": {"epochs": 3}, "augment": {"noise": 0}}
    same, other = ensemble(recipe({}, segnet, learning_rate=0.5, seed=7))
    assert same.model == Model(name="unet") and same.augment == Augment(noise=0.1)
    assert same.train == Train(learning_rate=0.5, seed=7)
    assert other.model == Model(name="segnet") and other.augment == Augment(noise=0)
    assert other.train == Train(learning_rate=0.5, seed=7, epochs=3)


def test_none_of_them_has_teachers():
    (one,) = ensemble(recipe({"train": {"teacher": "mine", "ensemble": [{}]}}, teacher="theirs"))
    assert (one.train.teacher, one.train.ensemble) == (None, ())


def test_what_is_no_change_of_a_recipe_is_refused():
    with pytest.raises(ValidationError, match="epochs"):
        list(ensemble(recipe({"train": {"epochs": 0}})))
    with pytest.raises(ValidationError, match="ensemble"):
        recipe({"split": {"seed": 2}})


def test_params_name_the_network_and_the_key():
    params = Params().plain()
    params["train"]["ensemble"] = [
        {},
        {"train": {"epochs": 0}, "augment": {"noise": -1}},
        {"model": {"name": "unet", "decoder_channels": [8, 8]}},
        {"train": {"class_weights": [1, 2], "device": "cuda"}},
        {"train": {"crop": None}},
    ]
    params["image_size"], params["train"]["crop"] = "native", [64, 64]
    with pytest.raises(UserError) as refused:
        check(params)
    lines = refused.value.args
    assert any("network 2: epochs" in line for line in lines)
    assert any("network 3: model.decoder_channels: 2 stages" in line for line in lines)
    assert any("network 4: train.class_weights: 2 weights for 3 classes" in line for line in lines)
    assert any("network 4: train.device: is the same for all networks" in line for line in lines)
    assert any("network 5: image_size: native pictures differ" in line for line in lines)
    assert all(line.startswith("params.yaml: train.ensemble: network") for line in lines)


def test_a_network_starts_from_the_model_of_all_or_from_none():
    """Another one would be written down as its start, and never loaded."""
    params, words = Params().plain(), "network 1: train.pretrained_weights: is the same for all"
    for own, given, right in (
        (None, "other", False),
        ("mine", "other", False),
        ("mine", "mine", True),
        ("mine", None, True),
        ("mine", "null", True),
    ):
        params["train"]["pretrained_weights"] = own
        params["train"]["ensemble"] = [{"train": {"pretrained_weights": given}}]
        if right:
            check(params)
            continue
        with pytest.raises(UserError, match=words):
            check(params)


def test_the_choice_of_the_epoch_is_not_theirs():
    params = Params().plain()
    params["select"]["epoch"], params["train"]["ensemble"] = 5, [{"train": {"epochs": 1}}]
    assert check(params).train.ensemble
