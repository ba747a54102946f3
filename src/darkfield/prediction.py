"""A model folder, and what the model says about pictures."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from darkfield.dataset import normalise
from darkfield.device import autocast
from darkfield.segnet import build


def load_model(spec: dict, device: torch.device) -> nn.Module:
    """The model that a model.json describes, in evaluation mode; weights still to be loaded."""
    model = build(classes=len(spec["classes"]), **spec["model"])
    return model.to(device, memory_format=torch.channels_last).eval()


def load_weights(model: nn.Module, path: Path) -> None:
    """Load safetensors weights; raises RuntimeError if they are of another model."""
    model.load_state_dict(load_file(path))


@torch.inference_mode()
def logits(
    model: nn.Module, batch: Tensor, sizes: Sequence[tuple[int, int]], precision: str
) -> Iterator[Tensor]:
    """Logits (C, h, w), float32, of each image of a batch (B, 3, H, W), at its own size (h, w).

    Bilinear: the prediction is brought to the size of the picture, never the picture's mask to it.
    """
    with autocast(batch.device, precision):
        out = model(batch)
    for one, size in zip(out.float(), sizes, strict=True):
        yield F.interpolate(one[None], size=size, mode="bilinear", align_corners=False)[0]


def to_batch(images: Sequence[np.ndarray], spec: dict, device: torch.device) -> Tensor:
    """uint8 images (H, W, 3) of one size as a normalised batch (B, 3, H, W), as in training."""
    batch = torch.from_numpy(np.stack(images)).to(device).permute(0, 3, 1, 2)
    return normalise(batch, spec["mean"], spec["std"])


def classes_of(one: Tensor) -> np.ndarray:
    """Class indices, uint8 (h, w), of logits (C, h, w)."""
    return one.argmax(dim=0).to(torch.uint8).cpu().numpy()
