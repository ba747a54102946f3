"""Several presets on one split: `python -m darkfield.compare notebook segnet unet best`.

A name is a file of presets/, or a row of docs/ablation.yaml: a preset, and changes to it.
Each is a whole run of the chain in results/compare/NAME/, on the data and split of params.yaml;
with --folds its cross-validation. What has run is not run again.
"""

import argparse
import math
import os
import subprocess
from collections.abc import Sequence
from functools import reduce
from operator import getitem
from pathlib import Path
from statistics import median

import pandas as pd
import yaml
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from safetensors import safe_open

from darkfield.classes import by_class, key_of
from darkfield.command import command
from darkfield.files import UserError, atomic, read_csv, read_json, write_csv
from darkfield.plots import CLASSES, SPLITS

ROWS = Path("docs/ablation.yaml")
OUT = Path("results/compare")
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
    changes = dict(rows.get(name, {"preset": name}))
    params = yaml.safe_load(Path("presets", f"{changes.pop('preset')}.yaml").read_text())
    params |= {section: own[section] for section in SHARED}
    for section, value in changes.items():
        params[section] = params[section] | value if isinstance(value, dict) else value
    root = Path(params["data"]["root"])
    if root != Path("data/synthetic"):
        params["data"] = params["data"] | {"root": os.path.relpath(root, OUT / name)}
    return params


def run(name: str, target: str, cores: int) -> None:
    """The chain up to `target` in results/compare/NAME/; raises UserError if it fails."""
    folder = OUT / name
    own = yaml.safe_load(Path("params.yaml").read_text())
    text = yaml.safe_dump(params_of(name, own), sort_keys=False)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "params.yaml").write_text(text)
    if not (folder / "models").exists():
        (folder / "models").symlink_to(os.path.relpath("models", folder))
    command = ["snakemake", "--snakefile", "Snakefile", "--directory", folder]
    quiet = ["--cores", str(cores), "--quiet", "host", "reason", "rules", "--"]
    if subprocess.run([*command, *quiet, target]).returncode:
        raise UserError(f"{name}: the run in {folder} failed; what it said stands above")


def row(name: str, fold: str) -> dict:
    """One line of the table: what a preset reaches on test, its size, and its times.

    `fold` is "", or "folds/1/": of cross-validation all images are tested, the time of prediction
    is the first fold's, and there are 95 % intervals.
    """
    results, benchmarks = OUT / name / "results", OUT / name / "benchmarks" / fold
    metrics = read_json(results / Path(fold).parent / "metrics.json")
    epochs = len(read_csv(results / fold / "train/history.csv"))
    images = len(read_csv(OUT / name / "data/split.csv"))
    test, intervals = metrics["test"], metrics.get("interval_95")
    values = {"miou": ("miou",), "mdice": ("mdice",)}
    values |= {f"{c}_dice": (key_of(c), "dice") for c in by_class(test)}
    quality = {}
    for column, path in values.items():
        quality[column] = reduce(getitem, path, test)
        if intervals:
            quality[f"{column}_low"], quality[f"{column}_high"] = reduce(getitem, path, intervals)
    return {
        "preset": name,
        "parameters": parameters(results / fold / "model/model.safetensors"),
        **quality,
        "train_minutes": train_minutes(name, fold),
        "predict_seconds_per_image": seconds(benchmarks / "evaluate") / epochs / images,
    }


def train_minutes(name: str, fold: str) -> float:
    """What training took; the median of the folds, since a resumed one counts from there on."""
    files = (OUT / name / "benchmarks").glob(f"{fold.replace('1', '*')}train.tsv")
    return median(seconds(file) for file in files) / 60


def seconds(rule: Path) -> float:
    """What a rule and its batches took, from Snakemake's benchmark files RULE.tsv, RULE/*.tsv."""
    files = [rule.with_suffix(".tsv"), *rule.glob("*.tsv")]
    return sum(pd.read_csv(file, sep="\t")["s"].iloc[0] for file in files)


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
        "parameters": "parameters (millions)",
        "train_minutes": "training (minutes)",
        "predict_seconds_per_image": "prediction (seconds an image)",
    }
    panels = figure.subplots(1, 3, sharey=True)
    for axes, (column, label) in zip(panels, against.items(), strict=True):
        values = table[column] / (1e6 if column == "parameters" else 1)
        axes.scatter(values, table["miou"], color=SPLITS["test"][0])
        for x, y, name in zip(values, table["miou"], table["preset"], strict=True):
            axes.annotate(name, (x, y), xytext=(5, 3), textcoords="offset points", fontsize=8)
        axes.set(xlabel=label, xscale="log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.margins(x=0.3, y=0.1)
    panels[0].set(ylabel="mean IoU on test")
    return figure


def curves(names: Sequence[str], fold: str) -> Figure:
    """Dice of each class but background over the time of training, train and test, by preset.

    Of cross-validation the mean of the folds, in a band from the lowest to the highest.
    """
    figure = Figure((3.6 * len(names), 3.8), layout="constrained")
    panels = figure.subplots(1, len(names), sharex=True, sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, names, strict=True):
        files = (OUT / name / "results").glob(f"{fold.replace('1', '*')}evaluation/epochs.csv")
        epochs = pd.concat(read_csv(file) for file in sorted(files))
        minutes = train_minutes(name, fold) / epochs["epoch"].max()
        for k, c in enumerate(epochs["class"].unique()[1:], start=1):
            for split in ("train", "test"):
                rows = epochs[(epochs["class"] == c) & (epochs["split"] == split)]
                dice = rows.groupby("epoch")["dice"].agg(["mean", "min", "max"])
                time, colour = dice.index * minutes, CLASSES[k % len(CLASSES)]
                axes.fill_between(time, dice["min"], dice["max"], color=colour, alpha=0.2, lw=0)
                style = {"color": colour, "linestyle": SPLITS[split][1], "marker": ".", "ms": 3}
                axes.plot(time, dice["mean"], **style, lw=1.2, label=f"{c}, {split}")
        axes.set(title=name, xlabel="training (minutes)", ylim=(0, 1))
    panels[0].set(ylabel="Dice", xlim=(0, None))
    handles, labels = panels[0].get_legend_handles_labels()
    columns = len(labels) if len(names) > 2 else len(labels) // 2
    figure.legend(handles, labels, loc="outside upper center", ncols=columns, frameon=False)
    return figure


def main(names: Sequence[str], folds: bool, cores: int) -> None:
    """Run all presets, one after the other; then write the table and the plots."""
    fold, kind = ("folds/1/", "folds") if folds else ("", "table")
    for name in names:
        run(name, "cross_validation" if folds else "results/metrics.json", cores)
    table = pd.DataFrame(row(name, fold) for name in names)
    write_csv(OUT / f"{kind}.csv", table)
    for figure, file in ((plot(table), kind), (curves(names, fold), f"{kind}_curves")):
        with atomic(OUT / f"{file}.png") as part:
            figure.savefig(part)
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m darkfield.compare", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="PRESET")
    parser.add_argument("--folds", action="store_true", help="cross-validate each")
    parser.add_argument("--cores", type=int, default=4)
    with command():
        main(**vars(parser.parse_args()))
