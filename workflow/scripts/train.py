"""Train the model; keep the weights of every epoch."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

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
from darkfield.data.synthetic import training_pair
from darkfield.data.trained_on import UNKNOWN, merged, record
from darkfield.engine.live import Show, live
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
from darkfield.network.pretrained import as_vgg16
from darkfield.network.segnet import SegNet
from darkfield.network.spec import SPEC, WEIGHTS, ModelSpec, load_spec, save_spec
from darkfield.network.states import claimed, remove_superseded, state_folder
from darkfield.network.teacher import taught_by, teachers
from darkfield.network.training import enough_memory, train
from darkfield.recipe import Augment, Model, Recipe, Train, ensemble

SOME = 12  # images to adapt pretrained weights to


def fit(device: torch.device, precision: str) -> None:
    inputs, params = snakemake.input, snakemake.params
    own = Recipe(Model(**params.model), Train(**params.train), Augment(**params.augment))
    others = list(ensemble(own))
    classes, cfg = params.classes, own.train
    background = None if params.background is None else classes[params.background]
    stats, counts = read_json(inputs.stats), read_json(inputs.counts)

    table = read_csv(inputs.manifest).merge(read_csv(inputs.split), on="image")
    sizes = network_sizes(table, params.image_size)
    rows = table.index[table["split"] == "train"]
    images, masks = (Pictures(files, sizes, rows) for files in (inputs.images, inputs.masks))
    start, taught = (
        [Path(path) for path in given if path.endswith(SPEC)]
        for given in (inputs.pretrained_spec, inputs.teacher)
    )
    mean, std = stats["mean"], stats["std"]
    origins: dict[str, Any] = {}
    if start:  # its weights expect pictures normalised as its own were
        spec = load_spec(*start)
        mean, std = spec.mean, spec.std
        origins["pretrained_weights"] = sha256(Path(inputs.pretrained))
    if folders := [path.parent for path in taught]:
        origins["teachers"] = [sha256(folder / WEIGHTS) for folder in folders]
    trained_on: dict[str, int] | None = record(table)
    for path in (*start, *taught):
        before = load_spec(path).trained_on
        trained_on = None if trained_on is None else merged(trained_on, before)
        if before is None and first():
            log.warning("%s: %s", path, UNKNOWN)
    needed = (name for recipe in (own, *others) for name in libraries(recipe.model))
    used = versions(*dict.fromkeys(needed))
    made_by = provenance(inputs.manifest, inputs.split, params.code, used, device)

    def spec_of(recipe: Recipe) -> ModelSpec:
        return ModelSpec(
            model=recipe.model,
            classes=classes,
            background=params.background,
            image_size=params.image_size,
            mean=mean,
            std=std,
            precision=precision,
            train=recipe.train,
            augment=recipe.augment,
            trained_on=trained_on,
            provenance=made_by | origins,
        )

    def trained(
        recipe: Recipe,
        folder: Path,
        show: Show,
        teach: Callable[[Tensor], Tensor] | None = None,
    ) -> tuple[nn.Module, list[dict[str, float]]]:
        kind, cfg, augment = recipe
        scenes = round(len(rows) * cfg.scenes / (1 - cfg.scenes))
        dataset = DarkfieldDataset(
            [*table["image"][rows], *["a synthetic scene"] * scenes],
            images,
            masks,
            image_view if cfg.crop else image_transform(),
            target_transform,
            augmentation(augment, cfg.crop, background),
            partial(training_pair, params.synthesize, classes) if scenes else None,
        )
        torch.manual_seed(cfg.seed)
        model = build(kind, len(classes))
        for path in start if cfg.pretrained_weights else ():
            order = matched(load_spec(path).classes, classes, str(path))
            start_from(model, Path(inputs.pretrained), order)
        if isinstance(model, SegNet) and kind.encoder_weights:
            some = [dataset[i % len(dataset), i][0] for i in range(SOME)]
            as_vgg16(model.encoder, torch.stack(some), mean, std)
        history = train(
            model,
            dataset,
            cfg,
            folder,
            mean=mean,
            std=std,
            class_weights=class_weights(cfg.class_weights, counts),
            device=device,
            precision=precision,
            background=background,
            teach=teach,
            show=show,
        )
        return model.eval(), history

    state = state_folder([dict(params.items()), precision, device.type, used], inputs)
    seen = cfg.crop or params.image_size
    with (
        enough_memory(cfg.batch_size, seen),
        claimed(state, snakemake.log[0]),
        live(snakemake, first()) as show,
    ):
        models = teachers(folders, classes, params.image_size, device)
        for number, recipe in enumerate(others, start=1):
            log.info("network %d of %d to learn from", number, len(others))
            name = f"network-{number}"
            model, _ = trained(recipe, state / name, partial(show, prefix=f"{name}/"))
            models.append((model, spec_of(recipe), list(range(len(classes)))))
        _, history = trained(own, state, show, taught_by(models, precision) if models else None)
    if not first():
        return
    with atomic(Path(snakemake.output.checkpoints[0]).parent) as part:
        part.mkdir()
        for path in map(Path, snakemake.output.checkpoints):
            hand_over(state / path.name, part / path.name)
    write_csv(snakemake.output.history, pd.DataFrame(history))
    save_spec(snakemake.output.spec, spec_of(own))
    remove_superseded(state)
    remove(state)


if __name__ == "__main__":  # processes that train.workers spawns import this file, too
    cfg = Train(**snakemake.params.train)
    with process(snakemake.log[0]) if launched() else job(snakemake) as log:
        device, precision = setup(cfg.device, cfg.precision, cfg.threads)
        log.info("%s, %s, %d threads", device, precision, cfg.threads)
        nodes = snakemake.resources.get("nodes", 1)
        if cfg.processes == nodes == 1 or launched():
            fit(device, precision)
        else:
            launch(sys.argv, cfg.processes, device, nodes)
