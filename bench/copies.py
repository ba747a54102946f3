"""Copies of the project to run, and what Snakemake noted of their rules."""

import csv
import shutil
import subprocess
import time
from pathlib import Path

import yaml

from darkfield.engine.ran import stage_of

HERE = Path(__file__).parent


def project(folder: Path, images: int) -> Path:
    """A copy of the project, under DVC, with a given number of synthetic images."""
    for name in ("workflow", "profiles", "src", "models/None", "None"):
        shutil.copytree(HERE.parent / name, folder / name)
    for name in ("Snakefile", "dvc.yaml"):
        shutil.copy(HERE.parent / name, folder)
    params = yaml.safe_load((HERE.parent / "params.yaml").read_text())
    params["synthesize"]["images"] = images
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    run(folder, "dvc", "init", "--quiet", "--no-scm")
    run(folder, "dvc", "config", "core.check_update", "false")
    return folder


def run(folder: Path, *command: str) -> float:
    """Run a command; its seconds."""
    begin = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - begin


def benchmarks(folder: Path) -> dict[str, dict[str, float]]:
    """Snakemake's records of each rule's seconds, those of all its batches, and peak memory."""
    rows: dict[str, dict[str, float]] = {}
    for path in sorted((folder / "benchmarks").rglob("*.tsv")):
        with path.open() as file:
            (row,) = csv.DictReader(file, delimiter="\t")
        first, *batch = path.relative_to(folder / "benchmarks").parts
        whole = batch and stage_of(first) == first
        rule = f"{first}_batch" if whole else first.removesuffix(".tsv")
        before = rows.get(rule, {"seconds": 0, "peak_mb": 0, "jobs": 0})
        rows[rule] = {
            "seconds": before["seconds"] + float(row["s"]),
            "peak_mb": max(before["peak_mb"], float(row["max_rss"])),
            "jobs": before["jobs"] + 1,
        }
    return rows
