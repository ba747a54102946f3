"""The training loop, top to bottom."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from darkfield.device import autocast
from darkfield.files import UserError

log = logging.getLogger("darkfield")


def epoch_order(seed: int, epoch: int) -> torch.Generator:
    """The generator of an epoch's order: a function of seed and epoch alone."""
    state = np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0] >> np.uint64(1)))


def train(
    model: nn.Module,
    dataset: Dataset,
    checkpoints: Sequence[Path],
    *,
    batch_size: int,
    learning_rate: float,
    class_weights: Sequence[float] | None,
    shuffle: bool,
    seed: int,
    precision: str,
    device: torch.device,
) -> list[dict]:
    """Train `model` for one epoch a path in `checkpoints`, saving its weights there after each.

    `dataset` gives float32 (3, H, W) images and int64 (H, W) class indices. Weighted cross entropy,
    Adam. Returns the history: one {"epoch", "loss", "lr"} an epoch, the loss the mean over the
    images. Raises UserError if the loss stops being finite.
    """
    model = model.to(device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)
    weight = None
    if class_weights is not None:
        weight = torch.tensor(class_weights, dtype=torch.float32, device=device)
    loss_function = nn.CrossEntropyLoss(weight)
    history = []
    steps = -(-len(dataset) // batch_size)
    with tqdm(total=len(checkpoints) * steps, desc="train", unit="step", disable=None) as bar:
        for epoch, checkpoint in enumerate(checkpoints, start=1):
            loader = DataLoader(dataset, batch_size, shuffle, generator=epoch_order(seed, epoch))
            total = 0.0
            for step, (images, masks) in enumerate(loader, start=1):
                images = images.to(device, memory_format=torch.channels_last, non_blocking=True)
                masks = masks.to(device, non_blocking=True)
                optimizer.zero_grad(set_to_none=True)
                with autocast(device, precision):
                    logits = model(images)
                loss = loss_function(logits.float(), masks)
                loss.backward()
                optimizer.step()
                value = loss.item()
                if not np.isfinite(value):
                    raise UserError(
                        f"the loss is {value} at epoch {epoch}, step {step}: "
                        f"lower train.learning_rate ({learning_rate:g})"
                    )
                total += value * len(images)
                bar.set_postfix(epoch=epoch, loss=f"{value:.3f}", refresh=False)
                bar.update()
            save_weights(model, checkpoint)
            history.append({"epoch": epoch, "loss": total / len(dataset), "lr": learning_rate})
            log.info("epoch %d of %d: loss %.4f", epoch, len(checkpoints), history[-1]["loss"])
    return history


def save_weights(model: nn.Module, path: Path) -> None:
    """Write a model's state as safetensors."""
    state = {name: tensor.contiguous().cpu() for name, tensor in model.state_dict().items()}
    save_file(state, path)
