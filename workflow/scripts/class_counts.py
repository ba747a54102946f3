"""Pixels of each class, over all images and per split, and the class weights."""

import sys

from darkfield.classes import class_names
from darkfield.data.stats import absences, class_counts
from darkfield.engine.script import job
from darkfield.files import read_csv, write_json

with job(snakemake) as log:
    table = read_csv(snakemake.input.manifest).merge(read_csv(snakemake.input.split), on="image")
    counts = class_counts(table, class_names(snakemake.params.classes))
    write_json(snakemake.output[0], counts)
    log.info("%d images, %d classes", len(table), len(counts["pixels"]["all"]))
    for line in absences(counts):
        log.warning("%s", line)
        print(line, file=sys.stderr)
