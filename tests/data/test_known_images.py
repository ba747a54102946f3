"""Images that a model was trained on do not test it unnoticed: under the real Snakemake."""

import shutil

import numpy as np
import pytest
from project import noise, project, set_params, snakemake

from darkfield.files import read_csv, read_json, write_json

METRICS, SCORES = (f"results/models/own/{name}.json" for name in ("metrics", "evaluation/scores"))
OWN = "results/evaluation/scores.json"
CLASSES = {"background": 0, "erythrocyte": 1, "spirochaete": 2}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A project that has trained a model and keeps it as models/own."""
    folder = project(tmp_path_factory.mktemp("trained") / "project")
    done = snakemake(folder, "--cores", "2", "results/metrics.json")
    assert done.returncode == 0, done.stdout
    shutil.copytree(folder / "results/model", folder / "models/own")
    return folder


@pytest.fixture
def changed(trained):
    """The same; params and model are put back afterwards."""
    files = [trained / name for name in ("params.yaml", "models/own/model.json")]
    before = [file.read_text() for file in files]
    yield trained
    for file, text in zip(files, before, strict=True):
        file.write_text(text)


def last_line(folder, *arguments):
    done = snakemake(folder, "--cores", "2", *arguments)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stdout
    return done.stdout.splitlines()[-1]


def edit_model(folder, **changes):
    path = folder / "models/own/model.json"
    write_json(path, read_json(path) | changes)


@pytest.mark.long
def test_a_model_records_its_training_images_and_is_measured_on_the_others(changed):
    table = read_csv(changed / "data/flattened_masks.csv")
    split = read_csv(changed / "data/split.csv")
    digests = table["image_pixels_sha256"][split["split"] == "train"]
    record = read_json(changed / "models/own/model.json")["trained_on"]
    assert list(record) == sorted(digests)
    done = snakemake(changed, "--cores", "2", METRICS)
    assert done.returncode == 0, done.stdout
    own, again = read_json(changed / OWN), read_json(changed / SCORES)
    assert "leak" not in again
    assert (again["test"], again["val"]) == (own["test"], own["val"])


@pytest.mark.long
def test_the_order_of_classes_changes_nothing(changed):
    """Neither in the data, whose masks are numbered otherwise, nor of the keys of model.json."""
    snakemake(changed, "--cores", "2", METRICS)
    usual = read_json(changed / SCORES)
    set_params(changed, data={"classes": {"background": 0, "spirochaete": 1, "erythrocyte": 2}})
    done = snakemake(changed, "--cores", "2", METRICS)
    assert done.returncode == 0, done.stdout
    other = read_json(changed / SCORES)
    edit_model(changed, classes=dict(sorted(CLASSES.items(), reverse=True)))
    done = snakemake(changed, "--cores", "2", METRICS)
    assert done.returncode == 0, done.stdout
    for metrics in (other, read_json(changed / SCORES)):
        assert metrics["test"].keys() == usual["test"].keys()
        for name in CLASSES:
            assert metrics["test"][name] == usual["test"][name]


@pytest.mark.long
def test_other_classes_are_refused_before_anything_is_measured(changed):
    edit_model(changed, classes={"background": 0, "cell": 1}, calibration=None)
    line = last_line(changed, METRICS)
    assert "has the classes background, cell, but data.classes has background, erythro" in line


@pytest.mark.long
def test_images_that_the_model_knows_are_refused_or_reported(changed):
    """Another split makes training images into test images."""
    edit_model(changed, classes=CLASSES)
    set_params(changed, split={"seed": 5})
    line = last_line(changed, METRICS)
    assert line.startswith("model_check failed: models/own: ")
    assert "test images were trained on" in line
    assert "set evaluate.trained_on: report" in line
    report = ("--config", "evaluate={trained_on: report}")
    done = snakemake(changed, "--cores", "2", METRICS, *report)
    assert done.returncode == 0, done.stdout
    metrics = read_json(changed / SCORES)
    split = read_csv(changed / "data/split.csv")["split"].value_counts()
    assert metrics["leak"]["test"]["of"] == split["test"]
    assert metrics["leak"]["test"]["trained_on"] > 0
    assert f"of {split['test']} test images were trained on" in metrics["caveats"][0]
    # Which leaves the split, and so the chain, as they were.
    assert "split:" not in snakemake(changed, "--dry-run", "data/split.csv").stdout


@pytest.mark.long
def test_a_model_that_does_not_say_is_refused_or_said_to_be_unknown(changed):
    edit_model(changed, trained_on=None)
    assert "does not say which images the model was trained on" in last_line(changed, METRICS)
    set_params(changed, evaluate={"trained_on": "report"})
    done = snakemake(changed, "--cores", "2", METRICS)
    assert done.returncode == 0, done.stdout
    assert read_json(changed / SCORES)["leak"] is None


@pytest.mark.long
def test_what_pretrained_weights_know_trains_in_the_chain_and_in_every_fold(trained, tmp_path):
    folder = project(
        tmp_path / "project",
        train={"pretrained_weights": "own", "epochs": 1},
        select={"epoch": 1},
        split={"seed": 5, "folds": 2},
    )
    shutil.copytree(trained / "models/own", folder / "models/own")
    own = folder / "models/own/model.json"
    before = dict(list(read_json(own)["trained_on"].items())[:10])
    write_json(own, read_json(own) | {"trained_on": before})
    done = snakemake(folder, "--cores", "2", "cross_validation", "results/metrics.json")
    assert done.returncode == 0, done.stdout
    digests = read_csv(folder / "data/flattened_masks.csv")["image_pixels_sha256"]
    known = digests.isin(before)
    for path in ("data/split.csv", "results/folds/1/split.csv", "results/folds/2/split.csv"):
        assert set(read_csv(folder / path)["split"][known]) == {"train"}
    assert "leak" not in read_json(folder / OWN)
    tested = read_csv(folder / "results/folds/split.csv")
    assert len(tested) == (~known).sum()
    assert np.load(folder / "results/folds/confusions.npy").sum(axis=(1, 2)).all()
    after = read_json(folder / "results/model/model.json")["trained_on"]
    assert after.keys() > before.keys()
    # All of them known: nothing is left to test, unless that is to be reported.
    write_json(own, read_json(own) | {"trained_on": dict.fromkeys(digests, 0)})
    line = last_line(folder, "results/metrics.json")
    assert "were trained on the fields of view of 24 of the 24 images" in line
    set_params(folder, evaluate={"trained_on": "report"})
    done = snakemake(folder, "--cores", "2", "results/report.html")
    assert done.returncode == 0, done.stdout
    sentence = "4 of 4 test images were trained on"
    assert sentence in read_json(folder / OWN)["caveats"]
    assert sentence in (folder / "results/report.html").read_text()


@pytest.mark.long
def test_a_random_split_says_that_it_leaks_and_its_folds_do_not(tmp_path):
    """Twenty pictures, each there twice."""
    root = tmp_path / "mine"
    noise(root)
    for part in ("images", "masks"):
        for path in sorted((root / part).iterdir()):
            shutil.copy(path, path.with_name(f"copy{path.name}"))
    folder = project(
        tmp_path / "project",
        data={"root": "../mine"},
        split={"strategy": "random", "folds": 2},
        train={"epochs": 1},
    )
    done = snakemake(folder, "--cores", "2", "cross_validation", "results/report.html")
    assert done.returncode == 0, done.stdout
    split = read_csv(folder / "data/split.csv")
    assert split["group"].nunique() == 20
    trains = set(split["group"][split["split"] == "train"])
    tests = split["group"][split["split"] == "test"]
    metrics = read_json(folder / OWN)
    leak = metrics["leak"]["test"]
    assert leak["trained_on"] + leak["same_field"] == tests.isin(trains).sum() > 0
    assert leak["of"] == len(tests)
    assert metrics["caveats"][0] in (folder / "results/report.html").read_text()
    for fold in (1, 2):
        table = read_csv(folder / f"results/folds/{fold}/split.csv")
        assert (table.groupby("group")["split"].nunique() == 1).all()
    assert "leak" not in read_json(folder / "results/folds/metrics.json")
