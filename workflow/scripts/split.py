"""Divide the images among train, val and test."""

from darkfield.classes import class_names
from darkfield.data.features import read_features
from darkfield.data.fields import groups
from darkfield.data.pixels import Pictures
from darkfield.data.split import split_images
from darkfield.data.trained_on import kept_in_train
from darkfield.engine.script import job
from darkfield.files import read_csv, write_csv

with job(snakemake) as log:
    inputs, params = snakemake.input, snakemake.params
    cfg = {key: value for key, value in params.split.items() if key != "folds"}
    manifest = read_csv(inputs.manifest)
    images = Pictures(inputs.images, manifest[["height", "width"]].to_numpy())
    manifest["group"] = groups(read_features(inputs.keypoints, inputs.described), images)
    seen = kept_in_train(manifest, inputs.pretrained, params.trained_on)
    table = split_images(
        manifest, manifest["group"].tolist(), seen, class_names(params.classes), **cfg
    )
    write_csv(snakemake.output[0], table)
    sizes = ", ".join(f"{n} {name}" for name, n in table["split"].value_counts().items())
    log.info("%d images in %d groups: %s", len(table), table["group"].nunique(), sizes)
    if any(seen):
        log.info("%d of them in train: the pretrained weights know their fields", sum(seen))
