"""Divide the images among train, val and test."""

import sys
from itertools import chain

from darkfield.classes import class_names
from darkfield.data.fields import copies_of, groups
from darkfield.data.group_by import column_of, joined, keys_of
from darkfield.data.split import given_split, leaks, split_images
from darkfield.data.split_file import read
from darkfield.data.trained_on import KEY, kept_in_train
from darkfield.engine.script import job
from darkfield.files import read_csv, read_json, write_csv

with job(snakemake) as log:
    inputs, params = snakemake.input, snakemake.params
    cfg = params.split
    fractions = {name: cfg[name] for name in ("train", "val", "test")}
    manifest = read_csv(inputs.manifest)
    names = manifest["image"].tolist()
    own = read(cfg["file"], names, column_of(cfg["group_by"])) if cfg["file"] else None
    keys = keys_of(cfg["group_by"], names, own)
    pairs = chain.from_iterable(map(read_json, inputs.pairs))
    fields = groups(copies_of(manifest[KEY]), pairs)
    manifest["group"] = group_of = joined(fields, keys) if keys else fields
    seen = kept_in_train(manifest, [*inputs.pretrained, *inputs.teacher], params.trained_on)
    if own is not None and "split" in own:
        table = given_split(manifest["image"], group_of, seen, own["split"].tolist(), fractions)
    else:
        rest = {key: cfg[key] for key in ("strategy", "seed")}
        classes = class_names(params.classes)
        table = split_images(manifest, group_of, seen, classes, **rest, **fractions)
    write_csv(snakemake.output[0], table)
    sizes = ", ".join(f"{n} {name}" for name, n in table["split"].value_counts().items())
    log.info("%d images in %d groups: %s", len(table), table["group"].nunique(), sizes)
    if any(seen):
        log.info("%d of them in train: the pretrained weights know their fields", sum(seen))
    for line in leaks(table, cfg):
        log.warning("%s", line)
        print(line, file=sys.stderr)
