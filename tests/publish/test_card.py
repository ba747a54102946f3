"""A model card says what model.json knows, and that it does not know the rest."""

import copy

import pytest

from darkfield.network.spec import ModelSpec
from darkfield.publish import card as cards
from darkfield.publish.card import NO_DEVICE

SCORES = {"iou": 0.643, "dice": 0.783, "precision": 0.694, "recall": None}
SPLIT = {"miou": 0.849, "mdice": 0.911, "spirochaete": SCORES}
SPEC = {
    "model": {"name": "segnet", "encoder": "resnet18", "notebook_head": False},
    "classes": {"background": 0, "erythrocyte": 1, "spirochaete": 2},
    "image_size": [128, 160],
    "mean": [0.2, 0.2, 0.3],
    "std": [0.2, 0.2, 0.2],
    "predict": {"tile": [768, 512], "overlap": 0.25, "tta": False},
}


def card(spec):
    return cards.card(ModelSpec.model_validate(spec))


def lines(spec, start):
    return [line for line in card(spec).splitlines() if line.startswith(start)]


def test_it_says_that_this_is_no_medical_device():
    assert NO_DEVICE in card(SPEC)
    assert "no medical device" in NO_DEVICE


def test_of_what_is_not_known_it_says_so():
    text = card(SPEC)
    assert "How good it is on new pictures has not been measured" in text
    assert "does not say which pictures" in text
    assert "names no `licence`" in text


def test_metrics_without_intervals():
    spec = SPEC | {"metrics": {"test": SPLIT, "val": None}}
    assert lines(spec, "| spirochaete") == ["| spirochaete | 0.643 | 0.783 | 0.694 |  |"]
    assert lines(spec, "| mean") == ["| mean | 0.849 | 0.911 |  |  |"]
    assert "has not been measured" not in card(spec)
    assert "Val split" not in card(spec)


def test_metrics_with_intervals():
    limits = {"miou": [0.8, 0.9], "spirochaete": {"iou": [0.6, 0.7], "dice": [None, None]}}
    expected = [
        "| spirochaete | 0.643 [0.600, 0.700] | 0.783 | 0.694 |  |",
        "| mean | 0.849 [0.800, 0.900] | 0.911 |  |  |",
    ]
    folds = SPEC | {"cross_validation": {"test": SPLIT, "interval_95": limits}}
    split = SPEC | {"metrics": {"test": SPLIT}, "intervals": {"test": limits}}
    for spec in (folds, split):
        assert lines(spec, "| spirochaete") + lines(spec, "| mean") == expected
        assert "has not been measured" not in card(spec)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ([128, 160], ["to 128 x 160 pixels", "never cut", ".resize((160, 128)"]),
        ("native", ["not resized", "tiles of 768 x 512 pixels that overlap by 25%"]),
    ],
)
def test_what_to_do_about_sizes(size, words):
    assert all(word in card(SPEC | {"image_size": size}) for word in words)


def test_it_names_the_settings_of_its_own_family_alone():
    spec = copy.deepcopy(SPEC)
    spec["model"] |= {"encoder_weights": "imagenet", "dropout": 0.5, "encoder_depth": 5}
    weights, depth = "| encoder_weights | imagenet |", "| encoder_depth | 5 |"
    assert lines(spec, "| encoder") == [weights]
    assert lines(spec, "| dropout") == ["| dropout | 0.5 |"]
    assert lines(spec, "| notebook_head") != []
    spec["model"]["name"] = "unet"
    assert lines(spec, "| encoder") == ["| encoder | resnet18 |", weights, depth]
    assert lines(spec, "| notebook_head") + lines(spec, "| dropout") == []
    assert card(spec).startswith("# darkfield U-Net\n")


def test_what_is_known_stands_in_it():
    spec = SPEC | {
        "licence": "CC-BY-NC-4.0",
        "data": "Scenes drawn by the chain.",
        "epoch": 7,
        "train": {"learning_rate": 0.01, "threads": 2, "precision": "auto"},
        "precision": "bf16",
        "provenance": {"data": "d" * 64, "split": "5" * 64, "versions": {"torch": "2.15.0"}},
    }
    text = card(spec)
    for word in ("CC-BY-NC-4.0", "Scenes drawn by the chain.", "d" * 64, "torch 2.15.0"):
        assert word in text
    for row in ("| epoch | 7 |", "| learning_rate | 0.01 |", "| precision | bf16 |"):
        assert row in text
    assert "threads" not in text


def test_it_says_whether_test_images_were_trained_on():
    spec = SPEC | {"metrics": {"test": SPLIT, "val": SPLIT}}
    kept = "whose fields of view were not trained on"
    assert kept not in card(spec)  # model.json does not say what it was trained on
    spec["trained_on"] = {"a" * 64: 0, "b" * 64: 0, "c" * 64: 1}
    assert kept in card(spec)
    assert "Trained on 3 different images of 2 fields of view." in card(spec)
    spec["caveats"] = ["2 of 9 test images were trained on"]
    assert kept not in card(spec)
    assert "**2 of 9 test images were trained on.**" in card(spec)


def test_probabilities_are_calibrated_if_val_had_images():
    for images, said in ((0, "are not calibrated"), (7, "are calibrated on pictures")):
        calibration = {"temperatures": [1, 1, 1], "images": images}
        assert f"Its probabilities {said}" in card(SPEC | {"calibration": calibration})


def test_the_order_of_keys_changes_nothing():
    spec = SPEC | {"classes": dict(reversed(SPEC["classes"].items()))}
    assert card(spec) == card(SPEC)


def test_it_speaks_of_darkfield_only_where_model_json_does():
    streets = SPEC | {"classes": {"sky": 0, "road": 1}, "background": None}
    assert "Labels every pixel of a picture as sky or road." in card(streets)
    said = card(streets).replace("darkfield SegNet", "").lower()
    words = ("darkfield microscopy", "microscope", "cell", "species", "erythrocyte", "bubbles")
    assert not [word for word in words if word in said]
    known = SPEC | {"modality": "darkfield microscopy"}
    assert "Labels every pixel of a darkfield microscopy picture as" in card(known)


@pytest.mark.parametrize(
    ("tta", "words"), [("flip", "a picture and its mirror image"), (True, "8 flips and turns")]
)
def test_it_says_which_views_darkfield_takes(tta, words):
    assert words in card(SPEC | {"predict": SPEC["predict"] | {"tta": tta}})
