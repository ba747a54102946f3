"""Draw image, truth, prediction and errors of some training and test images."""

from pathlib import Path

from tqdm import tqdm

from darkfield.device import setup
from darkfield.files import atomic, read_csv, read_json
from darkfield.images import read_image, read_mask, resize_image, write_png
from darkfield.job import job
from darkfield.overlays import overlay, pick
from darkfield.prediction import classes_of, load_model, load_weights, logits, to_batch

with job(snakemake.log[0]) as log:
    cfg, spec = snakemake.params.train, read_json(snakemake.input.spec)
    table = read_csv(snakemake.input.manifest).merge(read_csv(snakemake.input.split), on="image")
    device, precision = setup(cfg["device"], cfg["precision"], cfg["threads"])
    model = load_model(spec, device)
    load_weights(model, Path(snakemake.input.weights))
    with atomic(snakemake.output[0]) as part:
        for name in ("train", "test"):
            (part / name).mkdir(parents=True)
            rows = pick(table[table["split"] == name], snakemake.params.overlays["images"])
            for stem, file in tqdm(
                rows[["image", "file"]].values, f"{name} overlays", disable=None
            ):
                image = read_image(Path(snakemake.input.root, "images", file))
                truth = read_mask(Path(snakemake.input.masks, f"{stem}.png"))
                batch = to_batch([resize_image(image, tuple(spec["image_size"]))], spec, device)
                (out,) = logits(model, batch, [truth.shape], precision)
                sheet = overlay(image, truth, classes_of(out), list(spec["classes"]))
                write_png(part / name / f"{stem}.png", sheet)
    log.info("overlays in %s", snakemake.output[0])
