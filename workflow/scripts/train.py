"""Train the model; keep the weights of every epoch."""

import sys
from pathlib import Path

import pandas as pd
import torch

from darkfield.classes import matched
from darkfield.data.augment import augmentation
from darkfield.data.dataset import (
    DarkfieldDataset,
    image_transform,
    image_view,
    target_transform,
)
from darkfield.data.pixels import Pictures, network_sizes
from darkfield.data.stats import class_weights
from darkfield.data.trained_on import UNKNOWN, merged, record
from darkfield.engine.provenance import provenance, versions
from darkfield.engine.script import job
from darkfield.files import (
    atomic,
    hand_over,
    read_csv,
    read_json,
    remove,
    sha256,
    write_csv,
)
from darkfield.network.build import build, libraries, start_from
from darkfield.network.device import setup
from darkfield.network.distributed import first, launch, launched, process
from darkfield.network.spec import SPEC, WEIGHTS, ModelSpec, load_spec, save_spec
from darkfield.network.states import claimed, remove_superseded, state_folder
from darkfield.network.teacher import teacher
from darkfield.network.training import enough_memory, train
from darkfield.sections import Augment, Model, Train


def fit(device: torch.device, precision: str) -> None:
    inputs, params, cfg = snakemake.input, snakemake.params, Train(**snakemake.params.train)
    classes, kind = params.classes, Model(**params.model)
    background = None if params.background is None else classes[params.background]
    augment = Augment(**params.augment)
    stats, counts = read_json(inputs.stats), read_json(inputs.counts)

    table = read_csv(inputs.manifest).merge(read_csv(inputs.split), on="image")
    sizes = network_sizes(table, params.image_size)
    rows = table.index[table["split"] == "train"]
    dataset = DarkfieldDataset(
        list(table["image"][rows]),
        Pictures(inputs.images, sizes, rows),
        Pictures(inputs.masks, sizes, rows),
        image_view if cfg.crop else image_transform(),
        target_transform,
        augmentation(augment, cfg.crop, background),
    )
    torch.manual_seed(cfg.seed)
    model = build(kind, len(classes))
    others, teach = {}, None
    start, teachers = (
        [Path(path) for path in given if path.endswith(SPEC)]
        for given in (inputs.pretrained_spec, inputs.teacher)
    )
    for path in start:
        start_from(
            model, Path(inputs.pretrained), matched(load_spec(path).classes, classes, str(path))
        )
        others["pretrained_weights"] = sha256(Path(inputs.pretrained))
    if teachers:
        folders = [path.parent for path in teachers]
        teach = teacher(folders, classes, params.image_size, device, precision)
        others["teachers"] = [sha256(folder / WEIGHTS) for folder in folders]
    trained_on: dict[str, int] | None = record(table)
    for path in (*start, *teachers):
        before = load_spec(path).trained_on
        trained_on = None if trained_on is None else merged(trained_on, before)
        if before is None and first():
            log.warning("%s: %s", path, UNKNOWN)
    used = versions(*libraries(kind))
    state = state_folder([dict(params.items()), precision, device.type, used], inputs)
    seen = cfg.crop or params.image_size
    with enough_memory(cfg.batch_size, seen), claimed(state, snakemake.log[0]):
        history = train(
            model,
            dataset,
            cfg,
            state,
            mean=stats["mean"],
            std=stats["std"],
            class_weights=class_weights(cfg.class_weights, counts),
            device=device,
            precision=precision,
            background=background,
            teach=teach,
        )
    if not first():
        return
    with atomic(Path(snakemake.output.checkpoints[0]).parent) as part:
        part.mkdir()
        for path in map(Path, snakemake.output.checkpoints):
            hand_over(state / path.name, part / path.name)
    write_csv(snakemake.output.history, pd.DataFrame(history))
    made_by = provenance(inputs.manifest, inputs.split, params.code, used, device)
    spec = ModelSpec(
        model=kind,
        classes=classes,
        background=params.background,
        image_size=params.image_size,
        mean=stats["mean"],
        std=stats["std"],
        precision=precision,
        train=cfg,
        augment=augment,
        trained_on=trained_on,
        provenance=made_by | others,
    )
    save_spec(snakemake.output.spec, spec)
    remove_superseded(state)
    remove(state)


if __name__ == "__main__":  # processes that train.workers spawns import this file, too
    cfg = Train(**snakemake.params.train)
    with process(snakemake.log[0]) if launched() else job(snakemake) as log:
        device, precision = setup(cfg.device, cfg.precision, cfg.threads)
        log.info("%s, %s, %d threads", device, precision, cfg.threads)
        if cfg.processes == 1 or launched():
            fit(device, precision)
        else:
            launch(sys.argv, cfg.processes, device)
