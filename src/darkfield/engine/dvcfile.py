"""dvc.yaml, written from the Snakefile: `python -m darkfield.engine.dvcfile > dvc.yaml`.

Each rule of the chain becomes a stage of the same name that runs Snakemake for this rule alone.
"""

import os
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import yaml
from snakemake.io import is_flagged, strip_wildcard_constraints
from snakemake.iocontainers import Wildcards
from snakemake.rules import Rule

from darkfield.command import command
from darkfield.engine.imports import code_files
from darkfield.engine.private import RUN, load_rules
from darkfield.engine.ran import stage_of

MODEL = {"model_check", "model_evaluate", "model_select", "model_objects", "model_metrics"}
ON_DEMAND = {"fold", "cross_validation", "label_review", *MODEL, "predict", "export", "crate"}
NOT_STAGES = {"all", *ON_DEMAND}
SCRIPTS = Path("workflow/scripts")
# DVC tracks these as one folder each; Snakemake names every file.
FOLDERS = (
    *("data/pixels", "data/resized"),
    *("results/train/checkpoints", "results/found", "results/model", "results/plots"),
)
IN_GIT = (".json", ".csv", ".sha256")  # small tables are committed; all else goes to DVC's cache
METRICS = "results/metrics.json"
EPOCHS, CONFUSION = "results/evaluation/epochs.csv", "results/evaluation/confusion.csv"
GAIN = "results/evaluation/before_after_images.csv"
# Inputs that params name, by their names in the rules. For null DVC looks for `None`, which exists.
NAMED = {
    # DVC follows no links within a folder, and images and masks may be links.
    "root": ("${data.root}", "${data.root}/images", "${data.root}/masks"),
    "pretrained": ("models/${train.pretrained_weights}",),
    "teacher": ("models/${train.teacher}",),
    "own_split": ("${split.file}/",),  # alone, without the slash, null is an error of DVC's
}
UNSEEN = (*NAMED, "pretrained_spec", "checksums")  # the last for Snakemake, which hashes no folders
HEAD = """\
# The Snakefile's chain as DVC stages. Written by `make dvc.yaml`: do not edit; a test compares.
"""
# What `dvc plots` draws, with DVC's templates and ours in .dvc/plots, and `dvc artifacts` offers.
PLOTS = [
    {
        "training loss": {
            "template": "simple",
            "x": "epoch",
            "y": {"results/train/history.csv": "loss"},
            "y_label": "training loss",
        }
    },
    {
        "overlap accuracy": {
            "template": "curves",
            "x": "epoch",
            "y": {EPOCHS: "overlap_accuracy"},
            "y_label": "overlap accuracy",
        }
    },
    {"IoU": {"template": "curves", "x": "epoch", "y": {EPOCHS: "iou"}, "y_label": "IoU"}},
    {
        "test pixels": {
            "template": "confusion_pixels",
            "x": "predicted",
            "y": {CONFUSION: "true"},
            "x_label": "predicted class",
            "y_label": "true class",
        }
    },
    {
        "before and after": {  # nothing, unless the training started from a model
            "template": "scatter",
            "x": {GAIN: "dice_before"},
            "y": {GAIN: "dice_after"},
            "x_label": "Dice of an image before",
            "y_label": "Dice of an image after",
        }
    },
]
ARTIFACTS = {
    "segnet": {
        "path": "results/model",
        "type": "model",
        "desc": "SegNet of the selected epoch: weights, and all that is needed to use them",
    }
}


def paths(files: Iterable[str]) -> list[str]:
    """Files under the names that DVC uses: those in one of FOLDERS by that folder."""

    def folder(file: str) -> str:
        return next((f for f in FOLDERS if Path(f) in Path(file).parents), file)

    return sorted({folder(str(file)) for file in files})


def own(file: str | Callable[[Wildcards], str]) -> str:
    """An input or output of a rule in the chain itself, not in a fold."""
    path = file(Wildcards(fromdict=RUN)) if callable(file) else file
    return str(strip_wildcard_constraints(path)).replace("{run}", "")


def named(rule: Rule, name: str) -> list[str]:
    """The inputs of a rule that have this name."""
    files = getattr(rule.input, name, [])
    return [files] if isinstance(files, str) else list(files)


def param_keys(names: Iterable[str], config: dict[str, Any]) -> list[str]:
    """A rule's params as keys of params.yaml: a section, or a key that only one section has.

    `raw` and `code`, digests of data.root and of modules, are left out: DVC hashes those files.
    """
    keys = []
    for name in names:
        sections = [s for s, v in config.items() if isinstance(v, dict) and name in v]
        if name in config:
            keys.append(name)
        elif name not in ("raw", "code"):
            (section,) = sections
            keys.append(f"{section}.{name}")
    return sorted(keys)


def stage(rule: Rule, parts: list[Rule], config: dict[str, Any]) -> dict[str, Any]:
    """The DVC stage of a rule, including the rules, if any, that do parts of its work."""
    rules = [rule, *parts]
    outputs = paths(own(o) for r in rules for o in r.output if not is_flagged(o, "temp"))
    unseen = {file for r in rules for name in UNSEEN for file in named(r, name)}
    inputs = {own(file) for r in rules for file in r.input} - unseen
    code = {os.path.relpath(file) for r in rules for file in code_files(SCRIPTS / f"{r.name}.py")}
    names = " ".join(r.name for r in rules)
    result = {
        "cmd": f"snakemake {rule.name} --force --allowed-rules {names} --quiet all",
        "deps": [dep for name, deps in NAMED.items() if hasattr(rule.input, name) for dep in deps]
        + [f for f in paths(inputs | code) if f not in outputs and "batches" not in Path(f).parts],
        "params": param_keys({*chain(*(r.params.keys() for r in rules))}, config),
        "outs": [
            {o: {"cache": False}} if o.endswith(IN_GIT) else o for o in outputs if o != METRICS
        ],
        "metrics": [{METRICS: {"cache": False}}] if METRICS in outputs else [],
    }
    return {key: value for key, value in result.items() if value}


def dvc_yaml(snakefile: Path) -> str:
    """The text of dvc.yaml for a Snakefile."""
    rules, config = load_rules(snakefile)
    whole = [rule for rule in rules if stage_of(rule.name) == rule.name not in NOT_STAGES]
    parts: dict[str, list[Rule]] = {}
    for rule in rules:
        if (name := stage_of(rule.name)) != rule.name:
            parts.setdefault(name, []).append(rule)
    stages = {rule.name: stage(rule, parts.get(rule.name, []), config) for rule in whole}
    content = {"stages": stages, "plots": PLOTS, "artifacts": ARTIFACTS}
    return HEAD + yaml.safe_dump(content, sort_keys=False, width=100)


if __name__ == "__main__":
    with command():
        print(dvc_yaml(Path("Snakefile")), end="")
