"""Gather in build/site what the site shows of a run on synthetic scenes, for `make site`.

The run's report, and the predictions of its model for its test scenes.
"""

import re
import shutil
from pathlib import Path

from darkfield.cli import run_predict
from darkfield.command import command
from darkfield.files import UserError, read_csv
from darkfield.params import Params

SCENES, REPORT, OUT = Params().data.root, Path("results/report.html"), Path("build/site/example")

with command():
    if not REPORT.exists():
        raise UserError(f"{REPORT} is missing, which the site shows: make run")
    (root,) = re.findall(r"<title>.* on (.*): darkfield report", REPORT.read_text(encoding="utf-8"))
    if root != SCENES:
        raise UserError(f"{REPORT} is of {root}; the site shows a run on {SCENES}: set data.root")
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    shutil.copy(REPORT, OUT)
    split = read_csv("data/split.csv")
    test = split["image"][split["split"] == "test"]
    scenes = [f"{SCENES}/images/{name}.png" for name in test]
    run_predict(scenes, OUT / "gallery", Path("results/model"))
