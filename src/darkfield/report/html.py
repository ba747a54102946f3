"""The report: a run on one page, a single HTML file that opens from disk."""

import base64
import hashlib
import io
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from darkfield.classes import by_class, class_names
from darkfield.data.split import leaks, manner
from darkfield.data.stats import absences, void_share
from darkfield.measure import metrics
from darkfield.measure.intervals import FEWEST, LEVEL, intervals
from darkfield.network.spec import ModelSpec
from darkfield.recipe import Train
from darkfield.report import gains, gallery, object_plots, plots
from darkfield.report.object_text import score_rows
from darkfield.report.overlays import wrong
from darkfield.report.palette import HATCH, class_colours
from darkfield.report.summary import COLUMNS
from darkfield.values import Kind

SPLITS = ("train", "val", "test")
SECTIONS = ("image_size", "model", "train", "augment", "predict")  # of params.yaml, in model.json
# Parts of a figure that have other colours on a dark page: text and axes, grid, one dark blue.
THEME = {"#000000": "currentColor", "#b0b0b0": "var(--grid)", "#0072b2": "var(--accent)"}


def svg(figure: Figure, name: str) -> Markup:
    """A figure as inline SVG in the page's colours; its ids begin with `name` to be unique."""
    figure.set_size_inches(4.4, 3.1)  # at its own size it is legible on a phone
    file = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text)

    def ours(tag: re.Match[str]) -> str:
        themed = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", tag[0])
        return re.sub("|".join(THEME), lambda colour: THEME[colour[0]], themed)

    return Markup(re.sub("<[^>]*>", ours, text))  # in tags only, since text may hold any name


def flat(params: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested params as (dotted key, value as in params.yaml)."""
    for key, value in params.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield f"{prefix}{key}", text


def at_a_glance(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Images, groups and sizes of all images and of each split that has any.

    `table` is data/flattened_masks.csv and data/split.csv merged.
    """
    parts = [("all", table), *((s, table[table["split"] == s]) for s in SPLITS)]
    return [
        {
            "split": name,
            "images": len(part),
            "groups": part["group"].nunique(),
            "height": (part["height"].min(), part["height"].max()),
            "width": (part["width"].min(), part["width"].max()),
        }
        for name, part in parts
        if len(part)
    ]


def balance(counts: dict[str, Any]) -> list[dict[str, Any]]:
    """The shares of pixels and images of each class in each split, from class_counts.json."""
    splits = [s for s in SPLITS if counts["images"][s]]
    return [
        {
            "class": name,
            "splits": [
                {
                    "pixels": plots.share_of_pixels(counts, s, name),
                    "images_with": counts["images_with"][s][name],
                    "images": counts["images"][s],
                }
                for s in splits
            ],
        }
        for name in counts["pixels"]["all"]
    ]


def curves(
    history: pd.DataFrame,
    epochs: pd.DataFrame,
    names: Sequence[str],
    train: Train,
    epoch: int,
) -> Iterator[tuple[str, Markup]]:
    """The titles and SVGs of loss, mean IoU and these classes' overlap accuracy by epoch."""
    yield "Training loss", svg(plots.loss(history, train, epoch), "loss")
    yield "Mean IoU", svg(plots.mean_iou(epochs, epoch), "mean_iou")
    for k, name in enumerate(names, start=1):
        figure = plots.overlap_accuracy(epochs, name, epoch)
        yield f"Overlap accuracy, {name}", svg(figure, f"class{k}")


def object_figures(
    objects: pd.DataFrame, images: pd.DataFrame, kinds: dict[str, Kind]
) -> dict[str, list[tuple[str, Markup]]]:
    """For each class the titles and SVGs of its figures, from rows of the test images."""
    return {
        name: [
            ("counts", svg(object_plots.agreement(images, name), f"agreement{k}")),
            ("by size", svg(object_plots.by_size(objects, name, kind), f"size{k}")),
            ("confidence", svg(object_plots.confidence(objects, name), f"confidence{k}")),
        ]
        for k, (name, kind) in enumerate(kinds.items())
    }


def page(
    *,
    scores: dict[str, Any],
    spec: ModelSpec,
    settings: dict[str, Any],
    counts: dict[str, Any],
    table: pd.DataFrame,
    history: pd.DataFrame,
    epochs: pd.DataFrame,
    matrices: np.ndarray,
    pictures: dict[int, dict[str, str]],
    object_scores: dict[str, Any],
    objects: pd.DataFrame,
    object_images: pd.DataFrame,
    pixels: pd.DataFrame,
    gain: pd.DataFrame,
    gain_images: pd.DataFrame,
) -> str:
    """The whole page. The same arguments give the same text.

    `scores` is scores.json, `spec` model.json, `settings` the sections of params.yaml that the
    latter lacks, `counts` class_counts.json; `history` and `epochs` are the tables of those names,
    `table` is as in `at_a_glance`. `matrices` (images, C, C) are those of the selected epoch, one
    per row of `table`; `pictures` are gallery.pictures of rows of `table`, in the order shown.
    `object_scores` is that file; `objects` and `object_images` are the tables of those names,
    `pixels` is pixel_reliability.csv; `gain` and `gain_images` are before_after.csv and
    before_after_images.csv.
    """
    classes, train = class_names(spec.classes), spec.train
    assert train, "a run's model.json says how it was trained"
    test = (table["split"] == "test").to_numpy()
    found = intervals(matrices[test], table["group"][test]) if test.any() else None
    confused = metrics.confusion_table(matrices[test].sum(axis=0), classes)
    by_truth = confused.groupby("true", sort=False)
    images = [
        {
            "rank": rank,
            "name": table["image"][i],
            "group": table["group"][i],
            "height": table["height"][i],
            "width": table["width"][i],
            "score": gallery.score(matrices[[i]])[0],
            "iou": dict(zip(classes, metrics.iou(matrices[i]), strict=True)),
            "pictures": uris,
        }
        for rank, (i, uris) in enumerate(pictures.items(), start=1)
    ]
    counted = [*spec.kinds] if object_scores["test"] else []
    objects, object_images = (
        part[part["image"].isin(table["image"][test])] for part in (objects, object_images)
    )
    groups = found.groups if found else 0  # not those that are void altogether
    environment = Environment(
        loader=PackageLoader("darkfield.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"fraction": fraction, "percent": percent, "hash": source_hash}
    return environment.get_template("html.html.j2").render(
        scores={"caveats": []} | scores,
        by_class=by_class,
        limits=found.limits if found else {},
        interval_note=found and found.note,
        absences=absences(counts),
        void=void_share(table),
        hatch=HATCH,
        level=f"{100 * LEVEL:.0f} %",
        fewest=FEWEST,
        metric_names=COLUMNS,
        spec=spec,
        classes=classes,
        looked_for=spec.looked_for,
        colours=class_colours(spec),
        wrong=wrong(spec.background_index),
        settings=settings,
        manner=manner(settings["split"]),
        leaks=list(leaks(table, settings["split"])),
        params=sorted(flat(settings | {k: v for k, v in spec.plain().items() if k in SECTIONS})),
        glance=at_a_glance(table),
        balance=balance(counts),
        curves=list(curves(history, epochs, spec.looked_for, train, scores["epoch"])),
        last_epoch=len(history),
        confusion=[rows.to_dict("records") for _, rows in by_truth],
        counted=counted,
        object_rows=list(score_rows(object_scores, counted)),
        object_figures=object_figures(objects, object_images, spec.kinds) if counted else {},
        pixel_figure=svg(
            object_plots.pixel_confidence(pixels[pixels["split"] == "test"], spec.looked_for),
            "pixels",
        ),
        gain_rows=list(gains.rows(gain)),
        gain_verdict=gains.verdict(gain, groups),
        gain_figures=[
            (name, svg(gains.agreement(gain_images, name), f"gain{k}"))
            for k, name in enumerate(spec.looked_for if len(gain) else ())
        ],
        images=images,
        tested=int(test.sum()),
        groups=groups,
    )


def fraction(value: float | None) -> str:
    """0.849; a dash where the metric is not defined."""
    return "\u2013" if value is None or np.isnan(value) else f"{value:.3f}"


def percent(value: float) -> str:
    """84.9 %, with a non-breaking space; a dash where there is no value."""
    return "\u2013" if np.isnan(value) else f"{100 * value:.1f}\u202f%"


def source_hash(text: str) -> str:
    """The name by which a Content-Security-Policy allows a script."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
