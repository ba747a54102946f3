"""Keep the epoch that is best on val; report its scores."""

from pathlib import Path

import numpy as np

from darkfield.classes import class_names
from darkfield.data.trained_on import qualified
from darkfield.engine.script import job
from darkfield.files import read_csv, write_csv, write_json
from darkfield.measure.metrics import confusion_table, image_table
from darkfield.measure.selection import best_epoch, split_metrics
from darkfield.network.spec import load_spec

with job(snakemake) as log:
    spec = load_spec(Path(snakemake.input.spec))
    classes = class_names(spec.classes)
    epoch = best_epoch(read_csv(snakemake.input.epochs), snakemake.params.select["epoch"])
    split = read_csv(snakemake.input.split)
    matrices = np.load(snakemake.input.confusions)[epoch - 1]
    scores = {s: split_metrics(matrices[split["split"] == s], classes) for s in ("test", "val")}
    table = read_csv(snakemake.input.manifest).merge(split, on="image")
    told = qualified(table, spec.trained_on)
    write_json(snakemake.output.scores, {"epoch": epoch, **scores, **told})
    write_csv(
        snakemake.output.images, image_table(matrices, split["image"], split["split"], classes)
    )
    test = matrices[split["split"] == "test"].sum(axis=0)
    write_csv(snakemake.output.confusion, confusion_table(test, classes))
    lines = told.get("caveats", [])
    log.info("epoch %d%s", epoch, "".join(f"; {line}" for line in lines))
