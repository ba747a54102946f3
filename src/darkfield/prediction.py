"""A model folder, and what the model says about pictures."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from darkfield.dataset import normalise
from darkfield.device import autocast
from darkfield.files import UserError, read_json
from darkfield.models import build

NHWC = torch.channels_last


def load_model(spec: dict, device: torch.device) -> nn.Module:
    """The model that a model.json describes, in evaluation mode; weights still to be loaded."""
    model = build(classes=len(spec["classes"]), **spec["model"] | {"encoder_weights": "none"})
    return model.to(device, memory_format=NHWC).eval()


def load_weights(model: nn.Module, path: Path) -> None:
    """Load safetensors weights; raises RuntimeError if they are of another model."""
    model.load_state_dict(load_file(path))


def load(folder: Path, device: torch.device) -> tuple[nn.Module, dict]:
    """The model of a model folder, in evaluation mode, and its model.json.

    Raises UserError if the folder does not hold one.
    """
    weights, spec = folder / "model.safetensors", folder / "model.json"
    if missing := [path for path in (weights, spec) if not path.is_file()]:
        raise UserError(
            *(f"{path}: no such file; --model names a model's folder" for path in missing)
        )
    try:
        spec = read_json(spec)
        model = load_model(spec, device)
        load_weights(model, weights)
    except (KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{folder}: not a model that this version can read ({reason})") from error
    return model, spec


@torch.inference_mode()
def predict(
    model: nn.Module,
    images: Sequence[np.ndarray],
    sizes: Sequence[tuple[int, int]],
    spec: dict,
    device: torch.device,
    precision: str,
) -> Iterator[Tensor]:
    """Logits (C, h, w), float32, of each of `images`, uint8 (H, W, 3), at its own size (h, w).

    `spec` is a model.json. Images are of its image_size, all of one size, and their logits are
    brought to theirs bilinearly; or, if that is "native", of their own, and go through the network
    in overlapping tiles.
    """

    def normal(some: Sequence[np.ndarray]) -> Tensor:
        batch = torch.from_numpy(np.stack(some)).to(device).permute(0, 3, 1, 2)
        return normalise(batch, spec["mean"], spec["std"])

    def forward(batch: Tensor) -> Tensor:
        with autocast(device, precision):
            return model(batch).float()

    tta = spec["predict"]["tta"]
    if spec["image_size"] == "native":
        for image in images:
            yield tiled(partial(averaged, forward, tta), normal([image]), spec["predict"])[0]
    else:
        for one, size in zip(averaged(forward, tta, normal(images)), sizes, strict=True):
            yield F.interpolate(one[None], size=size, mode="bilinear", align_corners=False)[0]


def averaged(forward: Callable[[Tensor], Tensor], tta: bool, batch: Tensor) -> Tensor:
    """Logits of a batch (B, 3, H, W); with `tta` the mean over its 8 flips and right-angle turns.

    Test-time augmentation: a field of view has no up and no left.
    """
    if not tta:
        return forward(batch)
    total = 0
    for turns in range(4):
        for mirror in (False, True):
            view = batch.rot90(turns, (2, 3))
            out = forward((view.flip(3) if mirror else view).contiguous(memory_format=NHWC))
            total = total + (out.flip(3) if mirror else out).rot90(-turns, (2, 3))
    return total / 8


def tiled(forward: Callable[[Tensor], Tensor], image: Tensor, predict: dict) -> Tensor:
    """Logits (1, C, H, W) of an image (1, 3, H, W) of any size, from tiles of at most predict.tile.

    Neighbours share predict.overlap of a tile and are weighted by a Gaussian about its middle, as
    in nnU-Net (Isensee et al. 2021), so that no seam shows. Sides are padded to multiples of 32,
    which every network takes, by repeating the border.
    """
    h, w = image.shape[2:]
    tile = [
        min(side, -(-length // 32) * 32)
        for side, length in zip(predict["tile"], (h, w), strict=True)
    ]
    pad = [max(0, side - length) for side, length in zip(tile, (h, w), strict=True)]
    image = F.pad(image, (0, pad[1], 0, pad[0]), mode="replicate")
    bell = [torch.signal.windows.gaussian(t, std=t / 8, device=image.device) for t in tile]
    weight = torch.outer(*bell)
    total, weights = None, torch.zeros(image.shape[2:], device=image.device)
    for top in starts(image.shape[2], tile[0], predict["overlap"]):
        for left in starts(image.shape[3], tile[1], predict["overlap"]):
            at = slice(top, top + tile[0]), slice(left, left + tile[1])
            out = forward(image[:, :, *at].contiguous(memory_format=NHWC))
            if total is None:
                total = out.new_zeros(1, out.shape[1], *image.shape[2:])
            total[:, :, *at] += out * weight
            weights[at] += weight
    return (total / weights)[:, :, :h, :w]


def starts(length: int, tile: int, overlap: float) -> list[int]:
    """Where the tiles of a side begin: evenly spread, the last one ends with the side."""
    n = 1 + math.ceil((length - tile) / (tile * (1 - overlap)))
    return np.linspace(0, length - tile, n).round().astype(int).tolist()


def classes_of(one: Tensor) -> np.ndarray:
    """Class indices, uint8 (h, w), of logits (C, h, w)."""
    return one.argmax(dim=0).to(torch.uint8).cpu().numpy()
