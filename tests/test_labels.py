"""`darkfield predict` on real files: every picture gets its label picture, bad ones are told."""

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

from darkfield.files import read_json, write_json
from darkfield.images import resize_image
from darkfield.prediction import classes_of, load, predict

CPU = torch.device("cpu")
DARKFIELD = str(Path(sys.executable).with_name("darkfield"))
SIZES = {"one": (40, 60), "deep/two": (33, 17), "three": (64, 70)}


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    for name, size in SIZES.items():
        path = tmp_path / f"in/{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)
    return tmp_path / "in"


def darkfield(*arguments):
    command = [DARKFIELD, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_label_picture_of_the_same_size_for_each(model, pictures, tmp_path):
    done = darkfield("predict", pictures, "--model", model, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    for name, size in SIZES.items():
        label = Image.open(tmp_path / f"out/{name}.png")
        assert label.mode == "P"
        assert label.size == size[::-1]
        assert set(np.unique(label)) <= {0, 1, 2}
        assert Image.open(tmp_path / f"out/overlays/{name}.jpg").size == size[::-1]
    assert len(list((tmp_path / "out").rglob("*.png"))) == len(SIZES)
    counts = pd.read_csv(tmp_path / "out/counts.csv", index_col="image")
    objects = pd.read_csv(tmp_path / "out/objects.csv")
    assert sorted(counts.index) == sorted(SIZES)
    assert counts["erythrocytes"].sum() == (objects["class"] == "erythrocyte").sum()


def test_labels_are_what_the_network_says(model, pictures, tmp_path):
    darkfield("predict", pictures / "one.png", "--model", model, "--out", tmp_path / "out")
    network, spec = load(model, CPU)
    image = np.asarray(Image.open(pictures / "one.png"))
    seen = image if spec["image_size"] == "native" else resize_image(image, spec["image_size"])
    (logits,) = predict(network, [seen], [(40, 60)], spec, CPU, "fp32")
    same = np.asarray(Image.open(tmp_path / "out/one.png")) == classes_of(logits)
    assert same.mean() > 0.98  # bf16 moves a few


def test_probabilities_agree_with_the_labels(model, pictures, tmp_path):
    options = ("--probabilities", "--um-per-pixel", "0.1")
    done = darkfield("predict", pictures, "--model", model, "--out", tmp_path / "out", *options)
    assert done.returncode == 0, done.stderr
    for name, size in SIZES.items():
        stack = tifffile.imread(tmp_path / f"out/probabilities/{name}.tif")
        assert stack.shape == (3, *size)
        assert stack.sum(axis=0) == pytest.approx(1, abs=1e-5)
        assert (stack.argmax(axis=0) == np.asarray(Image.open(tmp_path / f"out/{name}.png"))).all()
    assert "area_um2" in pd.read_csv(tmp_path / "out/objects.csv")


def test_a_bad_picture_does_not_stop_the_others(model, pictures, tmp_path):
    (pictures / "bad.png").write_text("no picture")
    done = darkfield("predict", pictures, "--model", model, "--out", tmp_path / "out")
    assert done.returncode == 1
    (reason,) = done.stderr.strip().splitlines()
    assert "bad.png: cannot be read" in reason
    assert len(list((tmp_path / "out").rglob("*.png"))) == len(SIZES)


def test_it_goes_on_where_it_stopped(model, pictures, tmp_path):
    out = tmp_path / "out"
    darkfield("predict", pictures / "one.png", "--model", model, "--out", out)
    made = (out / "one.png").stat().st_mtime_ns
    assert darkfield("predict", pictures, "--model", model, "--out", out).returncode == 0
    assert (out / "one.png").stat().st_mtime_ns == made
    assert (out / "three.png").exists()


def test_another_models_folder_is_left_alone(model, pictures, tmp_path):
    out = ("--out", tmp_path / "out")
    darkfield("predict", pictures, "--model", model, *out)
    other = shutil.copytree(model, tmp_path / "other")
    write_json(other / "model.json", read_json(model / "model.json") | {"epoch": 7})
    done = darkfield("predict", pictures, "--model", other, *out)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"{out[1]}: holds what another model or other options made; give --out another folder"
    )


def test_what_is_no_model_is_told_in_a_line(pictures, tmp_path):
    out = ("--out", tmp_path / "out")
    done = darkfield("predict", pictures, "--model", tmp_path / "none", *out)
    assert done.returncode == 1
    assert [line.partition(": ")[2] for line in done.stderr.splitlines()] == [
        "no such file; --model names a model's folder"
    ] * 2
    broken = tmp_path / "broken"
    broken.mkdir()
    write_json(broken / "model.json", {"classes": {"background": 0}, "model": {"name": "segnet"}})
    (broken / "model.safetensors").write_bytes(b"rubbish")
    done = darkfield("predict", pictures, "--model", broken, *out)
    assert done.returncode == 1
    assert "not a model that this version can read" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
