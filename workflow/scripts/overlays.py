"""Draw image, truth, prediction and errors of some training and test images."""

from pathlib import Path

from tqdm import tqdm

from darkfield.device import setup
from darkfield.files import atomic, read_csv, read_json
from darkfield.images import write_png
from darkfield.job import job
from darkfield.overlays import overlay, pick
from darkfield.pixels import Pictures, network_sizes
from darkfield.prediction import classes_of, load_model, load_weights, predict

with job(snakemake.log[0]) as log:
    cfg, spec = snakemake.params.train, read_json(snakemake.input.spec)
    table = read_csv(snakemake.input.manifest).merge(read_csv(snakemake.input.split), on="image")
    sizes = table[["height", "width"]].to_numpy()
    native = Pictures(snakemake.input.native, sizes)
    masks = Pictures(snakemake.input.masks, sizes)
    images = Pictures(snakemake.input.images, network_sizes(table, spec["image_size"]))
    device, precision = setup(cfg["device"], cfg["precision"], cfg["threads"])
    model = load_model(spec, device)
    load_weights(model, Path(snakemake.input.weights))
    with atomic(snakemake.output[0]) as part:
        for name in ("train", "test"):
            (part / name).mkdir(parents=True)
            rows = pick(table[table["split"] == name], snakemake.params.overlays["images"])
            for i, stem in tqdm(rows["image"].items(), f"{name} overlays", len(rows), disable=None):
                sizes = [masks[i].shape]
                (out,) = predict(model, [images[i]], sizes, spec, device, precision)
                sheet = overlay(native[i], masks[i], classes_of(out), list(spec["classes"]))
                write_png(part / name / f"{stem}.png", sheet)
    log.info("overlays in %s", snakemake.output[0])
