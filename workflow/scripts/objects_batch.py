"""Find the objects of one batch's val and test images, predicted and drawn, and compare them."""

from pathlib import Path

import numpy as np

from darkfield.classes import class_names, matched
from darkfield.data.pixels import Pictures, batch_rows, network_sizes
from darkfield.engine.script import job
from darkfield.files import read_csv, stacked, write_csv
from darkfield.measure.objects import compare
from darkfield.network.predictor import Predictor
from darkfield.progress import progress

with job(snakemake) as log:
    cfg, model = snakemake.params.train, Path(snakemake.input.weights).parent
    predictor = Predictor(model, cfg["device"], cfg["precision"], cfg["threads"])
    data = snakemake.params.classes
    # Index in the masks -> index of the same name in the model.
    numbering = np.argsort(matched(predictor.classes, data, snakemake.input.spec)).astype(np.uint8)
    table = read_csv(snakemake.input.manifest).merge(read_csv(snakemake.input.split), on="image")
    batch, batches = int(snakemake.wildcards.batch), snakemake.params.batches
    table = table.iloc[batch_rows(len(table), batch, batches)].reset_index(drop=True)
    sizes = network_sizes(table, "native")
    native, masks = (Pictures([snakemake.input[name]], sizes) for name in ("native", "masks"))
    # Nothing on nothing: gives the columns if no image of the batch is measured.
    nothing = np.zeros((1, 1), np.uint8)
    found = [[part[:0].assign(image="") for part in compare(nothing, nothing, predictor.classes)]]
    for i in progress(table.index[table["split"] != "train"], "image"):
        drawn = numbering[masks[i]]
        parts = compare(predictor.labels(native[i]), drawn, predictor.classes)
        found.append([part.assign(image=table["image"][i]) for part in parts])
    for path, parts in zip(snakemake.output, zip(*found, strict=True), strict=True):
        write_csv(path, stacked(parts))
    log.info("%d images, %s", len(found) - 1, ", ".join(class_names(predictor.classes)))
