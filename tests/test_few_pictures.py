"""docs/few_pictures.py, with trainings of one step."""

import re
import shutil
import subprocess
import sys

import pytest
import yaml
from conftest import REPOSITORY
from project import repository, snakemake
from toy import model_folder

STEP = {
    "image_size": "native",
    "synthesize": {"size": [60, 80], "magnification": [1, 2]},
    "train": {"epochs": 1, "steps_per_epoch": 1, "batch_size": 2, "crop": [32, 32], "scenes": 0.2},
}
CELL = r"[+-]?\d\.\d{3}"


@pytest.mark.long
def test_each_row_is_measured_once(tmp_path):
    folder = repository(
        tmp_path / "project",
        synthesize={"size": [100, 140]},
        image_size="native",
        train={"crop": [32, 32]},
        split={"train": 0.5, "val": 0.2, "test": 0.3},
    )
    assert snakemake(folder, "data/resized.csv", "data/split.csv").returncode == 0
    (folder / "presets").mkdir()
    (folder / "presets/finetune.yaml").write_text(yaml.safe_dump(STEP))
    (folder / "start").mkdir()
    start = model_folder(folder / "start", "native")
    script = shutil.copy(REPOSITORY / "docs/few_pictures.py", folder)
    numbers = {"choice": (10, 20, 40), "look": (5, 10, 20), "scenes": (5, 10, 20)}
    for what in numbers:
        orders = ("ranked", "at random") if what == "choice" else ("at random",)
        command = [sys.executable, script, what, start]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        header, _, before, *rows = (line for line in done.stdout.splitlines() if line[0] == "|")
        assert header.count("|") == before.count("|") == 7
        assert re.match(rf"\| before \| {CELL} \| .* \| \+0\.000 \[\+0\.000, \+0\.000\] \|", before)
        names = [f"{n}, {order}" for n in numbers[what] for order in orders]
        assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == names
        for row in rows:
            assert re.search(rf"\| {CELL} ± {CELL} \|", row)
            if "random" in row:
                assert row.endswith("| +0.000 [+0.000, +0.000] |")
        kept = {path: path.stat().st_mtime_ns for path in folder.glob("results/few_pictures/*.npz")}
        again = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert again.stdout == done.stdout
        assert kept == {path: path.stat().st_mtime_ns for path in kept}
