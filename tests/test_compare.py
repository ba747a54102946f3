"""Presets on one split, and cross-validation: real runs of small ones."""

import argparse
import json
import sys
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import yaml
from pages import of_classes
from project import SMALL, project, run

from darkfield import compare
from darkfield.files import UserError, read_json, write_csv, write_json
from darkfield.measure import paired
from darkfield.network.spec import save_spec
from darkfield.params import Params
from darkfield.validation import check, load

FAST = {"train": {"epochs": 1, "batch_size": 8, "threads": 1}}


@pytest.fixture
def small(tmp_path):
    """A project with two presets, `one` and `two`, and a row `three` that changes `two`."""
    folder = project(tmp_path / "project", **FAST, split={"folds": 2})
    (folder / "presets").mkdir()
    small = {"image_size": SMALL["image_size"], "overlays": SMALL["overlays"]}
    for name, seed in (("one", 1), ("two", 2)):
        preset = small | {"train": FAST["train"] | {"seed": seed}, "synthesize": {"images": 9}}
        (folder / f"presets/{name}.yaml").write_text(yaml.safe_dump(preset))
    rows = {"rows": {"three": {"preset": "two", "train": {"seed": 3}}}}
    (folder / "docs").mkdir()
    (folder / "docs/ablation.yaml").write_text(yaml.safe_dump(rows))
    return folder


def test_a_row_changes_its_preset_and_shares_data_and_split(small, monkeypatch):
    monkeypatch.chdir(small)
    params = load(small / "params.yaml")
    params["data"]["root"], params["split"] = "data/mine", params["split"] | {"seed": 7}
    params["split"]["file"] = "lists/mine.csv"
    own = check(params)
    got = compare.params_of("three", own)
    assert got["train"] == params["train"] | {"seed": 3}
    other = compare.params_of("three", own, seed=8)
    assert other["train"]["seed"] == 8 and other["split"]["seed"] == 7
    folder = small / "results/compare/three/seed-8"
    assert (folder / other["data"]["root"]).resolve() == small / "data/mine"
    assert (folder / other["split"]["file"]).resolve() == small / "lists/mine.csv"
    assert got["split"]["seed"] == 7
    assert got["synthesize"]["images"] == SMALL["synthesize"]["images"]
    assert (small / "results/compare/three" / got["data"]["root"]).resolve() == small / "data/mine"


def test_an_unknown_preset_is_reported_with_the_known_ones(small, monkeypatch):
    monkeypatch.chdir(small)
    with pytest.raises(UserError, match=r"^four: neither .* \(known: one, two, three\)$"):
        compare.params_of("four", Params())


@pytest.mark.parametrize("text", ["1,1", "1,x", "", "1,-2", "1,01"])
def test_seeds_are_different_numbers(text):
    assert compare.numbers("1,2,30") == [1, 2, 30]
    with pytest.raises(argparse.ArgumentTypeError, match="is not different numbers"):
        compare.numbers(text)


def test_a_resumed_fold_does_not_make_training_look_short(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for fold, seconds in (("folds/1/", 20), ("folds/2/", 600), ("folds/3/", 610), ("", 90)):
        file = compare.OUT / "one/benchmarks" / fold / "train.tsv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"s\th:m:s\n{seconds}\t-\n")
    assert compare.train_minutes("one", [None], "folds/1/") == 10
    assert compare.train_minutes("one", [None], "") == 1.5


def test_curves_are_the_mean_of_the_folds_over_minutes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for fold, dice in ((1, (0.2, 0.4)), (2, (0.4, 0.8))):
        folder = compare.OUT / "one/results/folds" / str(fold) / "evaluation"
        folder.mkdir(parents=True)
        index = pd.MultiIndex.from_product(
            [(1, 2), ("train", "test"), ("background", "cell")], names=["epoch", "split", "class"]
        )
        table = pd.DataFrame(index=index).reset_index()
        table["dice"] = [dice[epoch - 1] for epoch in table["epoch"]]
        table.to_csv(folder / "epochs.csv", index=False)
        file = compare.OUT / f"one/benchmarks/folds/{fold}/train.tsv"
        file.parent.mkdir(parents=True)
        file.write_text("s\th:m:s\n600\t-\n")
        spec = of_classes(["background", "cell"], "background")
        save_spec(folder.parent / "model/model.json", spec)
    (axes,) = compare.curves(["one"], [None], "folds/1/").axes
    assert [line.get_label() for line in axes.lines] == ["cell, train", "cell, test"]
    for line in axes.lines:
        assert line.get_xydata() == pytest.approx(np.array([[5, 0.3], [10, 0.6]]))


def test_images_are_the_same_if_their_pixels_and_masks_are(tmp_path, monkeypatch):
    """Synthetic scenes have the same names whatever they show."""
    monkeypatch.chdir(tmp_path)
    images = {"image": ["001", "002"], "image_pixels_sha256": ["a", "b"], "mask_sha256": ["c", "d"]}
    for name, seed, other in (
        ("one", None, {}),
        ("same", None, {}),
        ("pixels", None, {"image_pixels_sha256": ["a", "x"]}),
        ("masks", None, {"mask_sha256": ["x", "d"]}),
        ("seeds", 1, {}),
        ("seeds", 2, {"mask_sha256": ["c", "x"]}),
    ):
        folder = compare.folder_of(name, seed)
        results = folder / "results"
        write_csv(folder / "data/flattened_masks.csv", pd.DataFrame(images | other))
        split = {"image": images["image"], "group": [1, 2], "split": "test"}
        write_csv(folder / "data/split.csv", pd.DataFrame(split))
        write_json(results / "metrics.json", {"epoch": 1})
        save_spec(results / "model/model.json", of_classes(["background", "cell"], "background"))
        counts = pd.DataFrame(columns=["image", "class", "predicted_objects", "drawn_objects"])
        write_csv(results / "evaluation/object_images.csv", counts)
        np.save(results / "evaluation/confusions.npy", np.ones((1, 2, 2, 2), int))
    one = compare.tested("one", [None], "")
    assert [
        paired.comparable(one, compare.tested(name, [None], ""))
        for name in ("same", "pixels", "masks")
    ] == [True, False, False]
    with pytest.raises(UserError, match=r"^seeds: its trainings were tested on different images"):
        compare.tested("seeds", [1, 2], "")


@pytest.mark.long
def test_presets_make_a_table_and_plots(small):
    done = run(small, sys.executable, "-m", "darkfield.compare", "one", "three", "--cores", "2")
    assert done.returncode == 0, done.stdout
    out = small / "results/compare"
    table = pd.read_csv(out / "table.csv")
    assert list(table["preset"]) == ["one", "three"]
    for name in table["preset"]:
        metrics = read_json(out / name / "results/metrics.json")
        row = table.set_index("preset").loc[name]
        assert row["miou"] == pytest.approx(metrics["test"]["miou"])
        assert row["erythrocyte_object_f1"] == metrics["objects"]["erythrocyte"]["f1"]
    assert (table["train_minutes"] > 0).all()
    assert table["parameters"].nunique() == 1
    splits = [(out / name / "data/split.csv").read_bytes() for name in table["preset"]]
    assert splits[0] == splits[1]
    assert {p.name for p in out.glob("*.png")} == {"table.png", "table_curves.png"}
    again = run(small, sys.executable, "-m", "darkfield.compare", "one", "--cores", "2")
    assert "Nothing to be done" in again.stdout


@pytest.mark.long
def test_seeds_train_each_preset_again_on_one_split(small):
    """As `make compare SEEDS=1,2` calls it."""
    options = ("--seeds", "1,2", "--cores", "2")
    done = run(small, sys.executable, "-m", "darkfield.compare", "one", "three", *options)
    assert done.returncode == 0, done.stdout
    out = small / "results/compare"
    table = pd.read_csv(out / "table.csv").set_index("preset")
    folders = {name: [out / name / f"seed-{seed}" for seed in (1, 2)] for name in table.index}
    for name, both in folders.items():
        scores = [read_json(f / "results/metrics.json")["test"]["miou"] for f in both]
        assert scores[0] != scores[1]
        assert table["miou"][name] == pytest.approx(np.mean(scores))
        assert table["miou_sd"][name] == pytest.approx(np.std(scores, ddof=1))
    assert (table["trainings"] == 2).all()
    # They differ in their seed alone, which --seeds replaces.
    assert table["miou_difference"]["three"] == 0
    assert "too few" in done.stdout  # of fields: four images are tested
    assert "trained once" not in done.stdout
    splits = {f.read_bytes() for f in out.glob("*/seed-*/data/split.csv")}
    assert len(splits) == 1


@pytest.mark.long
def test_cross_validation_tests_every_image_once_and_ranks_the_labels(small):
    done = run(small, sys.executable, "-m", "darkfield.compare", "one", "--folds", "--cores", "2")
    assert done.returncode == 0, done.stdout
    results = small / "results/compare/one/results"
    splits = [pd.read_csv(results / f"folds/{fold}/split.csv", dtype=str) for fold in (1, 2)]
    tested = Counter(image for s in splits for image in s["image"][s["split"] == "test"])
    assert tested == Counter(splits[0]["image"])
    metrics = read_json(results / "folds/metrics.json")
    low, high = metrics["interval_95"]["miou"]
    assert low <= metrics["test"]["miou"] <= high
    table = pd.read_csv(small / "results/compare/folds.csv").iloc[0]
    cells = metrics["objects"]["erythrocyte"]
    assert cells["f1"] == table["erythrocyte_object_f1"]
    counted = pd.read_csv(results / "folds/object_images.csv", dtype={"image": str})
    some = counted[counted["class"] == "erythrocyte"]
    tell = some["group"][some["drawn_objects"] + some["predicted_objects"] > 0].nunique()
    low_f1, high_f1 = metrics["objects_interval_95"]["erythrocyte"]["f1"]
    assert low_f1 is None if tell < 10 else low_f1 <= cells["f1"] <= high_f1
    assert Counter(counted["image"]) == Counter(2 * list(splits[0]["image"]))  # for two classes
    assert cells["drawn"] == counted["drawn_objects"][counted["class"] == "erythrocyte"].sum()
    assert table["miou_low"] == pytest.approx(low)
    matrices = np.load(results / "folds/confusions.npy")
    for fold, split in enumerate(splits):
        epoch = read_json(results / f"folds/{fold + 1}/metrics.json")["epoch"]
        own = np.load(results / f"folds/{fold + 1}/evaluation/confusions.npy")[epoch - 1]
        rows = (split["split"] == "test").to_numpy()
        assert (matrices[rows] == own[rows]).all()
    folder = small / "results/compare/one"
    done = run(folder, "snakemake", "-s", small / "Snakefile", "--cores", "2", "label_review")
    assert done.returncode == 0, done.stdout
    review = pd.read_csv(results / "label_review.csv", dtype={"image": str})
    assert sorted(review["image"]) == sorted(splits[0]["image"])
    assert review["agreement"].is_monotonic_increasing
    assert len(list((results / "label_review").glob("*.png"))) == 20


@pytest.mark.long
def test_a_model_folder_is_measured_on_the_data_at_hand(tmp_path):
    """On its own data it scores what the chain said that it scores."""
    folder = project(tmp_path / "project", **FAST)
    assert run(folder, "snakemake", "--cores", "2", "metrics").returncode == 0
    (folder / "results/model").rename(folder / "models/mine")
    done = run(folder, "snakemake", "--cores", "2", "results/models/mine/metrics.json")
    assert done.returncode == 0, done.stdout
    own, measured = (
        read_json(folder / f"results/{path}metrics.json") for path in ("", "models/mine/")
    )
    assert measured["test"] == own["test"]
    assert measured["objects"] == own["objects"]


@pytest.mark.long
def test_training_starts_from_a_models_weights(tmp_path):
    folder = project(tmp_path / "project", **FAST)
    assert run(folder, "snakemake", "--cores", "2", "calibrate").returncode == 0
    (folder / "results/model").rename(folder / "models/mine")
    first = pd.read_csv(folder / "results/train/history.csv")["loss"].iloc[0]
    mine = read_json(folder / "models/mine/model.json")
    mine["mean"] = [0.25, 0.3, 0.35]
    (folder / "models/mine/model.json").write_text(json.dumps(mine))
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["train"]["pretrained_weights"] = "mine"
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    assert run(folder, "snakemake", "--cores", "2", "train").returncode == 0
    spec = read_json(folder / "results/train/model.json")
    assert len(spec["provenance"]["pretrained_weights"]) == 64
    assert (spec["mean"], spec["std"]) == (mine["mean"], mine["std"])
    assert pd.read_csv(folder / "results/train/history.csv")["loss"].iloc[0] < first
    alone = {"pretrained_weights": None, "crop": [64, 64]}
    losses = set()
    for scenes in (0, 0.5):
        params["train"] |= alone | {"scenes": scenes}
        (folder / "params.yaml").write_text(yaml.safe_dump(params))
        assert run(folder, "snakemake", "--cores", "2", "train").returncode == 0
        losses.add(pd.read_csv(folder / "results/train/history.csv")["loss"].iloc[0])
    assert len(losses) == 2
    params["train"] |= {"crop": None, "scenes": 0, "ensemble": [{"train": {"seed": 5}}]}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    assert run(folder, "snakemake", "--cores", "2", "train").returncode == 0
    assert pd.read_csv(folder / "results/train/history.csv")["loss"].iloc[0] != first
    others = [{"model": {"name": "segnet_vgg16"}, "train": {"epochs": 1}}, {"train": {"seed": 5}}]
    params["train"] |= {"pretrained_weights": None, "teacher": "mine", "ensemble": others}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    assert run(folder, "snakemake", "--cores", "2", "train").returncode == 0
    spec = read_json(folder / "results/train/model.json")
    assert len(spec["provenance"]["teachers"]) == 1
    assert spec["trained_on"]
    assert "network 2 of 2 to learn from" in (folder / "logs/train.log").read_text()
    params["train"] |= {"pretrained_weights": "mine", "teacher": "nobody"}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    done = run(folder, "snakemake", "--cores", "2", "train")
    assert "train.teacher: models/nobody has no model.json in it; copy a model there" in done.stdout
    params["train"] |= {"teacher": None, "ensemble": []}
    params["model"]["notebook_head"] = True
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    done = run(folder, "snakemake", "--cores", "2", "train")
    assert (
        "train.pretrained_weights: models/mine/model.safetensors is of another model" in done.stdout
    )
