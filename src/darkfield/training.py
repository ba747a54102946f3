"""The training loop, top to bottom."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from darkfield.dataset import DarkfieldDataset, normalise
from darkfield.device import autocast
from darkfield.files import UserError, atomic
from darkfield.loss import cross_entropy
from darkfield.resume import checkpoint, load_state, save_state

log = logging.getLogger("darkfield")


def epoch_order(seed: int, epoch: int, images: int) -> list[int]:
    """An epoch's order of the images: a function of seed and epoch alone."""
    return np.random.default_rng([seed, epoch]).permutation(images).tolist()


def train(
    model: nn.Module,
    dataset: DarkfieldDataset,
    folder: Path,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    mean: Sequence[float],
    std: Sequence[float],
    class_weights: Sequence[float] | None,
    shuffle: bool,
    seed: int,
    precision: str,
    device: torch.device,
    compile: bool = False,
) -> list[dict]:
    """Train `model`; after each epoch save its weights and what it takes to go on in `folder`.

    A training that left a state in `folder` goes on after its last finished epoch, to the same
    bytes. `dataset` gives uint8 images (3, H, W), to be normalised by `mean` and `std`, and uint8
    class indices (H, W). Weighted cross entropy, Adam. Returns the history: one {"epoch", "loss",
    "lr"} an epoch, the loss the mean over the images. Raises UserError if it is not finite.
    """
    model = model.to(device, memory_format=torch.channels_last).train()
    if compile:
        torch._dynamo.config.suppress_errors = True  # what fails to compile runs as it is
        model.compile()
    optimizer = optimizer_of(model, learning_rate)
    weight = None
    if class_weights is not None:
        weight = torch.tensor(class_weights, dtype=torch.float32, device=device)
    stateful = {"model": model, "optimizer": optimizer}
    history = load_state(folder, stateful)
    steps = -(-len(dataset) // batch_size)
    bar = tqdm(
        total=epochs * steps,
        initial=len(history) * steps,
        desc="train",
        unit="step",
        disable=None,
    )
    with bar:
        for epoch in range(len(history) + 1, epochs + 1):
            order = epoch_order(seed, epoch, len(dataset)) if shuffle else range(len(dataset))
            loader = DataLoader(
                dataset, batch_size, sampler=order, pin_memory=device.type == "cuda"
            )
            total = 0.0
            for step, batch in enumerate(loader, start=1):
                images, masks = (t.to(device, non_blocking=True) for t in batch)
                images = normalise(images, mean, std)
                value = train_step(model, optimizer, images, masks, weight, precision)
                if not np.isfinite(value):
                    indices = order[(step - 1) * batch_size : step * batch_size]
                    raise UserError(
                        f"the loss is {value} at epoch {epoch}, step {step} (images "
                        f"{', '.join(dataset.names[i] for i in indices)}): "
                        f"lower train.learning_rate ({learning_rate:g})"
                    )
                total += value * len(images)
                bar.set_postfix(epoch=epoch, loss=f"{value:.3f}", refresh=False)
                bar.update()
            save_weights(model, checkpoint(folder, epoch))
            history.append({"epoch": epoch, "loss": total / len(dataset), "lr": learning_rate})
            save_state(folder, stateful, history)
            log.info("epoch %d of %d: loss %.4f", epoch, epochs, history[-1]["loss"])
    return history


def optimizer_of(model: nn.Module, learning_rate: float) -> torch.optim.Optimizer:
    """Adam over all of the model's parameters."""
    return torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)


def train_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    images: Tensor,
    masks: Tensor,
    weight: Tensor | None,
    precision: str,
) -> float:
    """One step on normalised images (B, 3, H, W) and class indices (B, H, W); its mean loss."""
    optimizer.zero_grad(set_to_none=True)
    with autocast(images.device, precision):
        logits = model(images)
    loss = cross_entropy(logits, masks, weight)
    loss.backward()
    optimizer.step()
    return loss.item()


@contextmanager
def enough_memory(batch_size: int, image_size: tuple[int, int]) -> Iterator[None]:
    """Turn a failure to get memory, on CPU or GPU, into a UserError that says what to lower."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        raise UserError(
            f"out of memory: lower train.batch_size ({batch_size}) or image_size "
            f"({' x '.join(map(str, image_size))})"
        ) from error


def save_weights(model: nn.Module, path: Path) -> None:
    """Write a model's state as safetensors, atomically."""
    state = {name: tensor.contiguous().cpu() for name, tensor in model.state_dict().items()}
    with atomic(path) as part:
        part.write_bytes(save(state))
