"""Join what all batches found: which objects lie on which, pixels by probability, features."""

from darkfield.engine.script import job
from darkfield.files import concat_csv, write_csv
from darkfield.measure.object_scores import match_table, outside_void
from darkfield.measure.reliability import PLACE

with job(snakemake) as log:
    found = {name: concat_csv(files) for name, files in snakemake.input.items()}
    matched = match_table(found["objects"], found["pairs"])
    found["objects"], found["pairs"] = outside_void(matched, found["pairs"])
    found["pixels"] = found["pixels"].groupby(PLACE, as_index=False).sum()
    for name, table in found.items():
        write_csv(snakemake.output[name], table)
    log.info("%d objects in %d images", len(found["objects"]), found["outlines"]["image"].nunique())
