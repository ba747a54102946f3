"""Share the images out among train, val and test."""

from darkfield.files import read_csv, write_csv
from darkfield.job import job
from darkfield.pixels import Pictures
from darkfield.split import split_images

with job(snakemake.log[0]) as log:
    cfg, classes = snakemake.params.split, snakemake.params.classes
    manifest = read_csv(snakemake.input.manifest)
    images = Pictures(snakemake.input.images, manifest[["height", "width"]].to_numpy())
    options = {key: value for key, value in cfg.items() if key != "folds"}
    table = split_images(manifest, images, list(classes), **options)
    write_csv(snakemake.output[0], table)
    sizes = table["split"].value_counts().to_dict()
    log.info("%d images in %d groups: %s", len(table), table["group"].nunique(), sizes)
