"""From predictions by way of corrections to a model of one's own, under the real Snakemake."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from project import dvc, planned, repository, snakemake
from toy import model_folder

from darkfield.cli import run_predict
from darkfield.data.synthetic import scene
from darkfield.files import read_csv, read_json, write_json
from darkfield.objects.repainted import Painted
from darkfield.params import Params
from darkfield.report.adopted import adopt
from darkfield.report.corrected import save, state
from darkfield.report.corrections import predicted, predictions

PICTURES = 14
OTHER = {"background": 0, "spirochaete": 1, "erythrocyte": 2}  # the order of the model's classes
CONFIDENCE = {"intercept": 0.5, "slopes": [1, 0, 0, 0, 0], "threshold": 0.3, "spread": 2.0}
AS_THERE = np.array([0, 2, 1], np.uint8)


@pytest.mark.long
def test_corrections_are_learnt_and_the_report_compares_before_and_after(tmp_path):
    folder = repository(
        tmp_path / "project",
        data={"root": "data/mine", "batches": 2},
        train={"pretrained_weights": "start", "epochs": 1},
        split={"train": 0.4, "val": 0.2, "test": 0.4},
    )
    start = folder / "models/start"
    start.mkdir()
    model_folder(start, "native")
    known = {"temperatures": [1, 1, 1], "objects": {"spirochaete": CONFIDENCE}, "images": 9}
    facts = {"trained_on": {}, "classes": OTHER, "calibration": known}
    write_json(start / "model.json", read_json(start / "model.json") | facts)
    (tmp_path / "in").mkdir()
    truths = {}
    for seed in range(PICTURES):
        picture, truths[f"{seed}"], _ = scene(np.random.default_rng(seed), 48, 64, 3)
        Image.fromarray(picture).save(tmp_path / f"in/{seed}.png")
    run_predict([str(tmp_path / "in")], tmp_path / "out", start)
    of = predictions(tmp_path / "out", start)
    for place in of.places:
        seen, into = predicted(of, place), tmp_path / "out/corrected"
        before = state(into, place, seen)
        save(into, of, place, seen, before, Painted(AS_THERE[truths[place.name]], before.numbers))
    adopt(tmp_path / "out", folder / "data/mine", Params().data)
    for name, truth in truths.items():
        assert (np.asarray(Image.open(folder / f"data/mine/masks/{name}.png")) == truth).all()

    done = snakemake(folder, "--cores", "2")
    assert done.returncode == 0, done.stdout
    evaluation = folder / "results/evaluation"
    gain = read_csv(evaluation / "before_after.csv").fillna({"class": ""})
    gain = gain.set_index(["metric", "class"])
    scores = read_json(evaluation / "scores.json")["test"]
    objects = read_json(evaluation / "object_scores.json")["test"]
    assert gain.loc[("miou", ""), "after"] == pytest.approx(scores["miou"])
    for name in ("erythrocyte", "spirochaete"):
        after = gain.loc[("dice", name), "after"]
        assert after == pytest.approx(scores[name]["dice"], nan_ok=True)
        bias = gain.loc[("count_bias", name), "after"]
        assert bias == pytest.approx(objects[name]["count_bias"], nan_ok=True)
    page = (folder / "results/report.html").read_text()
    assert "Before and after" in page and "No gain is claimed" in page
    assert read_csv(evaluation / "before_after_images.csv")["image"].nunique() >= 3
    (plot,) = json.loads(dvc(folder, "plots", "show", "--json"))["data"]["before and after"]
    assert plot["content"]["data"]["values"]
    # Three val images hold too few spirochaetes to learn from: what the first model knew is kept.
    spec = read_json(folder / "results/model/model.json")["calibration"]
    assert spec["objects"]["spirochaete"] == CONFIDENCE | {"spread": None}
    told = "Val holds too few of spirochaete: the confidence"
    assert told in (folder / "results/validation.md").read_text()
    # The same as where that model is measured by itself, which nothing of test was known to.
    own = "results/models/start/metrics.json"
    done = snakemake(folder, "--cores", "2", own)
    assert done.returncode == 0, done.stdout
    alone = read_json(folder / own)
    assert gain.loc[("miou", ""), "before"] == pytest.approx(alone["test"]["miou"])
    for name, of_class in alone["objects"].items():
        bias = gain.loc[("count_bias", name), "before"]
        assert bias == pytest.approx(of_class["count_bias"], nan_ok=True)
    # Both engines agree that nothing is left to do, though what was measured before is gone.
    assert planned(folder) == set()
    assert "up to date" in dvc(folder, "status")
    table = (evaluation / "before_after.csv").read_bytes()
    dvc(folder, "repro", "--force", "--single-item", "metrics")
    assert (evaluation / "before_after.csv").read_bytes() == table
    shutil.rmtree(folder / ".snakemake")
    assert planned(folder) == set()
