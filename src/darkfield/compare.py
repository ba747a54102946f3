"""Several presets on one split: `python -m darkfield.compare notebook segnet unet best`.

A name is a file of presets/, or a row of docs/ablation.yaml: a preset, and changes to it.
Each is a whole run of the chain in results/compare/NAME/, on the data and split of params.yaml.
What has run is not run again.
"""

import math
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import yaml
from matplotlib.figure import Figure
from safetensors import safe_open

from darkfield.files import UserError, atomic, read_csv, read_json, write_csv
from darkfield.plots import SPLITS

ROWS = Path("docs/ablation.yaml")
OUT = Path("results/compare")
RULES = ("train", "evaluate")
SHARED = ("data", "synthesize", "split")  # what params.yaml says, whatever the preset


def params_of(name: str, own: dict) -> dict:
    """The params of a preset or row, with the data and the split of `own`.

    Raises UserError if there is no such preset or row.
    """
    rows = yaml.safe_load(ROWS.read_text())["rows"] if ROWS.exists() else {}
    preset = Path("presets", f"{name}.yaml")
    if name not in rows and not preset.exists():
        known = [*sorted(p.stem for p in preset.parent.glob("*.yaml")), *rows]
        raise UserError(
            f"{name}: neither in presets/ nor a row of {ROWS} (known: {', '.join(known)})"
        )
    row = dict(rows.get(name, {"preset": name}))
    params = yaml.safe_load(Path("presets", f"{row.pop('preset')}.yaml").read_text())
    for section, value in row.items():
        params[section] = params[section] | value if isinstance(value, dict) else value
    params |= {section: own[section] for section in SHARED}
    root = Path(own["data"]["root"])
    if root != Path("data/synthetic"):
        params["data"] = params["data"] | {"root": os.path.relpath(root, OUT / name)}
    return params


def run(name: str, cores: str) -> None:
    """The chain up to its metrics in results/compare/NAME/; raises UserError if it fails."""
    folder = OUT / name
    own = yaml.safe_load(Path("params.yaml").read_text())
    text = yaml.safe_dump(params_of(name, own), sort_keys=False)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "params.yaml").write_text(text)
    command = ["snakemake", "--snakefile", "Snakefile", "--directory", folder, "--cores", cores]
    if subprocess.run(
        [*command, "--quiet", "host", "reason", "rules", "--", "results/metrics.json"]
    ).returncode:
        raise UserError(f"{name}: the run in {folder} failed; what it said stands above")


def row(name: str) -> dict:
    """One line of the table: what a preset reaches on test, its size, and its times."""
    results = OUT / name / "results"
    metrics, epochs = read_json(results / "metrics.json"), read_csv(results / "train/history.csv")
    images = len(read_csv(OUT / name / "data/split.csv"))
    seconds = {rule: benchmark(OUT / name / f"benchmarks/{rule}.tsv") for rule in RULES}
    test = metrics["test"]
    return {
        "preset": name,
        "parameters": parameters(results / "model/model.safetensors"),
        "epoch": metrics["epoch"],
        "miou": test["miou"],
        "mdice": test["mdice"],
        **{f"{c}_dice": v["dice"] for c, v in test.items() if isinstance(v, dict)},
        "train_minutes": seconds["train"] / 60,
        "evaluate_seconds_per_image": seconds["evaluate"] / len(epochs) / images,
    }


def benchmark(path: Path) -> float:
    """The seconds that a rule took, from Snakemake's benchmark file."""
    return pd.read_csv(path, sep="\t")["s"].iloc[0]


def parameters(weights: Path) -> int:
    """How many numbers training could change in a model: all but those of batch statistics."""
    with safe_open(weights, "numpy") as file:
        names = list(file.keys())
        trained = (n for n in names if "running_" not in n and "num_batches" not in n)
        return sum(math.prod(file.get_slice(n).get_shape()) for n in trained)


def plot(table: pd.DataFrame) -> Figure:
    """Mean IoU on test against parameters, training time, and time an image."""
    figure = Figure((9, 3.4), layout="constrained")
    against = {
        "parameters": "parameters",
        "train_minutes": "training (minutes)",
        "evaluate_seconds_per_image": "prediction (seconds an image)",
    }
    for axes, (column, label) in zip(
        figure.subplots(1, 3, sharey=True), against.items(), strict=True
    ):
        axes.scatter(table[column], table["miou"], color=SPLITS["test"][0])
        for x, y, name in zip(table[column], table["miou"], table["preset"], strict=True):
            axes.annotate(name, (x, y), xytext=(5, 3), textcoords="offset points", fontsize=8)
        axes.set(xlabel=label, ylabel="mean IoU on test" if column == "parameters" else "")
        axes.margins(x=0.25)
        if column == "parameters":
            axes.set_xscale("log")
    return figure


def main(names: Sequence[str], cores: str) -> None:
    """Run all presets, one after the other; then write the table and the plot."""
    for name in names:
        run(name, cores)
    table = pd.DataFrame(row(name) for name in names)
    write_csv(OUT / "table.csv", table)
    with atomic(OUT / "table.png") as part:
        plot(table).savefig(part)
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    try:
        main(sys.argv[1:], os.environ.get("CORES", "4"))
    except UserError as error:
        sys.exit(str(error))
