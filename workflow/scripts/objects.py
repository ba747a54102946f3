"""Join the objects of all batches, score them, and report what people compare."""

from pathlib import Path

from darkfield.classes import class_names
from darkfield.engine.script import job
from darkfield.files import concat_csv, read_csv, read_json, write_csv, write_json
from darkfield.measure import object_scores
from darkfield.measure.selection import compared
from darkfield.network.spec import load_spec

with job(snakemake) as log:
    inputs, output = snakemake.input, snakemake.output
    split, scores = read_csv(inputs.split), read_json(inputs.scores)
    tables = [concat_csv(inputs[name]) for name in ("objects", "pairs", "outlines")]
    write_csv(output.objects, object_scores.match_table(*tables[:2]))
    images = object_scores.image_table(*tables).merge(split, on="image")
    write_csv(output.images, images)
    of = {name: images[images["split"] == name] for name in ("test", "val")}
    found = {name: object_scores.by_class(rows) or None for name, rows in of.items()}
    limits = object_scores.intervals(of["test"], of["test"]["group"])
    write_json(output.scores, found | {"interval_95": limits})
    classes = class_names(load_spec(Path(inputs.spec)).classes)
    metrics = compared(scores, classes)
    few = found["test"] and object_scores.compared(found["test"])
    write_json(output.metrics, metrics | {"objects": few})
    log.info("%d objects in %d images", len(tables[0]), images["image"].nunique())
