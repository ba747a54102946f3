"""Draw image, truth, prediction and errors of the training and test images of one batch."""

from pathlib import Path

from tqdm import tqdm

from darkfield.device import setup
from darkfield.files import atomic, read_csv, read_json
from darkfield.images import write_png
from darkfield.job import job
from darkfield.overlays import overlay, pick
from darkfield.pixels import Pictures, batch_rows, network_sizes
from darkfield.prediction import classes_of, load_model, load_weights, predict

with job(snakemake.log[0]) as log:
    cfg, spec = snakemake.params.train, read_json(snakemake.input.spec)
    table = read_csv(snakemake.input.manifest).merge(read_csv(snakemake.input.split), on="image")
    batch, batches = int(snakemake.wildcards.batch), snakemake.params.batches
    rows = batch_rows(len(table), batch, batches)
    sizes = network_sizes(table.iloc[rows], "native")
    native, masks = (Pictures([snakemake.input[name]], sizes) for name in ("native", "masks"))
    resized = network_sizes(table.iloc[rows], spec["image_size"])
    images = Pictures([snakemake.input.images], resized)
    device, precision = setup(cfg["device"], cfg["precision"], cfg["threads"])
    model = load_model(spec, device)
    load_weights(model, Path(snakemake.input.weights))
    with atomic(snakemake.output[0]) as part:
        for name in ("train", "test"):
            (part / name).mkdir(parents=True)
            picked = pick(table[table["split"] == name], snakemake.params.overlays["images"])
            mine = picked["image"][picked.index.isin(rows)]
            for row, stem in tqdm(mine.items(), f"{name} overlays", len(mine), disable=None):
                i = row - rows.start
                (out,) = predict(model, [images[i]], [masks[i].shape], spec, device, precision)
                sheet = overlay(native[i], masks[i], classes_of(out), list(spec["classes"]))
                write_png(part / name / f"{stem}.png", sheet)
