"""params.yaml: right ones pass, and everything wrong is told at once, by key."""

import copy
from pathlib import Path

import pytest
import yaml

from darkfield import params as params_module
from darkfield.files import UserError
from darkfield.params import check, replace_tables

ROOT = Path(__file__).parent.parent
SCHEMA = ROOT / "workflow/schemas/params.schema.yaml"


def load(path):
    return yaml.safe_load(path.read_text())


@pytest.fixture
def params():
    return load(ROOT / "params.yaml")


def problems(params):
    with pytest.raises(UserError) as error:
        check(params, SCHEMA)
    return str(error.value).splitlines()


@pytest.mark.parametrize(
    "path", [ROOT / "params.yaml", *sorted((ROOT / "presets").glob("*.yaml"))], ids=lambda p: p.name
)
def test_shipped_params_are_right(path):
    params = load(path)
    before = copy.deepcopy(params)
    assert check(params, SCHEMA) == before == params


def test_unquoted_mask_values_are_the_same(params):
    params["data"]["mask_values"] = {0: "background", 1: "erythrocyte", "#00FF00": "spirochaete"}
    values = check(params, SCHEMA)["data"]["mask_values"]
    assert values == {"0": "background", "1": "erythrocyte", "#00ff00": "spirochaete"}


def test_the_order_of_keys_makes_no_difference(params):
    def backwards(value):
        if not isinstance(value, dict):
            return value
        return {k: backwards(v) for k, v in reversed(value.items())}

    assert repr(check(backwards(params), SCHEMA)) == repr(check(params, SCHEMA))
    assert list(check(backwards(params), SCHEMA)["data"]["classes"].values()) == [0, 1, 2]


def text(value):
    """What Snakemake makes of a nested value of --config: every leaf is text."""
    if isinstance(value, dict):
        return {k: text(v) for k, v in value.items()}
    return [text(v) for v in value] if isinstance(value, list) else str(value)


@pytest.mark.parametrize("weights", ["none", "counts", [1, 2.5, 3]])
def test_numbers_and_booleans_may_be_text(params, weights):
    params["train"]["class_weights"] = weights
    before = text(params)
    assert check(before, SCHEMA) == params
    assert before == text(params)
    params["train"]["learning_rate"] = "1e-3"
    assert check(params, SCHEMA)["train"]["learning_rate"] == 0.001


def test_other_text_is_no_number(params):
    params["train"] |= {"epochs": "3.5", "batch_size": "many", "class_weights": ["1", "x", "3"]}
    assert [line.split(": ")[1] for line in problems(params)] == [
        "train.batch_size",
        "train.class_weights",
        "train.epochs",
    ]


def test_all_problems_at_once(params):
    params["train"]["learning_rat"] = params["train"].pop("learning_rate")
    params["train"]["epochs"] = 0
    params["split"]["strategy"] = "stratified"
    params["image_size"] = [128]
    params["select"]["epoch"] = "last"
    params["model"] = {"name": "segnet", "notebook_head": "yes"}
    lines = "\n".join(problems(params))
    for words in (
        "train: unknown key 'learning_rat'; did you mean 'learning_rate'?",
        "train: 'learning_rate' is missing",
        "train.epochs: 0 is less than the minimum of 1",
        "split.strategy: 'stratified' is not one of grouped, random",
        "image_size: [128]",
        "select.epoch: 'last' fits none of what is allowed ('best' was expected",
        "model.notebook_head: 'yes' is not of type 'boolean'",
    ):
        assert f"params.yaml: {words}" in lines


@pytest.mark.parametrize(
    ("section", "values", "words"),
    [
        ("split", {"train": 0.7, "test": 0.2}, "split: train, val and test add up to 1.05, not 1"),
        ("split", {"train": 0.85, "val": 0.0}, "select.epoch: 'best' needs a val split"),
        ("select", {"epoch": 99}, "select.epoch: 99 is beyond train.epochs"),
        ("train", {"class_weights": [1, 2]}, "train.class_weights: 2 weights for 3 classes"),
        ("synthesize", {"size": [90, 80]}, "synthesize.size: [90, 80] is not [shortest, longest]"),
        ("model", {"name": "segnet_vgg16", "notebook_head": True}, "only segnet has it"),
        ("model", {"name": "unet", "encoder_depth": 4}, "decoder_channels: 5 stages, but"),
        ("augment", {"scale": [0.5, 2]}, "augment: foreground and scale are of crops"),
        ("augment", {"scale": [2, 0.5]}, "augment.scale: [2, 0.5] is not [smallest, largest]"),
        ("train", {"processes": 9}, "train.processes: 9 cannot share batches of 8"),
        ("train", {"processes": 2, "compile": True}, "train.compile: works in one process alone"),
        ("train", {"crop": [30, 40]}, "takes sides that 32 divides"),
        ("train", {"crop": [32, 64]}, "augment.turn: needs squares"),
        ("data", {"mask_values": {"0": "sky"}}, "'0' is mapped to 'sky', which data.classes"),
        ("data", {"classes": {"background": 1, "cell": 0}}, "must count 0, 1, 2, ... and begin"),
    ],
)
def test_values_that_disagree(params, section, values, words):
    if "crop" in values:
        params["model"]["name"], params["augment"]["turn"] = "unet", True
    params[section] |= values
    assert any(words in line for line in problems(params))


def test_native_pictures_need_crops(params):
    params["image_size"] = "native"
    assert problems(params) == [
        "params.yaml: image_size: native pictures differ in size; set train.crop"
    ]
    params["train"]["crop"] = [64, 64]
    assert check(params, SCHEMA) == params


@pytest.mark.parametrize("value", [None, [], "text", {}])
def test_sections_of_the_wrong_kind(params, value):
    params["train"] = value
    assert problems(params)


@pytest.mark.parametrize(
    "value", ["010", "09", "0o10", "yes", "No", "on", "OFF", "12:30", "[1, yes]", "{on: 1}"]
)
def test_what_snakemake_and_dvc_read_differently_is_refused(tmp_path, value):
    (tmp_path / "params.yaml").write_text(f"train: {{epochs: {value}}}\n")
    with pytest.raises(UserError, match=r"train.epochs.*to Snakemake and .* to DVC; quote it if"):
        params_module.load(tmp_path / "params.yaml")


@pytest.mark.parametrize("value", ["1e-3", "1e3", "0.5", "1_000", "0x1f", "true", "'010'", '"no"'])
def test_what_both_read_alike_is_taken(tmp_path, value):
    (tmp_path / "params.yaml").write_text(f"train: {{epochs: {value}}}\n")
    params_module.load(tmp_path / "params.yaml")


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3\n", "b: {2: x, 02: y, 'a': 1, a: 2}\n"])
def test_a_key_that_stands_twice_is_refused(tmp_path, text):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(UserError, match=r"stands twice, again in line .; keep one"):
        params_module.load(tmp_path / "params.yaml")


@pytest.mark.parametrize("other", [2, "02", "#020202", "002"])
def test_one_value_of_two_classes_is_refused(params, other):
    params["data"]["mask_values"][other] = "erythrocyte"
    assert problems(params) == [
        f"params.yaml: data.mask_values: '2', {other!r} are one value, but stand for erythrocyte "
        "and spirochaete; keep one"
    ]
    params["data"]["mask_values"][other] = "spirochaete"
    check(params, SCHEMA)


def test_a_table_is_replaced_whole_and_settings_are_merged(params):
    one, two = {"0": "background", "7": "cell"}, {"0": "background", "9": "cell"}
    layers = [{"data": {"mask_values": one}}, {"data": {"mask_values": two}}, {"train": {}}]
    merged = replace_tables(params, layers)
    assert merged["data"] == params["data"] | {"mask_values": two}
