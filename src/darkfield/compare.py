"""Several presets on one split: `python -m darkfield.compare notebook segnet unet best`.

A name is that of a file in presets/, or of a row of docs/ablation.yaml: a preset, and changes to
it. Each is a whole run of the chain in results/compare/NAME/, on the data and split of params.yaml;
with --folds, its cross-validation; with --seeds, one run per train.seed, in NAME/seed-SEED/. What
has run is not run again. Differences are from the preset that is named first.
"""

import argparse
import math
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import yaml
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from safetensors import safe_open

from darkfield import presets
from darkfield.classes import class_names
from darkfield.command import command
from darkfield.files import UserError, atomic, read_csv, read_json, write_csv
from darkfield.measure import paired
from darkfield.measure.paired import Recipe
from darkfield.network.spec import load_spec
from darkfield.params import Params
from darkfield.report.palette import SPLITS, class_colours
from darkfield.report.plots import columns
from darkfield.validation import check, load, merged

ROWS = Path("docs/ablation.yaml")
OUT = Path("results/compare")
CONTENTS = ["image_pixels_sha256", "mask_sha256"]  # what an image and its mask are, by any name
SHARED = (
    "data",
    "objects",
    "colours",
    "synthesize",
    "split",
)  # what params.yaml says, whatever the preset


def params_of(name: str, own: Params, seed: int | None = None) -> dict[str, Any]:
    """The params of a preset or row, with the data and the split of `own`, and this train.seed.

    Raises UserError if there is no such preset or row, or if it contradicts the data.
    """
    rows = yaml.safe_load(ROWS.read_text())["rows"] if ROWS.exists() else {}
    if name not in rows and name not in presets.names():
        known = ", ".join([*presets.names(), *rows])
        raise UserError(f"{name}: neither in presets/ nor a row of {ROWS} (known: {known})")
    changes = dict(rows.get(name, {"preset": name}))
    recipe = merged(Params().plain(), presets.read(changes.pop("preset")))
    shared = {section: own.plain()[section] for section in SHARED}
    params = check(merged(recipe | shared, changes), name).plain()
    for section, key in (("data", "root"), ("split", "file")):
        path = params[section][key]
        if path is not None and Path(path) != Path("data/synthetic"):
            params[section][key] = os.path.relpath(path, folder_of(name, seed))
    if seed is not None:
        params["train"]["seed"] = seed
    return params


def folder_of(name: str, seed: int | None) -> Path:
    """Where a preset is run, by its own seed or by another."""
    return OUT / name if seed is None else OUT / name / f"seed-{seed}"


def run(name: str, seed: int | None, target: str, cores: int) -> None:
    """The chain up to `target` in the preset's folder; raises UserError if it fails."""
    folder = folder_of(name, seed)
    own = check(load(Path("params.yaml")))
    text = yaml.safe_dump(params_of(name, own, seed), sort_keys=False)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "params.yaml").write_text(text)
    if not (folder / "models").exists():
        (folder / "models").symlink_to(os.path.relpath("models", folder))
    command = ["snakemake", "--snakefile", "Snakefile", "--directory", str(folder)]
    if subprocess.run([*command, "--cores", str(cores), "--", target]).returncode:
        raise UserError(f"{name}: the run in {folder} failed; see its messages above")


def tested(name: str, seeds: Sequence[int | None], fold: str) -> Recipe:
    """The results of a preset's trainings on the test images; with `fold`, on all images.

    `fold` is "", or "folds/1/". Raises UserError if there are no test images, or if a training was
    tested on other images than the first: other pixels, or other masks, whatever their names.
    """
    tables, matrices, objects = [], [], []
    for seed in seeds:
        folder = folder_of(name, seed)
        results = folder / "results"
        manifest = read_csv(folder / "data/flattened_masks.csv")[["image", *CONTENTS]]
        if fold:
            table = read_csv(results / "folds/split.csv")
            matrices.append(np.load(results / "folds/confusions.npy"))
            found = read_csv(results / "folds/object_images.csv")
        else:
            split = read_csv(folder / "data/split.csv")
            table = split[split["split"] == "test"]
            epoch = read_json(results / "metrics.json")["epoch"]
            measured = np.load(results / "evaluation/confusions.npy", mmap_mode="r")[epoch - 1]
            matrices.append(measured[table.index.to_numpy()])
            found = read_csv(results / "evaluation/object_images.csv")
        tables.append(table[["image", "group"]].merge(manifest, on="image"))
        objects.append(found)
    if tables[0].empty:
        raise UserError("split.test: is 0, so nothing can be compared; set it above 0")
    if not all(table.equals(tables[0]) for table in tables):
        raise UserError(
            f"{name}: its trainings were tested on different images; remove {OUT / name}"
        )
    classes = class_names(read_json(results / fold / "model/model.json")["classes"])
    return paired.measured(tables[0], np.stack(matrices), classes, objects)


def costs(name: str, seeds: Sequence[int | None], fold: str) -> dict[str, Any]:
    """The size of a preset's model and its times; the time of prediction is the first run's."""
    folder = folder_of(name, seeds[0])
    epochs = len(read_csv(folder / "results" / fold / "train/history.csv"))
    images = len(read_csv(folder / "data/split.csv"))
    predicted = seconds(folder / "benchmarks" / fold / "evaluate")
    return {
        "parameters": parameters(folder / "results" / fold / "model/model.safetensors"),
        "train_minutes": train_minutes(name, seeds, fold),
        "predict_seconds_per_image": predicted / epochs / images,
    }


def of_runs(name: str, seeds: Sequence[int | None], fold: str, file: str) -> list[Path]:
    """A file of every training of a preset: of each seed and, with `fold`, of each fold."""
    pattern = file.format(fold=fold.replace("1", "*"))
    return [path for seed in seeds for path in sorted(folder_of(name, seed).glob(pattern))]


def train_minutes(name: str, seeds: Sequence[int | None], fold: str) -> float:
    """Minutes of training; the median, since a resumed training counts only what it ran."""
    files = of_runs(name, seeds, fold, "benchmarks/{fold}train.tsv")
    return median(seconds(file) for file in files) / 60


def seconds(rule: Path) -> float:
    """Seconds of a rule and its batches, from Snakemake's benchmark files RULE.tsv, RULE/*.tsv."""
    files = [rule.with_suffix(".tsv"), *rule.glob("*.tsv")]
    return sum(float(pd.read_csv(file, sep="\t")["s"].iloc[0]) for file in files)


def parameters(weights: Path) -> int:
    """The number of trainable parameters of a model: all but batch statistics."""
    with safe_open(weights, "numpy") as file:
        names = list(file.keys())
        trained = (n for n in names if "running_" not in n and "num_batches" not in n)
        return sum(math.prod(file.get_slice(n).get_shape()) for n in trained)


def plot(table: pd.DataFrame) -> Figure:
    """Mean IoU on test against parameters, training time, and time per image.

    For several trainings: their mean, with bars of their standard deviation.
    """
    figure = Figure((9, 3.4), layout="constrained")
    against = {
        "parameters": "parameters (millions)",
        "train_minutes": "training (minutes)",
        "predict_seconds_per_image": "prediction (seconds per image)",
    }
    panels = figure.subplots(1, 3, sharey=True)
    for axes, (column, label) in zip(panels, against.items(), strict=True):
        values = table[column] / (1e6 if column == "parameters" else 1)
        axes.errorbar(values, table["miou"], table["miou_sd"], fmt="o", color=SPLITS["test"][0])
        for x, y, name in zip(values, table["miou"], table["preset"], strict=True):
            axes.annotate(name, (x, y), xytext=(5, 3), textcoords="offset points", fontsize=8)
        axes.set(xlabel=label, xscale="log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.margins(x=0.3, y=0.1)
    panels[0].set(ylabel="mean IoU on test")
    return figure


def curves(names: Sequence[str], seeds: Sequence[int | None], fold: str) -> Figure:
    """Dice of each class but background over the time of training, train and test, by preset.

    For several trainings, seeds or folds: the mean, in a band from the lowest to the highest.
    """
    figure = Figure((3.6 * len(names), 3.8), layout="constrained")
    panels = figure.subplots(1, len(names), sharex=True, sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, names, strict=True):
        files = of_runs(name, seeds, fold, "results/{fold}evaluation/epochs.csv")
        epochs = pd.concat(map(read_csv, files))
        minutes = train_minutes(name, seeds, fold) / epochs["epoch"].max()
        spec = load_spec(of_runs(name, seeds, fold, "results/{fold}model/model.json")[0])
        colours = class_colours(spec)
        for c in spec.looked_for:
            for split in ("train", "test"):
                rows = epochs[(epochs["class"] == c) & (epochs["split"] == split)]
                dice = rows.groupby("epoch")["dice"].agg(["mean", "min", "max"])
                time = dice.index * minutes
                axes.fill_between(time, dice["min"], dice["max"], color=colours[c], alpha=0.2, lw=0)
                style = {"color": colours[c], "linestyle": SPLITS[split][1], "marker": ".", "ms": 3}
                axes.plot(time, dice["mean"], **style, lw=1.2, label=f"{c}, {split}")
        axes.set(title=name, xlabel="training (minutes)", ylim=(0, 1))
    panels[0].set(ylabel="Dice", xlim=(0, None))
    handles, labels = panels[0].get_legend_handles_labels()
    across = columns(labels, figure.get_figwidth())
    figure.legend(handles, labels, loc="outside upper center", ncols=across, frameon=False)
    return figure


def numbers(text: str) -> list[int]:
    """The seeds of --seeds; raises ArgumentTypeError unless they are different numbers."""
    found = text.split(",")
    if not all(seed.isdecimal() for seed in found) or len(set(map(int, found))) < len(found):
        raise argparse.ArgumentTypeError(f"{text!r} is not different numbers, such as 1,2,3")
    return list(map(int, found))


def main(names: Sequence[str], folds: bool, seeds: list[int] | None, cores: int) -> None:
    """Run all presets, one after the other; then write the table and the plots."""
    fold, kind = ("folds/1/", "folds") if folds else ("", "table")
    trained: Sequence[int | None] = seeds or [None]
    for name in names:
        for seed in trained:
            run(name, seed, "cross_validation" if folds else "results/metrics.json", cores)
    recipes = {name: tested(name, trained, fold) for name in names}
    cost = pd.DataFrame(costs(name, trained, fold) for name in names)
    table = pd.concat([paired.table(recipes), cost], axis=1)
    write_csv(OUT / f"{kind}.csv", table)
    for figure, file in ((plot(table), kind), (curves(names, trained, fold), f"{kind}_curves")):
        with atomic(OUT / f"{file}.png") as part:
            figure.savefig(part)
    print(paired.summary(table), f"More in {OUT / kind}.csv", *paired.notes(recipes), sep="\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m darkfield.compare", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="PRESET")
    parser.add_argument("--folds", action="store_true", help="cross-validate each")
    parser.add_argument("--seeds", type=numbers, help="train each once per seed, such as 1,2,3")
    parser.add_argument("--cores", type=int, default=4)
    with command():
        main(**vars(parser.parse_args()))
