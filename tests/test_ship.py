"""A model to give away is half as large and labels as before."""

import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from darkfield.data.synthetic import scene
from darkfield.files import read_json, write_json
from darkfield.network.predictor import Predictor
from darkfield.network.spec import read_spec
from darkfield.publish.card import card
from tools.ship import parser, ship

FACTS = {"licence": "CC0-1.0", "data": "Twelve pictures of mine.", "authors": ["A. Author"]}


@pytest.fixture
def facts(tmp_path):
    (tmp_path / "terms").write_text("As you like.")
    return FACTS | {"licence_file": tmp_path / "terms"}


def test_what_is_said_of_a_model_is_what_its_maker_says(model, facts, tmp_path):
    ship(model, tmp_path / "shipped", **facts)
    spec = read_json(tmp_path / "shipped/model.json")
    assert {key: spec[key] for key in FACTS} == FACTS
    assert (tmp_path / "shipped/LICENSE").read_text() == "As you like."
    said = (tmp_path / "shipped/model.json").read_text() + card(read_spec(tmp_path / "shipped"))
    assert not [word for word in ("286", "366", "Nguyen", "CC BY-NC") if word in said]


@pytest.mark.parametrize("fact", ["--licence", "--licence-file", "--data", "--author"])
def test_what_only_its_maker_knows_is_asked_for(fact, capsys):
    told = {"--licence": "CC0-1.0", "--licence-file": "a", "--data": "b", "--author": "c"}
    rest = [word for name, value in told.items() if name != fact for word in (name, value)]
    with pytest.raises(SystemExit):
        parser().parse_args(["model", "out", *rest])
    assert f"required: {fact}\n" in capsys.readouterr().err


def test_half_precision_labels_as_before(model, facts, tmp_path):
    found = {"test": {"miou": 0.5}, "interval_95": {"miou": [0.4, 0.6]}, "folds": []}
    write_json(tmp_path / "metrics.json", found)
    folds = tmp_path / "metrics.json"
    ship(model, tmp_path / "shipped", **facts, cross_validation=folds)
    files = {p.name: p.stat().st_size for p in (tmp_path / "shipped").iterdir()}
    assert files.keys() == {"model.safetensors", "model.json", "LICENSE"}
    assert files["model.safetensors"] < 0.52 * (model / "model.safetensors").stat().st_size
    spec = read_json(tmp_path / "shipped/model.json")
    assert spec["predict"] == read_json(model / "model.json")["predict"]
    assert spec["cross_validation"] == {key: found[key] for key in ("test", "interval_95")}
    image, *_ = scene(np.random.default_rng(1), 64, 96)
    image = image[:32, :48]
    labels = []
    for folder in (model, tmp_path / "shipped"):
        labels.append(Predictor(folder, "cpu", "fp32").labels(image))
    assert (labels[0] == labels[1]).mean() > 0.99


def test_what_the_folds_taught_goes_with_the_model(model, facts, tmp_path):
    """Its calibration, and the threshold of what is unlike the pictures that it knows."""
    own = read_json(model / "model.json")
    known = {"mean": [0], "scale": [1], "axes": [[1]], "variances": [1], "rest": 1}
    other = shutil.copytree(model, tmp_path / "other")
    write_json(other / "model.json", own | {"familiarity": known})
    calibration = {"temperatures": [1.5, 2, 3], "objects": {}, "images": 9}
    found = {"test": None, "calibration": calibration}
    found["familiarity"] = {"threshold": 17.0, "images": 9, "marked": 1}
    write_json(tmp_path / "metrics.json", found)
    folds = tmp_path / "metrics.json"
    ship(other, tmp_path / "shipped", **facts, cross_validation=folds)
    spec = read_spec(tmp_path / "shipped")
    assert spec.calibration.temperatures == (1.5, 2, 3)
    assert spec.familiarity.threshold == 17
    assert spec.cross_validation["familiarity"]["marked"] == 1


def test_batch_statistics_keep_their_range(model, facts, tmp_path):
    ship(model, tmp_path / "shipped", **facts)
    weights = load_file(tmp_path / "shipped/model.safetensors")
    kinds = {name: value.dtype for name, value in weights.items()}
    assert {k for n, k in kinds.items() if "running_" in n} == {torch.float32}
    assert {k for n, k in kinds.items() if n.endswith(".weight")} == {torch.float16}
