"""A model to give away is half as large and labels as before."""

import numpy as np
import torch
from safetensors.torch import load_file

from darkfield.files import read_json, write_json
from darkfield.prediction import classes_of, load, predict
from darkfield.ship import ship
from darkfield.synthetic import scene

CPU = torch.device("cpu")


def test_half_precision_labels_as_before(model, tmp_path):
    found = {"test": {"miou": 0.5}, "interval_95": {"miou": [0.4, 0.6]}, "folds": []}
    write_json(tmp_path / "metrics.json", found)
    ship(model, tmp_path / "shipped", True, tmp_path / "metrics.json")
    files = {p.name: p.stat().st_size for p in (tmp_path / "shipped").iterdir()}
    assert files.keys() == {"model.safetensors", "model.json", "LICENSE"}
    assert files["model.safetensors"] < 0.52 * (model / "model.safetensors").stat().st_size
    spec = read_json(tmp_path / "shipped/model.json")
    assert spec["predict"]["tta"]
    assert spec["cross_validation"] == {key: found[key] for key in ("test", "interval_95")}
    spec["predict"]["tta"] = False
    image, _ = scene(np.random.default_rng(1), 64, 96)
    image = image[:32, :48]
    labels = []
    for folder in (model, tmp_path / "shipped"):
        network, _ = load(folder, CPU)
        (out,) = predict(network, [image], [(32, 48)], spec, CPU, "fp32")
        labels.append(classes_of(out))
    assert (labels[0] == labels[1]).mean() > 0.99


def test_batch_statistics_keep_their_range(model, tmp_path):
    ship(model, tmp_path / "shipped", False, None)
    weights = load_file(tmp_path / "shipped/model.safetensors")
    kinds = {name: value.dtype for name, value in weights.items()}
    assert {k for n, k in kinds.items() if "running_" in n} == {torch.float32}
    assert {k for n, k in kinds.items() if n.endswith(".weight")} == {torch.float16}
