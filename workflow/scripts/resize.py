"""Join the sums of all batches."""

from darkfield.engine.script import job
from darkfield.files import concat_csv, keep_only, write_csv

with job(snakemake) as log:
    table = concat_csv(snakemake.input.sums)
    write_csv(snakemake.output.sums, table)
    for files in (snakemake.input.images, snakemake.input.masks):
        keep_only(files)
    log.info("%d pictures", len(table))
