"""Describe the images of one batch, so that those of one field of view can be told."""

from pathlib import Path

from darkfield.fields import write_features
from darkfield.files import read_csv
from darkfield.job import job
from darkfield.pixels import Pictures, batch_rows

with job(snakemake) as log:
    inputs, out = snakemake.input, snakemake.output
    table = read_csv(inputs.manifest)
    rows = batch_rows(len(table), int(snakemake.wildcards.batch), snakemake.params.batches)
    images = Pictures([inputs.images], table[["height", "width"]].to_numpy()[rows])
    write_features(images, Path(out.keypoints), Path(out.described))
    log.info("%d images", len(images))
