"""A training of seconds."""

import hashlib
from types import SimpleNamespace

import numpy as np
import torch
from torch.nn import functional as F

from darkfield.data.dataset import DarkfieldDataset, image_transform, target_transform
from darkfield.data.synthetic import scene
from darkfield.files import write_json
from darkfield.network.build import build
from darkfield.network.device import setup
from darkfield.network.training import save_weights, train
from darkfield.recipe import Model, Train

CHANNELS = {"mean": [0.16, 0.2, 0.26], "std": [0.22, 0.24, 0.25]}


def toy_dataset(scenes=4, size=(48, 56)):
    """Small scenes, four by default."""
    drawn = [scene(np.random.default_rng(i), *size) for i in range(scenes)]
    images, masks, _ = zip(*drawn, strict=True)
    return DarkfieldDataset(
        list("abcdefgh"[:scenes]), images, masks, image_transform(), target_transform
    )


def run(dataset, folder, epochs, **options):
    folder.mkdir(exist_ok=True)
    defaults = {"device": "cpu", "precision": "fp32", "threads": 2}
    device, precision = setup(*(options.pop(key, value) for key, value in defaults.items()))
    model = Model(**options.pop("model", {}))
    class_weights = options.pop("class_weights", [0.2, 0.9, 1.0])
    given = {name: options.pop(name) for name in ("teach", "show") if name in options}
    cfg = Train(**{"epochs": epochs, "batch_size": 2} | options)
    torch.manual_seed(cfg.seed)
    model = build(model, 3)
    options = CHANNELS | {"class_weights": class_weights, "device": device, "precision": precision}
    return model, train(model, dataset, cfg, folder, **given, **options)


def digests(folder):
    return {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.glob("*.safetensors")
    }


class Blur(torch.nn.Module):
    """A network that sees 5 x 5 pixels: three fixed filters."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.filter = torch.rand(3, 3, 5, 5)

    def forward(self, x):
        assert x.shape[2] % 32 == x.shape[3] % 32 == 0
        return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="replicate"), self.filter)


def model_folder(folder, image_size):
    """A model folder: a SegNet that was never trained."""
    torch.manual_seed(1)
    save_weights(build(Model(name="segnet"), 3), folder / "model.safetensors")
    spec = {
        "model": {"name": "segnet"},
        "classes": {"background": 0, "erythrocyte": 1, "spirochaete": 2},
        "image_size": image_size,
        "mean": [0.2, 0.2, 0.3],
        "std": [0.2, 0.2, 0.2],
        "predict": {"tile": [32, 32], "overlap": 0.25, "tta": False},
    }
    write_json(folder / "model.json", spec)
    return folder


def script(logfile):
    """What a script of no stage has of Snakemake."""
    return SimpleNamespace(rule="none", params={}, wildcards={}, log=[str(logfile)])
