"""Train the model; keep the weights of every epoch."""

from pathlib import Path

import pandas as pd
import torch

from darkfield.dataset import DarkfieldDataset, image_transform, target_transform
from darkfield.device import setup
from darkfield.files import atomic, read_csv, read_json, remove, write_csv, write_json
from darkfield.job import job
from darkfield.pixels import Pictures
from darkfield.provenance import provenance
from darkfield.resume import hand_over, state_folder
from darkfield.segnet import build
from darkfield.stats import class_weights
from darkfield.training import enough_memory, train

with job(snakemake.log[0]) as log:
    inputs = snakemake.input
    cfg, classes = snakemake.params.train, snakemake.params.classes
    stats, counts = read_json(inputs.stats), read_json(inputs.counts)
    device, precision = setup(cfg["device"], cfg["precision"], cfg["threads"])
    log.info("%s, %s, %d threads", device, precision, cfg["threads"])

    table = read_csv(inputs.manifest).merge(read_csv(inputs.split), on="image")
    sizes, rows = [snakemake.params.image_size] * len(table), table.index[table["split"] == "train"]
    dataset = DarkfieldDataset(
        list(table["image"][rows]),
        Pictures(inputs.images, sizes, rows),
        Pictures(inputs.masks, sizes, rows),
        image_transform(),
        target_transform(),
    )
    torch.manual_seed(cfg["seed"])
    model = build(classes=len(classes), **snakemake.params.model)
    state = state_folder([dict(snakemake.params.items()), precision, device.type], inputs)
    with enough_memory(cfg["batch_size"], snakemake.params.image_size):
        history = train(
            model,
            dataset,
            state,
            epochs=cfg["epochs"],
            batch_size=cfg["batch_size"],
            learning_rate=cfg["learning_rate"],
            mean=stats["mean"],
            std=stats["std"],
            class_weights=class_weights(cfg["class_weights"], counts),
            shuffle=cfg["shuffle"],
            seed=cfg["seed"],
            precision=precision,
            device=device,
            compile=cfg["compile"],
        )
    with atomic(Path(snakemake.output.checkpoints[0]).parent) as part:
        part.mkdir()
        for path in map(Path, snakemake.output.checkpoints):
            hand_over(state / path.name, part / path.name)
    write_csv(snakemake.output.history, pd.DataFrame(history))
    spec = {
        "model": snakemake.params.model,
        "classes": classes,
        "image_size": snakemake.params.image_size,
        "mean": stats["mean"],
        "std": stats["std"],
        "precision": precision,
        "train": cfg,
        "provenance": provenance(inputs.manifest, inputs.split, inputs.code, device),
    }
    write_json(snakemake.output.spec, spec)
    remove(state)
