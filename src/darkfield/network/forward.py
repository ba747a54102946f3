"""A trained network, loaded, and what it makes of a batch of pictures."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from darkfield.data.dataset import normalise
from darkfield.files import UserError
from darkfield.network.bayesian import sampled
from darkfield.network.build import build
from darkfield.network.device import autocast, layout
from darkfield.network.spec import ModelSpec
from darkfield.network.tiles import averaged


def empty(spec: ModelSpec, device: torch.device) -> nn.Module:
    """The network of a model.json, in evaluation mode, without its weights."""
    fresh = spec.model.model_copy(update={"encoder_weights": None})
    network = build(fresh, len(spec.classes))
    return network.to(device).to(memory_format=layout(network, device)).eval()


def load(network: nn.Module, weights: Path) -> None:
    """Load weights (safetensors); raises UserError if damaged, or of another network."""
    try:
        network.load_state_dict(load_file(weights))
    except (RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{weights}: damaged, or weights of another model; get the folder again ({reason})"
        ) from error


@torch.inference_mode()
def logits(network: nn.Module, spec: ModelSpec, batch: Tensor, precision: str) -> Tensor:
    """Logits (B, C, H, W), float32, of uint8 (B, 3, H, W) on the network's device.

    The mean over views and passes that `spec` asks for.
    """

    def forward(batch: Tensor) -> Tensor:
        with autocast(batch.device, precision):
            logits: Tensor = network(batch).float()
            return logits

    def mean(batch: Tensor) -> Tensor:
        return sampled(forward, network, spec.predict.monte_carlo, batch)

    batch = normalise(batch, spec.mean, spec.std).contiguous(
        memory_format=layout(network, batch.device)
    )
    return averaged(mean, spec.predict.tta, batch)
