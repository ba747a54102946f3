"""What the chain costs: `make bench` prints it and writes results/bench.json.

What is compared runs in one go, by turns; ratios are of medians. Absolute times are this machine's.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from copies import benchmarks, project, run
from tqdm import tqdm

from darkfield.data.synthetic import synthesize
from darkfield.engine.environment import ENVIRONMENT
from darkfield.files import write_json
from darkfield.shipped import MODEL, shipped

HERE = Path(__file__).parent
ROUNDS = 7
DATA_RULES = ("flatten_masks", "split", "resize", "channel_stats", "class_counts")


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


def inference() -> dict:
    """Pictures of 700 x 500 pixels a second, from file to label map, in one process."""
    return {"images_per_s": 1000 / by_turns({"ours": ENVIRONMENT}, "infer.py")["ours"]}


def prediction(pictures: int = 24) -> dict:
    """Milliseconds a picture of 1.2 megapixels: ours beside others; and the whole command."""
    others = ("plain", "onnxruntime", "nnunet")
    ms = by_turns({"ours": ENVIRONMENT} | {kind: {} for kind in others}, "predict.py")
    with tempfile.TemporaryDirectory() as folder:
        synthesize(Path(folder), images=pictures, size=(1000, 1200), seed=1)
        model = Path(shipped(MODEL)).resolve()
        command = ["darkfield", "predict", "images", "--out", "out", "--model", str(model)]
        seconds = run(Path(folder), *command)
    return {
        **{f"{kind}_ms": value for kind, value in ms.items()},
        **{f"ratio_to_{kind}": ms[kind] / ms["ours"] for kind in others},
        "command_images_per_s": pictures / seconds,
    }


def growth(sizes: tuple[int, ...] = (20, 200, 2000)) -> list[dict]:
    """The data rules on more and more images: seconds and peak memory."""
    rows = []
    for images in tqdm(sizes, "growth", disable=None):
        with tempfile.TemporaryDirectory() as folder:
            copy = project(Path(folder), images)
            targets = "results/channel_stats.json", "results/class_counts.json"
            run(copy, "snakemake", *targets, "--cores", "1", "--quiet", "all")
            rules = {
                name: row
                for name, row in benchmarks(copy).items()
                if name.removesuffix("_batch") in DATA_RULES
            }
        seconds = sum(row["seconds"] for row in rules.values())
        peak = max(row["peak_mb"] for row in rules.values())
        rows.append({"images": images, "seconds": seconds, "peak_mb": peak, "rules": rules})
    return rows


def chain() -> dict:
    """The default chain against its rules' work; runs with nothing to do; imports. In seconds."""

    def median(command: list[str], folder: Path) -> float:
        return statistics.median(run(folder, *command) for _ in range(5))

    images = yaml.safe_load((HERE.parent / "params.yaml").read_text())["synthesize"]["images"]
    with tempfile.TemporaryDirectory() as folder:
        copy = project(Path(folder), images)
        seconds = run(copy, "snakemake", "--cores", "2", "--quiet", "all")
        work = sum(row["seconds"] for row in benchmarks(copy).values())
        return {
            "chain_s": seconds,
            "rules_s": work,
            "ratio_to_rules": seconds / work,
            "nothing_to_do_snakemake_s": median(["snakemake", "--cores", "2"], copy),
            "nothing_to_do_dvc_s": median(["dvc", "repro"], copy),
            "import_snakemake_s": median([sys.executable, "-c", "import snakemake.cli"], copy),
            "import_torch_s": median([sys.executable, "-c", "import torch"], copy),
        }


def main() -> None:
    results = {
        "train_step": train_step(),
        "preparation": preparation(),
        "inference": inference(),
        "prediction": prediction(),
        "chain": chain(),
        "growth": growth(),
    }
    write_json("results/bench.json", results)
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
