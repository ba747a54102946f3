"""Describe the images of one batch, so that those of one field of view can be found."""

from pathlib import Path

from darkfield.data.features import write_features
from darkfield.data.pixels import Pictures, batch_rows
from darkfield.engine.script import job
from darkfield.files import read_csv

with job(snakemake) as log:
    inputs, out = snakemake.input, snakemake.output
    table = read_csv(inputs.manifest)
    rows = batch_rows(len(table), int(snakemake.wildcards.batch), snakemake.params.batches)
    images = Pictures([inputs.images], table[["height", "width"]].to_numpy()[rows])
    write_features(images, Path(out.keypoints), Path(out.described))
    log.info("%d images", len(images))
