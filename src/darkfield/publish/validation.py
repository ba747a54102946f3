"""results/validation.md: what a reviewer asks of a run, answered from its results."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from darkfield.classes import by_class, class_names, key_of
from darkfield.data.split import leaks, manner, torn
from darkfield.data.stats import void_share
from darkfield.measure.intervals import FEWEST, LEVEL, intervals
from darkfield.measure.selection import number
from darkfield.network.spec import ModelSpec
from darkfield.publish.card import NO_DEVICE, averages, literal, scores
from darkfield.report.object_text import score_rows

BLANK = "\\_\\_\\_\\_"  # in Markdown
SPLITS = ("all", "train", "val", "test")
UNSURE, HOLDS = 0.5, 0.05  # a confidence that is worth little; an error that a reader should know


def sheet(
    *,
    spec: ModelSpec,
    settings: dict[str, Any],
    counts: dict[str, Any],
    table: pd.DataFrame,
    found: dict[str, Any],
    object_scores: dict[str, Any],
    objects: pd.DataFrame,
    matrices: np.ndarray,
) -> str:
    """The sheet, Markdown. The same arguments give the same text.

    `spec` is model.json, `settings` the sections data, split and select of params.yaml, `counts`
    class_counts.json, `found` scores.json, `object_scores` that file, `objects` objects.csv;
    `table` is data/flattened_masks.csv merged with data/split.csv, `matrices` (images, C, C) are
    the confusion matrices of the selected epoch, one per row of `table`.
    """
    names = class_names(spec.classes)
    test = (table["split"] == "test").to_numpy()
    parts = {"all": table} | {name: table[table["split"] == name] for name in SPLITS[1:]}
    limits = intervals(matrices[test], table["group"][test]) if test.any() else None
    counted = [*spec.kinds] if object_scores["test"] else []
    filaments = [name for name in counted if spec.kinds[name] == "filament"]
    environment = Environment(
        loader=PackageLoader("darkfield.publish", ""),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["literal"] = literal
    return environment.get_template("validation.md.j2").render(
        blank=BLANK,
        no_device=NO_DEVICE,
        modality=spec.modality,
        classes=[literal(name) for name in names],
        counted=[literal(name) for name in counted],
        filaments=[literal(name) for name in filaments],
        shares=", ".join(shares(counts["pixels"]["all"])),
        absent=", ".join(absences(counts)) or "none",
        void=void_share(table),
        splits=[name for name in SPLITS if len(parts[name])],
        images={name: len(part) for name, part in parts.items()},
        groups={name: part["group"].nunique() for name, part in parts.items()},
        pixels={name: list(counts["pixels"][name].values()) for name in SPLITS},
        root=settings["data"]["root"],
        provenance=spec.provenance,
        manner=manner(settings["split"]),
        torn=torn(table),
        leaks=list(leaks(table, settings["split"])),
        caveats=found.get("caveats", []),
        epoch=found["epoch"],
        chosen=settings["select"]["epoch"],
        level=f"{100 * LEVEL:.0f} %" if limits and limits.limits else None,
        fewest=FEWEST,
        note=limits.note if limits else None,
        pixel_table=found["test"] and scores(found["test"], pixel_limits(limits, names)),
        object_rows=list(score_rows(object_scores, counted)) if counted else [],
        calibration=spec.calibration,
        reliability=object_scores["reliability"],
        familiarity=object_scores["familiarity"],
        share=share,
        failures=list(failures(table, objects, object_scores, matrices, spec)),
        claim=list(claim(spec, settings, table, bool(limits and limits.limits))),
    )


def share(value: float | None) -> str:
    """A share as text; a dash where there is none."""
    return "\N{EN DASH}" if value is None else f"{100 * value:.1f} %"


def shares(pixels: dict[str, int]) -> Iterator[str]:
    """Each class and its share of all pixels."""
    for name, n in pixels.items():
        yield f"{literal(name)} {share(n / sum(pixels.values()))}"


def absences(counts: dict[str, Any]) -> Iterator[str]:
    """Each class that some images lack, and how many."""
    images = counts["images"]["all"]
    for name, present in counts["images_with"]["all"].items():
        if present < images:
            yield f"{images - present} of {images} without {literal(name)}"


def pixel_limits(limits: Any, names: Sequence[str]) -> dict[str, Any]:
    """measure.intervals' limits as those in model.json: by class and metric, [low, high]."""
    if limits is None or not limits.limits:
        return {}
    found: dict[str, Any] = {key_of(name): {} for name in names}
    for metric, values in limits.limits.items():
        if values.ndim == 1:
            found[metric] = [*map(number, values)]
        else:
            for name, pair in zip(names, values, strict=True):
                found[key_of(name)][metric] = [*map(number, pair)]
    return found


def failures(
    table: pd.DataFrame,
    objects: pd.DataFrame,
    object_scores: dict[str, Any],
    matrices: np.ndarray,
    spec: ModelSpec,
) -> Iterator[str]:
    """What went wrong on test, in sentences: the largest errors first of each kind."""
    test = table.loc[table["split"] == "test", "image"]
    if test.empty:
        yield "No test images, so no failure could be seen."
        return
    mine = objects[objects["image"].isin(test)]
    for name, of in by_class(object_scores["test"] or {}).items():
        rows = mine[mine["class"] == name]
        false = rows[~rows["drawn"] & rows["counted"] & rows["match"].isna()]
        missed = rows[rows["drawn"] & rows["match"].isna()]
        size = "line_px" if spec.kinds[name] == "filament" else "area_px"
        told = (
            f"{literal(name)}: {of['predicted']:.0f} counted where {of['drawn']:.0f} were drawn, "
            f"{len(false)} without a counterpart, {len(missed)} missed"
        )
        if len(missed):
            told += f" (median {size.replace('_px', '')} {missed[size].median():.0f} px"
            told += f", of all drawn {rows.loc[rows['drawn'], size].median():.0f} px)"
        yield f"{told}."
    names = class_names(spec.classes)
    total = matrices[(table["split"] == "test").to_numpy()].sum(axis=0)
    wrong = total * (1 - np.eye(len(names), dtype=int))
    true, predicted = np.unravel_index(wrong.argmax(), wrong.shape)
    if wrong.any():
        yield (
            f"The most frequent confusion of pixels: {literal(names[true])} taken for "
            f"{literal(names[predicted])}, {share(wrong.max() / total[true].sum())} of its pixels."
        )
    for kind, by_name in (object_scores["reliability"] or {}).items():
        for name, of in by_class(by_name).items() if kind == "objects" else ():
            if of["error"] is not None and of["error"] > HOLDS:
                off = share(of["error"])
                yield f"The confidence of {literal(name)} is off by {off} on average."
    yield f"Pictures taken in another way, or of something else, were not tested: {BLANK}."


def claim(
    spec: ModelSpec, settings: dict[str, Any], table: pd.DataFrame, with_limits: bool
) -> Iterator[tuple[str, str]]:
    """The items of CLAIM 2024, shortened, and what the results answer."""
    train, images = spec.train, len(table)
    start = "random weights"
    if spec.model.encoder_weights:
        start = f"encoder: {spec.model.encoder_weights}"
    if "pretrained_weights" in spec.provenance:
        start = f"the weights with SHA-256 `{spec.provenance['pretrained_weights']}`"
    versions = ", ".join(f"{k} {v}" for k, v in spec.provenance.get("versions", {}).items())
    yield "study: prospective or retrospective; its goal", BLANK
    yield "data sources; dates, sites, permissions", f"`{settings['data']['root']}`; {BLANK}"
    yield "inclusion and exclusion criteria", f"all {images} images of the folder; {BLANK}"
    yield "preprocessing", f"8-bit RGB, image_size {spec.image_size}, normalised by channel"
    yield "subsets, de-identification, missing data", BLANK
    yield "image acquisition", BLANK
    yield "reference standard, its rationale and annotators", BLANK
    yield "annotation of the test set; variability between annotators", BLANK
    yield "assignment to partitions", literal(manner(settings["split"]))
    level = "image; the split tears groups" if torn(table) else "group, as above"
    yield "level at which partitions are disjoint", level
    yield "sample size", f"{images} images, as many as there were; {BLANK}"
    yield "model", f"{spec.model.name}; model.json has every layer's setting"
    yield "software", versions or BLANK
    yield "initialisation", start
    if train:
        taught = train.teacher or train.ensemble
        yield (
            "training",
            f"{train.epochs} epochs, {train.optimizer}, learning rate {train.learning_rate}, "
            f"batches of {train.batch_size}, seed {train.seed}"
            + (f"; {train.teaching:.0%} of the loss from teachers" if taught else ""),
        )
    yield "selection of the final model", f"select.epoch: {settings['select']['epoch']}"
    yield "ensembling", averages(spec.predict)
    yield "metrics, and why", "The task, above; docs/measures.md"
    yield "uncertainty", "bootstrap over groups" if with_limits else "none: too few groups"
    yield "robustness, sensitivity", BLANK
    yield "explainability", "overlays and the gallery of errors in report.html"
    yield "internal evaluation", "Results on test, above"
    yield "external testing", BLANK
    yield "participants: numbers, demographics", BLANK
    yield "failure analysis", "Known failures, above"
    yield "limitations, implications", BLANK
    yield "registration, protocol", BLANK
    code = spec.provenance.get("code", BLANK)
    yield "access to code, model and data", f"code SHA-256 `{code}`; {BLANK}"
    yield "funding, conflicts of interest", BLANK
