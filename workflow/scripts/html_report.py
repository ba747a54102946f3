"""Put the run on one page, with the worst test images."""

from pathlib import Path

import numpy as np
from tqdm import tqdm

from darkfield.data.pixels import Pictures, network_sizes
from darkfield.engine.script import job
from darkfield.files import atomic, read_csv, read_json
from darkfield.network.device import setup
from darkfield.network.predictor import classes_of, load_model, load_weights, predict
from darkfield.report.gallery import IMAGES, pictures, worst_first
from darkfield.report.html import page

with job(snakemake) as log:
    cfg, spec = snakemake.params.train, read_json(snakemake.input.spec)
    table = read_csv(snakemake.input.manifest).merge(read_csv(snakemake.input.split), on="image")
    sizes = table[["height", "width"]].to_numpy()
    native = Pictures(snakemake.input.native, sizes)
    masks = Pictures(snakemake.input.masks, sizes)
    images = Pictures(snakemake.input.images, network_sizes(table, spec["image_size"]))
    matrices = np.load(snakemake.input.confusions)[spec["epoch"] - 1]
    test = np.flatnonzero(table["split"] == "test")
    shown = {}
    device, precision = setup(cfg["device"], cfg["precision"], cfg["threads"])
    model = load_model(spec, device)
    load_weights(model, Path(snakemake.input.weights))
    for i in tqdm(test[worst_first(matrices[test])][:IMAGES], "report", unit="image", disable=None):
        (out,) = predict(model, [images[i]], [masks[i].shape], spec, device, precision)
        shown[i] = pictures(native[i], masks[i], classes_of(out), len(spec["classes"]))
    settings = {name: snakemake.params[name] for name in ("data", "split", "select")}
    settings["data"] = {k: v for k, v in settings["data"].items() if k != "batches"}
    text = page(
        scores=read_json(snakemake.input.metrics),
        spec=spec,
        settings=settings,
        counts=read_json(snakemake.input.counts),
        table=table,
        history=read_csv(snakemake.input.history),
        epochs=read_csv(snakemake.input.epochs),
        matrices=matrices,
        pictures=shown,
    )
    with atomic(snakemake.output[0]) as part:
        part.write_text(text, encoding="utf-8")
    log.info("%d test images in %s", len(shown), snakemake.output[0])
