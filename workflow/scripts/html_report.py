"""Put the run on one page, with the worst test images."""

from pathlib import Path

import numpy as np

from darkfield.data.pixels import Pictures
from darkfield.engine.script import job
from darkfield.files import atomic, read_csv, read_json
from darkfield.network.predictor import Predictor
from darkfield.progress import progress
from darkfield.report.gallery import IMAGES, pictures, worst_first
from darkfield.report.html import page

with job(snakemake) as log:
    cfg = snakemake.params.train
    folder = Path(snakemake.input.weights).parent
    predictor = Predictor(folder, cfg["device"], cfg["precision"], cfg["threads"])
    spec = predictor.spec
    table = read_csv(snakemake.input.manifest).merge(read_csv(snakemake.input.split), on="image")
    sizes = table[["height", "width"]].to_numpy()
    native = Pictures(snakemake.input.native, sizes)
    masks = Pictures(snakemake.input.masks, sizes)
    matrices = np.load(snakemake.input.confusions)[spec.epoch - 1]
    test = np.flatnonzero(table["split"] == "test")
    shown = {}
    for i in progress(test[worst_first(matrices[test])][:IMAGES], "image"):
        labels = predictor.labels(native[i])
        shown[i] = pictures(native[i], masks[i], labels, spec)
    settings = {name: snakemake.params[name] for name in ("data", "split", "select")}
    settings["data"] = {k: v for k, v in settings["data"].items() if k != "batches"}
    text = page(
        scores=read_json(snakemake.input.scores),
        spec=spec,
        settings=settings,
        counts=read_json(snakemake.input.counts),
        table=table,
        history=read_csv(snakemake.input.history),
        epochs=read_csv(snakemake.input.epochs),
        matrices=matrices,
        pictures=shown,
        object_scores=read_json(snakemake.input.object_scores),
        objects=read_csv(snakemake.input.objects),
        object_images=read_csv(snakemake.input.object_images),
        pixels=read_csv(snakemake.input.pixels),
        gain=read_csv(snakemake.input.gain),
        gain_images=read_csv(snakemake.input.gain_images),
    )
    with atomic(snakemake.output[0]) as part:
        part.write_text(text, encoding="utf-8")
    log.info("%d test images in %s", len(shown), snakemake.output[0])
