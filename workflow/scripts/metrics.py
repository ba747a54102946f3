"""Score the objects that count, and the calibration; report what people compare."""

from pathlib import Path

import numpy as np

from darkfield.classes import class_names
from darkfield.engine.script import job
from darkfield.files import concat_csv, read_csv, read_json, write_csv, write_json
from darkfield.measure import before_after, object_scores, reliability
from darkfield.measure.calibration import TABLES, Tables, apply, of_images
from darkfield.measure.selection import compared
from darkfield.network.familiarity import unlikeness
from darkfield.network.spec import ModelSpec, load_spec


def familiar(features: np.ndarray, spec: ModelSpec) -> dict[str, int] | None:
    """How many test images (N, F) are marked as of another kind; None if that is not known."""
    found = [unlikeness(each, spec.familiarity) for each in features]
    if not found or None in found:
        return None
    return {"images": len(found), "marked": sum(each > 1 for each in found if each)}


with job(snakemake) as log:
    inputs, output = snakemake.input, snakemake.output
    split, scores = read_csv(inputs.split), read_json(inputs.scores)
    spec = load_spec(Path(inputs.spec))
    classes, kinds = class_names(spec.classes), spec.kinds
    found = Tables(*(read_csv(inputs[name]) for name in TABLES))
    tables = apply(found, spec.calibration, classes)
    tables = tables._replace(images=tables.images.merge(split, on="image"))
    for name in ("objects", "images", "pixels"):
        write_csv(output[name], getattr(tables, name))
    of = {name: tables.images[tables.images["split"] == name] for name in ("test", "val")}
    result = {name: object_scores.by_class(rows, kinds) or None for name, rows in of.items()}
    result["interval_95"] = object_scores.intervals(of["test"], of["test"]["group"], kinds)
    test = of_images(tables, of["test"]["image"], "test")
    names = classes, spec.background
    result["reliability"] = reliability.by_class(test.objects, test.images, test.pixels, *names)
    features = read_csv(inputs.features).set_index("image")
    result["familiarity"] = familiar(features.loc[test.images["image"].unique()].to_numpy(), spec)
    write_json(output.scores, result)
    rows = split[split["split"] == "test"]
    if len(rows) and len(inputs.before):
        after = np.load(inputs.confusions)[scores["epoch"] - 1][rows.index]
        start = np.concatenate([np.load(path) for path in inputs.before])
        both = (
            before_after.tested(rows, start, classes, concat_csv(inputs.before_images)),
            before_after.tested(rows, after, classes, of["test"]),
        )
        gained = before_after.scores(*both), before_after.of_images(*both)
    else:
        gained = before_after.nothing()
    for path, table in zip((output.gain, output.gain_images), gained, strict=True):
        write_csv(path, table)
    few = result["test"] and object_scores.compared(result["test"])
    write_json(output.metrics, compared(scores, spec.looked_for) | {"objects": few})
    log.info("%d objects in %d images", len(tables.objects), tables.images["image"].nunique())
