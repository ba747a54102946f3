"""Join the measurements of all batches, and make the table of epochs."""

from pathlib import Path

import numpy as np

from darkfield.classes import class_names
from darkfield.engine.script import job
from darkfield.files import atomic, read_csv, write_csv
from darkfield.measure.metrics import table
from darkfield.network.spec import load_spec

with job(snakemake) as log:
    images = read_csv(snakemake.input.manifest).merge(read_csv(snakemake.input.split), on="image")
    classes = class_names(load_spec(Path(snakemake.input.spec)).classes)
    matrices = np.concatenate([np.load(path) for path in snakemake.input.confusions], axis=1)
    with atomic(snakemake.output.confusions) as part:
        np.save(part, matrices)
    write_csv(snakemake.output.epochs, table(matrices, images["split"], classes))
    log.info("%d epochs, %d images", *matrices.shape[:2])
