"""Share the images out among train, val and test."""

from darkfield.files import read_csv, write_csv
from darkfield.job import job
from darkfield.pixels import Pictures
from darkfield.split import split_images

with job(snakemake.log[0]) as log:
    inputs, classes = snakemake.input, snakemake.params.classes
    cfg = {key: value for key, value in snakemake.params.split.items() if key != "folds"}
    manifest = read_csv(inputs.manifest)
    groups = None
    if cfg.pop("strategy") == "grouped":
        from darkfield import fields  # OpenCV, only where it is wanted

        images = Pictures(inputs.images, manifest[["height", "width"]].to_numpy())
        groups = fields.groups(fields.read_features(inputs.keypoints, inputs.described), images)
    table = split_images(manifest, groups, list(classes), **cfg)
    write_csv(snakemake.output[0], table)
    sizes = table["split"].value_counts().to_dict()
    log.info("%d images in %d groups: %s", len(table), table["group"].nunique(), sizes)
