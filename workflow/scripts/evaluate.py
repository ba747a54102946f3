"""Measure every epoch's checkpoint on every image of every split."""

from pathlib import Path

import numpy as np

from darkfield.device import setup
from darkfield.evaluation import confusions
from darkfield.files import atomic, read_csv, read_json, write_csv
from darkfield.job import job
from darkfield.metrics import table
from darkfield.pixels import Pictures, network_sizes

with job(snakemake.log[0]) as log:
    cfg, spec = snakemake.params.train, read_json(snakemake.input.spec)
    spec["predict"] = snakemake.params.predict
    images = read_csv(snakemake.input.manifest).merge(read_csv(snakemake.input.split), on="image")
    resized, native = (network_sizes(images, size) for size in (spec["image_size"], "native"))
    device, precision = setup(cfg["device"], cfg["precision"], cfg["threads"])
    log.info("%s, %s, %d threads", device, precision, cfg["threads"])
    matrices = confusions(
        [Path(p) for p in snakemake.input.checkpoints],
        Pictures(snakemake.input.images, resized),
        Pictures(snakemake.input.masks, native),
        spec,
        device=device,
        precision=precision,
    )
    with atomic(snakemake.output.confusions) as part:
        np.save(part, matrices)
    write_csv(snakemake.output.epochs, table(matrices, images["split"], list(spec["classes"])))
