"""Measure every epoch's checkpoint on every image of one batch."""

from pathlib import Path

import numpy as np

from darkfield.classes import matched
from darkfield.data.pixels import Pictures, batch_rows, network_sizes
from darkfield.engine.script import job
from darkfield.files import atomic, read_csv, read_json
from darkfield.measure.evaluation import confusions
from darkfield.network.device import setup

with job(snakemake) as log:
    cfg, spec = snakemake.params.train, read_json(snakemake.input.spec)
    spec["predict"] = snakemake.params.predict
    of_data = matched(spec["classes"], snakemake.params.classes, snakemake.input.spec)
    table = read_csv(snakemake.input.manifest)
    batch, batches = int(snakemake.wildcards.batch), snakemake.params.batches
    table = table.iloc[batch_rows(len(table), batch, batches)]
    resized, native = (network_sizes(table, size) for size in (spec["image_size"], "native"))
    device, precision = setup(cfg["device"], cfg["precision"], cfg["threads"])
    log.info("%s, %s, %d threads", device, precision, cfg["threads"])
    matrices = confusions(
        [Path(p) for p in snakemake.input.checkpoints],
        Pictures([snakemake.input.images], resized),
        Pictures([snakemake.input.masks], native),
        spec,
        device=device,
        precision=precision,
        of_data=of_data,
    )
    with atomic(snakemake.output[0]) as part:
        np.save(part, matrices)
