"""Gather in build/site what the site shows of a run on synthetic scenes, for `make site`.

The run's report, and the predictions of its model for its test scenes.
"""

import shutil
from pathlib import Path

from darkfield.cli import PARAMS, run_predict
from darkfield.command import command
from darkfield.files import UserError, read_csv
from darkfield.params import Params
from darkfield.validation import check, load

SCENES, REPORT, OUT = Params().data.root, Path("results/report.html"), Path("build/site/example")

with command():
    if (root := check(load(PARAMS)).data.root) != SCENES:
        raise UserError(f"{PARAMS}: the site shows a run on {SCENES}, not on {root}: set data.root")
    if not REPORT.exists():
        raise UserError(f"{REPORT} is missing, which the site shows: make run")
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    shutil.copy(REPORT, OUT)
    split = read_csv("data/split.csv")
    test = split["image"][split["split"] == "test"]
    run_predict(
        [f"{SCENES}/images/{name}.png" for name in test], OUT / "gallery", Path("results/model")
    )
