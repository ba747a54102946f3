"""Classes that the images lack: the whole chain says so and carries on, with null and never NaN."""

import numpy as np
import pytest
from PIL import Image
from project import noise, project, snakemake

from darkfield.files import read_csv, read_json


def rewrite(root, images, keep):
    """Leave only the classes `keep` in the masks of these images, background in place of others."""
    for image in images:
        path = root / f"masks/{image}.png"
        mask = np.asarray(Image.open(path))
        Image.fromarray(np.where(np.isin(mask, keep), mask, 0).astype(np.uint8)).save(path)


@pytest.mark.long
@pytest.mark.parametrize(
    ("keep", "everywhere", "says"),
    [
        ([0, 1], True, "spirochaete: no image has it, so it is neither learnt nor measured"),
        ([0, 1], False, "spirochaete: no training image has it, so it is not learnt; 3 of val"),
        ([0], True, "erythrocyte: no image has it, so it is neither learnt nor measured"),
    ],
    ids=["a class that no image has", "a class in val alone", "background alone"],
)
def test_a_chain_without_a_class(tmp_path, keep, everywhere, says):
    root = tmp_path / "mine"
    noise(root)
    folder = project(
        tmp_path / "project",
        data={"root": "../mine"},
        split={"strategy": "random"},
        train={"epochs": 1, "class_weights": "counts", "dice_weight": 1, "crop": [32, 32]},
        augment={"foreground": 0.5},
    )
    assert snakemake(folder, "--cores", "2", "data/split.csv").returncode == 0
    split = read_csv(folder / "data/split.csv")
    rewrite(root, split["image"][everywhere | (split["split"] != "val")], keep)
    done = snakemake(folder, "--cores", "2")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(says) == 1
    assert says in (folder / "logs/class_counts.log").read_text()
    assert says in (folder / "results/report.html").read_text()
    for log in folder.glob("logs/*.log"):
        assert "RuntimeWarning" not in log.read_text(), log
    scores = read_json(folder / "results/evaluation/scores.json")  # which refuses NaN
    assert isinstance(scores["test"]["miou"], float)
    assert scores["test"]["spirochaete"]["recall"] is None
    assert scores["test"]["spirochaete"]["overlap_accuracy_present"] is None
    assert scores["epoch"] == 1
    assert (folder / "results/plots/classes/spirochaete.png").exists()
