"""The scores of the folds' models on the images that they never saw, all images together."""

from pathlib import Path
from typing import Any

import numpy as np

from darkfield.classes import class_names, key_of
from darkfield.data.trained_on import pooled
from darkfield.engine.script import job
from darkfield.files import atomic, read_csv, read_json, write_csv, write_json
from darkfield.measure import object_scores, reliability
from darkfield.measure.calibration import TABLES, Tables, crossed, of_images
from darkfield.measure.intervals import intervals
from darkfield.measure.metrics import image_table, iou
from darkfield.measure.selection import number, split_metrics
from darkfield.network.spec import Familiarity, load_spec


def familiarity(known: list[Familiarity | None], found: list[Any]) -> dict[str, float] | None:
    """The folds' threshold, their geometric mean, and how many of all test images were marked."""
    thresholds = [each.threshold for each in known if each and each.threshold]
    if len(thresholds) < len(known) or None in found:
        return None
    counted = {key: sum(of[key] for of in found) for key in ("images", "marked")}
    return {"threshold": float(np.exp(np.log(thresholds).mean())), **counted}


with job(snakemake) as log:
    inputs, classes = snakemake.input, class_names(snakemake.params.classes)
    scores, specs = (
        [read_json(path) for path in inputs.scores],
        [*map(load_spec, map(Path, inputs.specs))],
    )
    kinds, background = specs[0].kinds, specs[0].background
    table = read_csv(inputs.splits[0])[["image", "group"]].assign(fold=0)
    matrices = np.zeros((len(table), len(classes), len(classes)), dtype=np.int64)
    for fold, (split, path) in enumerate(zip(inputs.splits, inputs.confusions, strict=True), 1):
        tested = (read_csv(split)["split"] == "test").to_numpy()
        matrices[tested] = np.load(path)[scores[fold - 1]["epoch"] - 1, tested]
        table.loc[tested, "fold"] = fold
    # All images except those that pretrained weights have seen.
    kept = table["fold"] > 0
    table, matrices = table[kept].reset_index(drop=True), matrices[kept]
    of = ~np.isnan(iou(matrices.sum(axis=0)))  # the classes that every fold's mean covers
    found = intervals(matrices, table["group"])
    limits = {m: np.vectorize(number, otypes=[object])(v) for m, v in found.limits.items()}
    by_class = {
        key_of(name): {m: v[c].tolist() for m, v in limits.items() if v.ndim == 2}
        for c, name in enumerate(classes)
    }
    means = {m: v.tolist() for m, v in limits.items() if v.ndim == 1}
    folds = []
    for split, *paths in zip(inputs.splits, *(inputs[name] for name in TABLES), strict=True):
        rows = read_csv(split)
        test = rows.loc[rows["split"] == "test", "image"]
        folds.append(of_images(Tables(*map(read_csv, paths)), test, "test"))
    objects, calibration = crossed(folds, classes)
    images = table[["image", "group"]].merge(objects.images, on="image")
    write_csv(snakemake.output.objects, images)
    result = {
        "test": split_metrics(matrices, classes),
        "objects": object_scores.by_class(images, kinds),
        "objects_interval_95": object_scores.intervals(images, images["group"], kinds),
        "reliability": reliability.by_class(
            objects.objects, images, objects.pixels, classes, background
        ),
        "calibration": calibration and calibration.model_dump(mode="json"),
        "familiarity": familiarity(
            [spec.familiarity for spec in specs],
            [read_json(path)["familiarity"] for path in inputs.object_scores],
        ),
        "interval_95": (means | by_class) if limits else None,
        "interval_note": found.note,
        "groups": found.groups,
        "folds": [
            {"epoch": s["epoch"], "test": split_metrics(matrices[table["fold"] == f], classes, of)}
            for f, s in enumerate(scores, 1)
        ],
        **pooled(scores, len(table)),
    }
    write_json(snakemake.output.metrics, result)
    write_csv(snakemake.output.split, table)
    with atomic(snakemake.output.confusions) as part:
        np.save(part, matrices)
    rows = image_table(matrices, table["image"], ["test"] * len(table), classes)
    write_csv(snakemake.output.images, rows.drop(columns="split"))
    log.info("%d images in %d folds", len(table), len(scores))
