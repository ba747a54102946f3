"""Check every pair of image and mask, and bring the masks to class indices."""

from pathlib import Path

from darkfield.job import job
from darkfield.masks import flatten_masks

with job(snakemake.log[0]) as log:
    data = snakemake.params.data
    flatten_masks(
        Path(snakemake.input.root),
        Path(snakemake.output.masks),
        Path(snakemake.output.manifest),
        Path(snakemake.output.image_pixels),
        Path(snakemake.output.mask_pixels),
        mask_values=data["mask_values"],
        classes=data["classes"],
        threads=snakemake.threads,
    )
    log.info("%d masks flattened", len(list(Path(snakemake.output.masks).iterdir())))
