"""How fast training is on a GPU: python bench/gpu.py prints a line of JSON for each kind; a minute.

What an image costs is the difference of a long and a short training by the chain's own loop. The
share of time that waits for data is what remains when every batch is the same, ready on the GPU.
"""

import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import yaml
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from darkfield.data.augment import augmentation
from darkfield.data.dataset import DarkfieldDataset, image_transform, image_view, target_transform
from darkfield.data.synthetic import scene, synthesize
from darkfield.network.build import build
from darkfield.network.device import setup
from darkfield.network.training import train
from darkfield.recipe import Augment, Model, Train

BEST = yaml.safe_load(Path(__file__).parent.parent.joinpath("presets/best.yaml").read_text())
BEST["model"]["encoder_weights"] = None
SHORT, LONG = 10, 110  # steps
CPUS = len(os.sched_getaffinity(0))
CUDA = torch.device("cuda")
MEAN, STD = [0.16, 0.2, 0.26], [0.22, 0.24, 0.25]


class Still(DarkfieldDataset):
    """The same pair each time, its image on the GPU."""

    def __getitem__(self, key):
        return self.pair


def scenes(size, crop=None, augment=None):
    """Sixteen synthetic scenes of a size; with `crop`, windows of them."""
    drawn = [scene(np.random.default_rng(i), *size) for i in range(16)]
    images, masks, _ = zip(*drawn, strict=True)
    transforms = image_view if crop else image_transform(), target_transform
    changes = augmentation(Augment(**(augment or {})), crop)
    return DarkfieldDataset(list(map(str, range(16))), images, masks, *transforms, changes)


def still(dataset):
    """The dataset as if it cost nothing."""
    first = Still(dataset.names, dataset.images, dataset.masks, None, None)
    image, mask = dataset[0, 0]
    first.pair = image.to(CUDA), mask
    first.on = lambda device, room: first
    return first


def seconds_per_image(dataset, model, **cfg):
    def seconds(steps):
        cfg["steps_per_epoch"] = steps
        network = build(Model(**model), 3)
        with tempfile.TemporaryDirectory() as folder:
            begin = time.perf_counter()
            train(
                *(network, dataset, Train(epochs=1, **cfg), Path(folder)),
                **{"mean": MEAN, "std": STD, "class_weights": [1, 1, 3]},
                **{"device": CUDA, "precision": "bf16"},
            )
            return time.perf_counter() - begin

    seconds(SHORT)  # warm
    return (seconds(LONG) - seconds(SHORT)) / ((LONG - SHORT) * cfg["batch_size"])


def operations(model, size):
    """Floating-point operations of an image's step, counted."""
    network = build(Model(**model), 3).to(CUDA).train()
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(2, 3, *size, device=CUDA)).sum().backward()
    return counter.get_total_flops() / 2


def peak(side=8192, products=30):
    """Operations a second of large bf16 matrix products, the most that this card gives."""
    a, b = (torch.randn(side, side, dtype=torch.bfloat16, device=CUDA) for _ in "ab")
    for count in (3, products):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        for _ in range(count):
            a @ b
        torch.cuda.synchronize()
    return products * 2 * side**3 / (time.perf_counter() - begin)


def notebook(batch=8):
    """Seconds an image of the notebook's loop: fp32, default layout, decoding at each step."""
    from step import Plain

    with tempfile.TemporaryDirectory() as folder:
        synthesize(Path(folder), images=4 * batch, size=(500, 700), seed=1)
        model = build(Model(name="segnet"), 3).to(CUDA).train()
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        loss_function = torch.nn.CrossEntropyLoss(torch.tensor([1.0, 1.0, 3.0], device=CUDA))
        for _ in range(2):  # the first warms
            begin = time.perf_counter()
            for images, masks in DataLoader(Plain(Path(folder)), batch, shuffle=True):
                optimizer.zero_grad()
                loss = loss_function(model(images.to(CUDA)), masks.to(CUDA))
                loss.backward()
                optimizer.step()
                loss.item()
        return (time.perf_counter() - begin) / (4 * batch)


def tell(what, **row):
    print(json.dumps({"what": what} | {k: float(f"{v:.4g}") for k, v in row.items()}), flush=True)


def main():
    if not torch.cuda.is_available():
        print("torch sees no CUDA device: nothing to measure")
        return
    print(torch.cuda.get_device_name(), torch.__version__)
    plain = notebook()  # before torch is made deterministic
    tell("segnet 256 x 256, the notebook's loop", images_per_s=1 / plain)
    most = peak()
    tell("bf16 matrix products", tflops=most / 1e12)
    setup("cuda", "bf16", 2)
    small, large = scenes((256, 256)), scenes((1000, 1400), BEST["train"]["crop"], BEST["augment"])
    chosen = ("optimizer", "dice_weight", "weight_decay", "schedule", "ema")
    tuned = {key: BEST["train"][key] for key in chosen}
    for what, dataset, model, size, cfg in (
        ("segnet 256 x 256", small, {"name": "segnet"}, (256, 256), {"batch_size": 8}),
        ("segnet 256 x 256", small, {"name": "segnet"}, (256, 256), {"batch_size": 64}),
        ("best", large, BEST["model"], (320, 320), tuned | {"batch_size": 8}),
        ("best", large, BEST["model"], (320, 320), tuned | {"batch_size": 8, "workers": CPUS - 1}),
    ):
        work = operations(model, size)
        real = seconds_per_image(dataset, model, **cfg)
        ready = seconds_per_image(still(dataset), model, **cfg | {"workers": 0})
        numbers = {key: cfg.get(key, 0) for key in ("batch_size", "workers")}
        numbers |= {"images_per_s": 1 / real, "times_the_notebook": plain / real}
        numbers |= {"fraction_of_peak": work / real / most, "waits_for_data": 1 - ready / real}
        tell(what, **numbers)


if __name__ == "__main__":
    main()
