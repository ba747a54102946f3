"""A model folder, and what the model says about pictures."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import jsonschema
import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from darkfield.classes import class_names
from darkfield.data.dataset import normalise
from darkfield.data.images import resize_image
from darkfield.files import UserError, read_json, sha256
from darkfield.network.build import build
from darkfield.network.device import autocast

NHWC = torch.channels_last
WEIGHTS = "model.safetensors"
ROWS = 512  # of a band
SIDES = {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 4096}}
SIDES |= {"minItems": 2, "maxItems": 2}
CHANNELS = {
    "type": "array",
    "items": {"type": "number", "minimum": 0},
    "minItems": 3,
    "maxItems": 3,
}
SPEC = {  # of a model.json, as far as a prediction needs it: JSON schema
    "type": "object",
    "required": ["model", "classes", "mean", "std", "image_size", "predict"],
    "properties": {
        "model": {"type": "object", "required": ["name"]},
        "classes": {"type": "object", "minProperties": 2, "maxProperties": 256},
        "mean": CHANNELS,
        "std": CHANNELS,
        "image_size": {"anyOf": [{"const": "native"}, SIDES]},
        "predict": {
            "type": "object",
            "required": ["tile", "overlap", "tta"],
            "properties": {
                "tile": SIDES,
                "overlap": {"type": "number", "minimum": 0, "maximum": 0.9},
                "tta": {"type": "boolean"},
            },
        },
    },
}


def load_model(spec: dict, device: torch.device) -> nn.Module:
    """The model that a model.json describes, in evaluation mode; weights still to be loaded."""
    model = build(classes=len(spec["classes"]), **spec["model"] | {"encoder_weights": "none"})
    return model.to(device, memory_format=NHWC).eval()


def load_weights(model: nn.Module, path: Path) -> None:
    """Load safetensors weights; raises UserError if they are damaged or of another model."""
    try:
        model.load_state_dict(load_file(path))
    except (RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{path}: damaged, or weights of another model; get the folder again ({reason})"
        ) from error


def read_spec(folder: Path) -> dict:
    """The model.json of a model folder; raises UserError if the folder does not hold a model."""
    if missing := [f for f in (folder / WEIGHTS, folder / "model.json") if not f.is_file()]:
        raise UserError(
            *(f"{path}: no such file; --model names a model's folder" for path in missing)
        )
    with readable(folder):
        spec = read_json(folder / "model.json")
        for error in jsonschema.Draft202012Validator(SPEC).iter_errors(spec):
            raise ValueError(f"model.json: {error.json_path.removeprefix('$.')}: {error.message}")
        classes = spec["classes"]
        if sorted(classes.values()) != list(range(len(classes))) or classes.get("background") != 0:
            raise ValueError("model.json: classes: must count 0, 1, 2, ..., background first")
        return spec


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Turn what a model.json makes fail into a UserError."""
    try:
        yield
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{folder}: not a model that this version can read ({reason})") from error


def described(spec: dict) -> str:
    """In a line, what a model.json says of its model: network, classes, training images."""
    n = len(spec.get("trained_on", {}))
    images = f"{n} image{'s' * (n > 1)}" if n else "images that it does not list"
    if "data" in spec:
        images += f" ({spec['data'].partition('. ')[0]})"
    classes = ", ".join(class_names(spec["classes"]))
    return f"{spec['model']['name']} for {classes}; trained on {images}"


def load(folder: Path, device: torch.device) -> tuple[nn.Module, dict]:
    """The model of a model folder, in evaluation mode, and its model.json.

    Nothing in the folder is run: weights are safetensors, all else is JSON. Raises UserError if it
    does not hold a model, or weights other than those that model.json was written with.
    """
    spec, weights = read_spec(folder), folder / WEIGHTS
    with readable(folder):
        model = load_model(spec, device)
    if spec.get("weights_sha256", sha256(weights)) != sha256(weights):
        raise UserError(f"{weights}: not the file that model.json is of; get the folder again")
    load_weights(model, weights)
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
    forward = partial(logits, model, spec, device, precision)
    if spec["image_size"] == "native":
        for image in images:
            yield torch.cat(list(tiled(forward, image, spec["predict"])), dim=1)
    else:
        for one, size in zip(forward(images), sizes, strict=True):
            yield F.interpolate(one[None], size=size, mode="bilinear", align_corners=False)[0]


@torch.inference_mode()
def bands(
    model: nn.Module, image: np.ndarray, spec: dict, device: torch.device, precision: str
) -> Iterator[Tensor]:
    """The logits of `predict` of one image, uint8 (H, W, 3), of any size, in bands of its rows.

    Float32 (C, rows, W), from top to bottom: the memory they take grows with W alone.
    """
    forward = partial(logits, model, spec, device, precision)
    if spec["image_size"] == "native":
        yield from tiled(forward, image, spec["predict"])
    else:
        (one,) = forward([resize_image(image, spec["image_size"])])
        yield from enlarged(one, image.shape[:2])


def logits(
    model: nn.Module,
    spec: dict,
    device: torch.device,
    precision: str,
    images: Sequence[np.ndarray],
) -> Tensor:
    """Logits (B, C, H, W), float32, of images of one size, uint8 (H, W, 3)."""
    batch = torch.from_numpy(np.stack(images)).to(device).permute(0, 3, 1, 2)

    def forward(batch: Tensor) -> Tensor:
        with autocast(device, precision):
            return model(batch).float()

    return averaged(forward, spec["predict"]["tta"], normalise(batch, spec["mean"], spec["std"]))


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


def tiled(
    forward: Callable[[Sequence[np.ndarray]], Tensor], image: np.ndarray, predict: dict
) -> Iterator[Tensor]:
    """Logits of an image, uint8 (H, W, 3), of any size, from tiles of at most predict.tile.

    `forward` gives logits (1, C, h, w) of one tile. Yields bands of rows (C, rows, W) from top to
    bottom. Neighbours share predict.overlap of a tile and are weighted by a Gaussian about its
    middle, as in nnU-Net (Isensee et al. 2021), so that no seam shows. Sides are padded to
    multiples of 32, which every network takes, by repeating the border.
    """
    h, w = image.shape[:2]
    tile = [
        min(side, -(-length // 32) * 32)
        for side, length in zip(predict["tile"], (h, w), strict=True)
    ]
    pad = [(0, max(0, side - length)) for side, length in zip(tile, (h, w), strict=True)]
    image = np.pad(image, [*pad, (0, 0)], mode="edge") if any(sum(pad, ())) else image
    tops, lefts = (
        starts(n, t, predict["overlap"]) for n, t in zip(image.shape, tile, strict=False)
    )
    weight, total = None, None
    for top, below in zip(tops, [*tops[1:], image.shape[0]], strict=True):
        for left in lefts:
            (out,) = forward([image[top : top + tile[0], left : left + tile[1]]])
            if total is None:
                sides = (
                    torch.signal.windows.gaussian(t, std=t / 8, device=out.device) for t in tile
                )
                weight = torch.outer(*(side.clamp_min(1e-3) for side in sides))
                total = out.new_zeros(len(out), tile[0], image.shape[1])
                weights = out.new_zeros(tile[0], image.shape[1])
            total[:, :, left : left + tile[1]] += out * weight
            weights[:, left : left + tile[1]] += weight
        done = below - top
        yield (total[:, :done] / weights[:done])[:, : h - top, :w]
        total, weights = (F.pad(t[..., done:, :], (0, 0, 0, done)) for t in (total, weights))


def enlarged(one: Tensor, size: tuple[int, int]) -> Iterator[Tensor]:
    """Logits (C, h, w) brought to `size` bilinearly, as F.interpolate does, in bands of rows."""
    one = F.interpolate(one[None], (one.shape[1], size[1]), mode="bilinear", align_corners=False)[0]
    for rows in torch.arange(size[0]).split(ROWS):
        at = ((rows + 0.5) * one.shape[1] / size[0] - 0.5).clamp_min(0)
        upper = at.floor().long()
        lower = (upper + 1).clamp_max(one.shape[1] - 1)
        share = (at - upper).to(one.device)[:, None]
        yield one[:, upper] * (1 - share) + one[:, lower] * share


def starts(length: int, tile: int, overlap: float) -> list[int]:
    """Where the tiles of a side begin: evenly spread, the last one ends with the side."""
    n = 1 + math.ceil((length - tile) / (tile * (1 - overlap)))
    return np.linspace(0, length - tile, n).round().astype(int).tolist()


def classes_of(one: Tensor) -> np.ndarray:
    """Class indices, uint8 (h, w), of logits (C, h, w)."""
    # Not argmax: over the first axis, on a CPU, it takes many times as long.
    return one.max(dim=0).indices.to(torch.uint8).cpu().numpy()
