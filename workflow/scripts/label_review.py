"""Rank the masks by how much cross-validated models disagree with them; draw the worst."""

from pathlib import Path

import numpy as np

from darkfield.classes import class_names
from darkfield.data.images import write_png
from darkfield.data.pixels import Pictures, network_sizes
from darkfield.engine.script import job
from darkfield.files import atomic, read_csv, write_csv
from darkfield.measure.label_review import ranking
from darkfield.network.predictor import Predictor
from darkfield.progress import progress
from darkfield.report.overlays import overlay

WORST = 20

with job(snakemake) as log:
    inputs, cfg = snakemake.input, snakemake.params.train
    classes, background = class_names(snakemake.params.classes), snakemake.params.background
    table, tested = read_csv(inputs.manifest), read_csv(inputs.split)
    ranks = ranking(
        np.load(inputs.confusions), tested["image"], tested["fold"], classes, background
    )
    native, masks = (
        Pictures(p, network_sizes(table, "native")) for p in (inputs.native, inputs.masks)
    )
    folders, hardware = [Path(p).parent for p in inputs.weights], (cfg["device"], cfg["precision"])
    row_of = {image: i for i, image in enumerate(table["image"])}
    with atomic(snakemake.output.overlays) as part:
        part.mkdir()
        for rank, image, fold in progress(
            list(ranks[["rank", "image", "fold"]].itertuples(index=False))[:WORST], "image"
        ):
            i = row_of[image]
            predictor = Predictor(folders[fold - 1], *hardware, cfg["threads"])
            sheet = overlay(native[i], masks[i], predictor.labels(native[i]), predictor.spec)
            write_png(part / f"{rank:02}_{image}.png", sheet)
    write_csv(snakemake.output.ranks, ranks)
    log.info("least agreement: %s", ", ".join(ranks["image"][:WORST]))
