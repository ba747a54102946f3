"""`darkfield predict`: every picture gets its label picture and counts, bad ones are told."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
import torch
from PIL import Image

from darkfield.cli import run_predict
from darkfield.files import UserError, read_json, write_json
from darkfield.images import resize_image
from darkfield.prediction import classes_of, load, predict

CPU = torch.device("cpu")
SIZES = {"one": (40, 60), "deep/two": (33, 17), "three": (64, 70)}


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    for name, size in SIZES.items():
        path = tmp_path / f"in/{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)
    return tmp_path / "in"


def test_labels_overlays_and_counts_of_each(model, pictures, tmp_path):
    out = tmp_path / "out"
    run_predict([str(pictures)], out, model)
    for name, size in SIZES.items():
        label = Image.open(out / f"{name}.png")
        assert label.mode == "P"
        assert label.size == size[::-1]
        assert set(np.unique(label)) <= {0, 1, 2}
        assert Image.open(out / f"overlays/{name}.jpg").size == size[::-1]
    assert len(list(out.rglob("*.png"))) == len(SIZES)
    counts = pd.read_csv(out / "counts.csv", index_col="image")
    objects = pd.read_csv(out / "objects.csv")
    assert sorted(counts.index) == sorted(SIZES)
    assert counts["erythrocytes"].sum() == (objects["class"] == "erythrocyte").sum()
    assert counts["spirochaetes"].sum() == (objects["class"] == "spirochaete").sum()
    assert "area_um2" not in objects

    network, spec = load(model, CPU)
    image = np.asarray(Image.open(pictures / "one.png"))
    seen = image if spec["image_size"] == "native" else resize_image(image, spec["image_size"])
    (logits,) = predict(network, [seen], [(40, 60)], spec, CPU, "fp32")
    same = np.asarray(Image.open(out / "one.png")) == classes_of(logits)
    assert same.mean() > 0.98  # bf16 moves a few


def test_probabilities_agree_with_the_labels(model, pictures, tmp_path):
    out = tmp_path / "out"
    run_predict([str(pictures)], out, model, probabilities=True, um_per_pixel=0.1)
    for name, size in SIZES.items():
        stack = tifffile.imread(out / f"probabilities/{name}.tif")
        assert stack.shape == (3, *size)
        assert stack.sum(axis=0) == pytest.approx(1, abs=1e-5)
        assert (stack.argmax(axis=0) == np.asarray(Image.open(out / f"{name}.png"))).all()
    assert "area_um2" in pd.read_csv(out / "objects.csv")


def test_it_goes_on_where_it_stopped(model, pictures, tmp_path):
    out = tmp_path / "out"
    run_predict([str(pictures / "one.png")], out, model)
    made = (out / "one.png").stat().st_mtime_ns
    run_predict([str(pictures)], out, model)
    assert (out / "one.png").stat().st_mtime_ns == made
    assert len(pd.read_csv(out / "counts.csv")) == len(SIZES)


def test_another_models_folder_is_left_alone(model, pictures, tmp_path):
    run_predict([str(pictures)], tmp_path / "out", model)
    other = shutil.copytree(model, tmp_path / "other")
    write_json(other / "model.json", read_json(model / "model.json") | {"epoch": 7})
    with pytest.raises(UserError, match=r"out: holds what another model or other options made; gi"):
        run_predict([str(pictures)], tmp_path / "out", other)


def test_a_bad_picture_does_not_stop_the_others(model, pictures, tmp_path):
    (pictures / "bad.png").write_text("no picture")
    command = [Path(sys.executable).with_name("darkfield"), "predict", pictures, "--model", model]
    done = subprocess.run([*command, "--out", tmp_path / "out"], capture_output=True, text=True)
    assert done.returncode == 1
    reason = done.stderr.strip().splitlines()[-1]
    assert "bad.png: cannot be read" in reason
    assert "Traceback" not in done.stderr
    assert len(list((tmp_path / "out").rglob("*.png"))) == len(SIZES)


def test_what_is_no_model_is_told_in_a_line(pictures, tmp_path):
    with pytest.raises(UserError) as error:
        run_predict([str(pictures)], tmp_path / "out", tmp_path / "none")
    assert [line.partition(": ")[2] for line in str(error.value).splitlines()] == [
        "no such file; --model names a model's folder"
    ] * 2
    broken = tmp_path / "broken"
    broken.mkdir()
    write_json(broken / "model.json", {"classes": {"background": 0}, "model": {"name": "segnet"}})
    (broken / "model.safetensors").write_bytes(b"rubbish")
    with pytest.raises(UserError, match="not a model that this version can read"):
        run_predict([str(pictures)], tmp_path / "out", broken)
    assert not (tmp_path / "out").exists()
