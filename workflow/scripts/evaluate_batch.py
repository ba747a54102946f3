"""Measure every epoch's checkpoint on every image of one batch."""

from pathlib import Path

import numpy as np

from darkfield.classes import class_names, matched
from darkfield.data.pixels import Pictures, batch_rows, network_sizes
from darkfield.engine.live import live
from darkfield.engine.script import job
from darkfield.files import atomic, read_csv
from darkfield.measure.evaluation import confusions, curves
from darkfield.network.predictor import Predictor
from darkfield.sections import Predict

whole = snakemake.params.batches == 1  # else there would be no more to show than of a part

with job(snakemake) as log, live(snakemake, whole) as show:
    cfg, spec = snakemake.params.train, Path(snakemake.input.spec)
    checkpoints = [Path(path) for path in snakemake.input.checkpoints]
    predictor = Predictor(
        spec.parent,
        cfg["device"],
        cfg["precision"],
        cfg["threads"],
        weights=checkpoints[0],
        predict=Predict(**snakemake.params.predict),
    )
    log.info("%s, %s, %d threads", predictor.device, predictor.precision, cfg["threads"])
    table = read_csv(snakemake.input.manifest).merge(read_csv(snakemake.input.split), on="image")
    batch, batches = int(snakemake.wildcards.batch), snakemake.params.batches
    table = table.iloc[batch_rows(len(table), batch, batches)]
    names, background = class_names(predictor.classes), predictor.spec.background
    image_size = predictor.spec.image_size
    resized, native = (network_sizes(table, size) for size in (image_size, "native"))

    def show_epoch(epoch: int, of: np.ndarray) -> None:
        if whole:
            show([curves(epoch, of, table["split"], names, background)])

    matrices = confusions(
        predictor,
        checkpoints,
        Pictures([snakemake.input.images], resized),
        Pictures([snakemake.input.masks], native),
        matched(predictor.classes, snakemake.params.classes, snakemake.input.spec),
        show_epoch,
    )
    with atomic(snakemake.output[0]) as part:
        np.save(part, matrices)
