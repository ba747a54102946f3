"""dvc.yaml, written from the Snakefile: `python -m darkfield.dvcfile > dvc.yaml`.

Each rule of the chain becomes a stage of the same name that runs Snakemake for this rule alone.
"""

from collections.abc import Iterable
from pathlib import Path

import yaml
from snakemake.api import SnakemakeApi
from snakemake.rules import Rule
from snakemake.settings.types import ConfigSettings, OutputSettings, Quietness, ResourceSettings

FOLD = {f"fold_{r}" for r in ("channel_stats", "class_counts", "train", "evaluate", "select")}
MODEL = {"model_resize", "model_evaluate", "model_select"}
PREDICT = {"predict_batch", "predict"}
NOT_STAGES = {"all", "fold", *FOLD, "cross_validation", "label_review", *MODEL, *PREDICT, "export"}
# What DVC takes as one folder, where Snakemake names each file.
FOLDERS = ("results/train/checkpoints", "results/model", "results/plots")
IN_GIT = (".json", ".csv", ".sha256")  # small tables are committed; all else goes to DVC's cache
METRICS = "results/metrics.json"
EPOCHS, CONFUSION = "results/evaluation/epochs.csv", "results/evaluation/confusion.csv"
HEAD = """\
# The Snakefile's chain as DVC stages. Written by `make dvc.yaml`: do not edit; a test compares.
"""
# What `dvc plots` draws, by templates of DVC and of ours in .dvc/plots, and `dvc artifacts` gets.
PLOTS = [
    {
        "training loss": {
            "template": "simple",
            "x": "epoch",
            "y": {"results/train/history.csv": "loss"},
            "y_label": "cross entropy (nats)",
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
]
ARTIFACTS = {
    "segnet": {
        "path": "results/model",
        "type": "model",
        "desc": "SegNet of the selected epoch: weights, and all that is needed to use them",
    }
}


def load_rules(snakefile: Path) -> tuple[list[Rule], dict]:
    """The rules of a Snakefile, in order, and its checked config."""
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        settings = ResourceSettings(cores=1), ConfigSettings()
        loaded = api.workflow(settings[0], snakefile=snakefile, config_settings=settings[1])
        workflow = loaded._workflow
        return list(workflow.rules), workflow.globals["config"]


def paths(files: Iterable[str]) -> list[str]:
    """Files as DVC names them: members of FOLDERS by their folder."""

    def folder(file: str) -> str:
        return next((f for f in FOLDERS if Path(f) in Path(file).parents), file)

    return sorted({folder(str(file)) for file in files})


def param_keys(names: Iterable[str], config: dict) -> list[str]:
    """A rule's params as keys of params.yaml: a section, or a key that only one section has.

    `raw`, the digest of data.root, is not one: DVC hashes that folder itself.
    """
    keys = []
    for name in names:
        sections = [s for s, v in config.items() if isinstance(v, dict) and name in v]
        if name in config:
            keys.append(name)
        elif name != "raw":
            (section,) = sections
            keys.append(f"{section}.{name}")
    return sorted(keys)


def stage(rule: Rule, config: dict) -> dict:
    """The DVC stage of a rule."""
    root = config["data"]["root"]
    # DVC hashes data.root itself; the checksums are for Snakemake, which hashes no folder.
    inputs = set(map(str, rule.input)) - {root, getattr(rule.input, "checksums", None)}
    outputs = [o for o in paths(rule.output) if o != METRICS]
    result = {
        "cmd": f"snakemake {rule.name} --force --allowed-rules {rule.name} --quiet all",
        "deps": ["${data.root}"] * (root in rule.input)
        + ["models/${train.pretrained_weights}"] * hasattr(rule.input, "pretrained")
        + paths(inputs),
        "params": param_keys(rule.params.keys(), config),
        "outs": [{o: {"cache": False}} if o.endswith(IN_GIT) else o for o in outputs],
        "metrics": [{METRICS: {"cache": False}}] if METRICS in rule.output else [],
    }
    return {key: value for key, value in result.items() if value}


def dvc_yaml(snakefile: Path) -> str:
    """The text of dvc.yaml for a Snakefile."""
    rules, config = load_rules(snakefile)
    stages = {r.name: stage(r, config) for r in rules if r.name not in NOT_STAGES}
    content = {"stages": stages, "plots": PLOTS, "artifacts": ARTIFACTS}
    return HEAD + yaml.safe_dump(content, sort_keys=False, width=100)


if __name__ == "__main__":
    print(dvc_yaml(Path("Snakefile")), end="")
