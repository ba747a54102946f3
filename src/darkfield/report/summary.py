"""The results of a run as text: `python -m darkfield.report.summary`."""

from pathlib import Path
from typing import Any

from darkfield.classes import by_class
from darkfield.command import command
from darkfield.files import read_json
from darkfield.report import object_text

COLUMNS = {
    "iou": "IoU",
    "dice": "Dice",
    "precision": "precision",
    "recall": "recall",
    "overlap_accuracy": "overlap accuracy",
    "overlap_accuracy_present": "where present",
}
SCORES = "results/evaluation/scores.json"
OBJECT_SCORES = "results/evaluation/object_scores.json"
PLACES = {
    "metrics": "results/metrics.json",
    "model": "results/model",
    "plots": "results/plots",
    "overlays": "results/overlays",
    "report": "results/report.html",
    "snakemake": "results/snakemake-report.html",
}


def summary(metrics: dict[str, Any]) -> str:
    """The test metrics of scores.json as a table with a row for each class and one for the means.

    Below it the caveats of these metrics. Without a test split, a sentence that says so.
    """
    test = metrics["test"]
    if test is None:
        return f"Epoch {metrics['epoch']}; no test metrics, because split.test is 0"

    classes = by_class(test)
    width = max(map(len, (*classes, "background")), default=0) + 1

    def row(name: str, values: dict[str, Any]) -> str:
        cells = (values.get(c) for c in COLUMNS)
        texts = ("" if v is None else f"{v:.3f}" for v in cells)
        return f"{name:{width}}" + "".join(
            f"{text:>{len(title) + 2}}" for text, title in zip(texts, COLUMNS.values(), strict=True)
        )

    head = " " * width + "".join(f"  {title}" for title in COLUMNS.values())
    rows = [row(name, values) for name, values in classes.items()]
    mean = row("mean", {"iou": test["miou"], "dice": test["mdice"]})
    title = f"Test images, native resolution, epoch {metrics['epoch']}"
    return "\n".join([title, head, *rows, mean.rstrip(), *metrics.get("caveats", [])])


def results() -> str:
    """The test metrics of this folder's last run, and where to look for more."""
    parts = [summary(read_json(SCORES))]
    if Path(OBJECT_SCORES).exists():
        parts.append(object_text.summary(read_json(OBJECT_SCORES)))
    there = (f"{name:10}{path}" for name, path in PLACES.items() if Path(path).exists())
    return "\n\n".join([*filter(None, parts), "\n".join(there)])


if __name__ == "__main__":
    with command():
        print(results())
