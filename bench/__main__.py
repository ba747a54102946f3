"""What the chain costs: `make bench` prints it and writes results/bench.json.

What is compared runs in one go, by turns; ratios are of medians. Absolute times are this machine's.
"""

import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml
from tqdm import tqdm

from darkfield.environment import ENVIRONMENT
from darkfield.files import write_json

HERE = Path(__file__).parent
ROUNDS = 7
DATA_RULES = ("flatten_masks", "split", "channel_stats", "class_counts")


def by_turns(kinds: dict[str, dict[str, str]], script: str) -> dict[str, float]:
    """Median milliseconds of what workers, processes of `script`, do when told; by turns."""
    workers = {
        kind: subprocess.Popen(
            [sys.executable, HERE / script, kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
        )
        for kind, environment in kinds.items()
    }
    times: dict[str, list[float]] = {kind: [] for kind in workers}
    for _ in tqdm(range(ROUNDS), script, disable=None):
        for kind, worker in workers.items():
            print(file=worker.stdin, flush=True)
            times[kind].append(float(worker.stdout.readline()))
    for worker in workers.values():
        worker.communicate()
    return {kind: statistics.median(values) for kind, values in times.items()}


def train_step() -> dict:
    """A training step, milliseconds an image: as in the notebook, ours, and the floor."""
    batch = 8
    ms = by_turns({"plain": {}, "ours": ENVIRONMENT, "floor": ENVIRONMENT}, "step.py")
    return {
        "plain_ms": ms["plain"] / batch,
        "ours_ms": ms["ours"] / batch,
        "ratio": ms["plain"] / ms["ours"],
        "floor_ms": ms["floor"] / batch,
        "fraction_of_floor": ms["floor"] / ms["ours"],
    }


def preparation() -> dict:
    """The data rules' work on one core against decoding alone, and against a naive script."""
    ms = by_turns({kind: {} for kind in ("decode", "ours", "naive")}, "prepare.py")
    return {
        "ratio_to_decode": ms["ours"] / ms["decode"],
        "ratio_to_naive": ms["ours"] / ms["naive"],
    }


def project(folder: Path, images: int) -> Path:
    """A copy of the project with so many synthetic images."""
    for name in ("workflow", "profiles", "src"):
        shutil.copytree(HERE.parent / name, folder / name)
    shutil.copy(HERE.parent / "Snakefile", folder)
    params = yaml.safe_load((HERE.parent / "params.yaml").read_text())
    params["synthesize"]["images"] = images
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    return folder


def snakemake(folder: Path, *arguments: str) -> float:
    """Run Snakemake; its seconds."""
    begin = time.perf_counter()
    command = ["snakemake", *arguments, "--quiet", "all"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - begin


def growth(sizes: tuple[int, ...] = (20, 200, 2000)) -> list[dict]:
    """The data rules on more and more images: seconds and peak memory of each."""
    rows = []
    for images in tqdm(sizes, "growth", disable=None):
        with tempfile.TemporaryDirectory() as folder:
            copy = project(Path(folder), images)
            snakemake(
                copy, "--cores", "1", "results/channel_stats.json", "results/class_counts.json"
            )
            for rule in DATA_RULES:
                with (copy / f"benchmarks/{rule}.tsv").open() as file:
                    (row,) = csv.DictReader(file, delimiter="\t")
                seconds, peak = float(row["s"]), float(row["max_rss"])
                rows.append({"images": images, "rule": rule, "seconds": seconds, "peak_mb": peak})
    return rows


def start_up() -> dict:
    """Seconds to import what Snakemake needs, what torch needs, and of a run with nothing to do."""

    def imports(modules: str) -> float:
        times = []
        for _ in range(5):
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", f"import {modules}"], check=True)
            times.append(time.perf_counter() - begin)
        return statistics.median(times)

    with tempfile.TemporaryDirectory() as folder:
        copy, target = project(Path(folder), 20), "data/split.csv"
        snakemake(copy, "--cores", "2", target)
        nothing = statistics.median(snakemake(copy, target) for _ in range(5))
    return {
        "snakemake_import_s": imports("snakemake.cli"),
        "torch_import_s": imports("torch"),
        "nothing_to_do_s": nothing,
    }


def main() -> None:
    results = {
        "train_step": train_step(),
        "preparation": preparation(),
        "start_up": start_up(),
        "growth": growth(),
    }
    write_json("results/bench.json", results)
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
