"""Scores of objects as text: for the report, and for the terminal."""

from collections.abc import Iterator, Sequence
from typing import Any

from darkfield.classes import by_class, key_of

SCORES = {  # of object_scores.json
    "drawn": "drawn",
    "predicted": "predicted",
    "count_bias": "bias",
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "f1_50_95": "F1, mean of 0.5 to 0.95",
    "pq": "panoptic quality",
    "pq_50_95": "panoptic quality, mean of 0.5 to 0.95",
    "f1_quarter": "F1, if a quarter lies on one",
    "completeness": "completeness of lines",
    "correctness": "correctness of lines",
    "line_f1": "F1 of lines",
    "cldice": "clDice",
    "nsd_2px": "surface distance within 2 px",
    "nsd_5px": "surface distance within 5 px",
    "ccc": "concordance of counts",
}
# What the terminal shows, and how wide; a terminal may know no more than ASCII.
SHOWN, WIDTH = ("drawn", "predicted", "count_bias", "f1", "precision", "recall"), 12
ASCII = {ord("\N{MINUS SIGN}"): "-", ord("\N{EN DASH}"): "-", ord("\N{NARROW NO-BREAK SPACE}"): " "}


def score_rows(
    scores: dict[str, Any], names: Sequence[str]
) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The title of each score, and its value and interval, as text, for each class."""
    test, limits = scores["test"], scores["interval_95"] or {}

    def cell(metric: str, key: str) -> tuple[str, str]:
        if metric not in test[key]:
            return "", ""
        return text(metric, test[key][metric]), interval(metric, limits.get(key, {}).get(metric))

    keys = [key_of(name) for name in names]
    for metric, title in SCORES.items():
        if any(metric in test[key] for key in keys):
            yield title, [cell(metric, key) for key in keys]
    held = scores["reliability"] or {"objects": {}, "counts": {}}
    for title, kind, key in (
        ("error of confidence", "objects", "error"),
        ("true count inside its 90 % interval", "counts", "inside"),
        ("mean width of these intervals", "counts", "mean_width"),
    ):
        values = [held[kind].get(name, {}).get(key) for name in keys]
        if any(value is not None for value in values):
            yield title, [(text(key, value), "") for value in values]


def summary(scores: dict[str, Any]) -> str:
    """The test scores of object_scores.json that people look at first, a row for each class.

    Empty if there are none.
    """
    test = by_class(scores["test"] or {})
    first = max([WIDTH, *(len(name) + 1 for name in test)])
    titles = [f"{SCORES[metric]:>{WIDTH}}" for metric in SHOWN]
    rows = [
        "".join([f"{name:{first}}", *(f"{text(metric, of[metric]):>{WIDTH}}" for metric in SHOWN)])
        for name, of in test.items()
    ]
    head = "".join([f"{'Objects':{first}}", *titles])
    return "\n".join([head, *rows]).translate(ASCII) if rows else ""


def text(metric: str, value: float | None) -> str:
    """A score as text; a dash where it is not defined."""
    if value is None:
        return "\N{EN DASH}"
    if metric in ("drawn", "predicted"):
        return f"{value:.0f}"
    if metric == "mean_width":
        return f"{value:.1f}"
    if metric == "inside":
        return f"{100 * value:.0f}\N{NARROW NO-BREAK SPACE}%"
    if metric == "count_bias":
        return f"{100 * value:+.1f}\N{NARROW NO-BREAK SPACE}%".replace("-", "\N{MINUS SIGN}")
    return f"{value:.3f}"


def interval(metric: str, limits: Sequence[float | None] | None) -> str:
    """The interval of a score as text; nothing where there is none."""
    if limits is None or None in limits or metric in ("drawn", "predicted"):
        return ""
    between = " to " if metric == "count_bias" else "\N{EN DASH}"
    return between.join(text(metric, end) for end in limits)
