"""The training loop, top to bottom."""

import errno
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.func import functional_call
from torch.optim import SGD, Adam, AdamW
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from darkfield.data.dataset import DarkfieldDataset, Pair, normalise
from darkfield.errors import out_of_memory
from darkfield.files import UserError, atomic
from darkfield.network.device import autocast, depthwise_in_float32, layout, sent
from darkfield.network.distributed import first, rank, replicate, share
from darkfield.network.loss import cross_entropy, dice, distillation
from darkfield.network.private import run_what_fails_to_compile_as_it_is
from darkfield.network.resume import checkpoint, load_state, save_state
from darkfield.progress import Pace
from darkfield.recipe import Train

log = logging.getLogger("darkfield")
UNREAD = 16  # steps whose losses may be unread on a GPU: to read is to wait for all it computes
Key = tuple[int, int]  # index of a picture, seed of its augmentation


def epoch_order(seed: int, epoch: int, images: int, shuffle: bool, samples: int) -> list[int]:
    """The index of the image of each sample of an epoch (1, 2, ...), from seed and epoch alone.

    In the images' own order, an epoch continues where the last one ended. If shuffled, each epoch
    draws again; within it, every image comes once before any comes twice.
    """
    if not shuffle:
        order = np.arange((epoch - 1) * samples, epoch * samples) % images
        return list(map(int, order))
    rng = np.random.default_rng([seed, epoch])
    passes = -(-samples // images)
    order = np.concatenate([rng.permutation(images) for _ in range(passes)])
    return list(map(int, order[:samples]))


def sample_seeds(seed: int, epoch: int, samples: int) -> list[int]:
    """A seed for the augmentation of each of an epoch's samples."""
    return list(map(int, np.random.default_rng([seed, epoch, 1]).integers(2**63, size=samples)))


def epoch_batches(cfg: Train, epoch: int, images: int, samples: int) -> list[list[Key]]:
    """The keys of the samples of an epoch's batches, of which the last may be short."""
    order = epoch_order(cfg.seed, epoch, images, cfg.shuffle, samples)
    keys = list(zip(order, sample_seeds(cfg.seed, epoch, samples), strict=True))
    return [keys[i : i + cfg.batch_size] for i in range(0, samples, cfg.batch_size)]


def epoch_seed(seed: int, epoch: int, rank: int) -> int:
    """A seed for what the network itself draws in an epoch (dropout, stochastic depth)."""
    return int(np.random.default_rng([seed, epoch, 2, rank]).integers(2**63))


def train(
    model: nn.Module,
    dataset: DarkfieldDataset,
    cfg: Train,
    folder: Path,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    class_weights: Sequence[float] | None,
    device: torch.device,
    precision: str,
    background: int | None = 0,
    teach: Callable[[Tensor], Tensor] | None = None,
    show: Callable[[list[dict[str, float]]], None] = lambda rows: None,
) -> list[dict[str, float]]:
    """Train `model`; after each epoch save its weights, and what resuming needs, in `folder`.

    In the end, it has the weights that were saved last. A training that left a state in `folder`
    continues after its last finished epoch, to the same bytes. `dataset` gives uint8 images
    (3, H, W), to be normalised by `mean` and `std`, and uint8 class indices (H, W).
    `class_weights`, `device` and `precision` are what those of `cfg` mean on this machine; the loss
    is cross entropy + cfg.dice_weight x Dice loss, the latter of the classes except the index
    `background`. With `teach`, as `teacher.taught_by` makes it, cfg.teaching of the loss is instead
    the divergence from what it gives for the same images. With CUDA and without workers, images are
    augmented on the GPU, and kept there if they fit in half of its free memory. With several
    processes, each trains on its share of every batch, and the first writes the files. Returns the
    history: one {"epoch", "loss", "lr"} per epoch, where the loss is the mean over its samples;
    `show` gets what there is of it at the start, and then each row when it is saved.
    Raises UserError if the smallest batch is too small for the network, if workers lack shared
    memory, or if the loss is not finite.
    """
    per_epoch = None if cfg.steps_per_epoch == "all" else cfg.steps_per_epoch
    steps = per_epoch or -(-len(dataset) // cfg.batch_size)
    samples = steps * cfg.batch_size if per_epoch else len(dataset)
    order = layout(model, device)
    model = model.to(device).to(memory_format=order).train()
    if device.type == "cuda" and not cfg.workers:
        dataset = dataset.on(device, room=torch.cuda.mem_get_info()[0] // 2)
    check_smallest_batch(model, dataset, min(cfg.batch_size, samples % cfg.batch_size or samples))
    averaged = None
    if cfg.ema:
        averaging = get_ema_multi_avg_fn(cfg.ema)
        averaged = AveragedModel(model, multi_avg_fn=averaging, use_buffers=True)
    if device.type == "cpu" and precision == "bf16":
        depthwise_in_float32(model)
    if cfg.compile:
        torch.use_deterministic_algorithms(True)  # tells the compiler, too
        run_what_fails_to_compile_as_it_is()
        model.compile()
    descent = optimizer_of(model, cfg)
    scheduler = scheduler_of(descent, cfg.schedule, cfg.epochs * steps)
    weight = None
    if class_weights is not None:
        weight = torch.tensor(class_weights, dtype=torch.float32, device=device)

    def loss_function(logits: Tensor, masks: Tensor, taught: Tensor | None = None) -> Tensor:
        loss = cross_entropy(logits, masks, weight)
        if cfg.dice_weight:
            loss = loss + cfg.dice_weight * dice(logits, masks, background)
        if taught is None:
            return loss
        return (1 - cfg.teaching) * loss + cfg.teaching * distillation(logits, taught)

    stateful = {"model": model, "optimizer": descent, "scheduler": scheduler}
    stateful |= {"averaged": averaged} if averaged else {}
    history = load_state(folder, stateful)
    show(history)
    replica = replicate(model)
    pace = Pace(cfg.epochs * steps, len(history) * steps)
    epochs = range(len(history) + 1, cfg.epochs + 1)
    batches_of = partial(epoch_batches, cfg, images=len(dataset), samples=samples)
    loader = DataLoader(  # one for all epochs: workers stay, and read ahead of the next one
        dataset,
        batch_sampler=(
            list(share(batch)) or batch[:1] for epoch in epochs for batch in batches_of(epoch)
        ),
        num_workers=cfg.workers,
        pin_memory=device.type == "cuda" and cfg.workers > 0,
        generator=torch.Generator(),  # what it draws is no part of an epoch's draws
    )
    pairs = loaded(loader)
    unread = UNREAD if device.type == "cuda" else 1
    for epoch in epochs:
        torch.manual_seed(epoch_seed(cfg.seed, epoch, rank()))  # of the CPU and of all GPUs
        total, losses = 0.0, []
        for step, batch in enumerate(batches := batches_of(epoch), start=1):
            mine = len(share(batch))  # possibly none of a short batch
            images, masks = (sent(t[:mine], device) for t in next(pairs))
            loss = partial(loss_function, taught=teach(images)) if teach else loss_function
            images = normalise(images, mean, std).contiguous(memory_format=order)
            losses.append(train_step(replica, descent, images, masks, loss, precision))
            rate = float(scheduler.get_last_lr()[0])
            scheduler.step()
            if averaged:
                averaged.update_parameters(model)
            if len(losses) < unread and step < steps:
                continue
            values = torch.stack(losses).tolist()
            losses.clear()
            for at, value in enumerate(values, start=step + 1 - len(values)):
                if not math.isfinite(value):
                    raise UserError(
                        f"the loss is {value} at epoch {epoch}, step {at} (images "
                        f"{', '.join(dataset.names[i] for i, _ in batches[at - 1])}): "
                        f"lower train.learning_rate ({cfg.learning_rate:g})"
                    )
                total += value * len(batches[at - 1])
            done = (epoch - 1) * steps + step
            told = done, pace.total, epoch, value
            pace.tell(done, "step %d of %d: epoch %d, loss %.3f", *told)
        history.append({"epoch": epoch, "loss": total / samples, "lr": rate})
        if first():
            save_weights(averaged.module if averaged else model, checkpoint(folder, epoch))
            save_state(folder, stateful, history)
        show(history[-1:])
        left = f", {pace.left(epoch * steps)}" if epoch < cfg.epochs else ""
        log.info("epoch %d of %d: loss %.4f%s", epoch, cfg.epochs, history[-1]["loss"], left)
    if averaged:
        model.load_state_dict(averaged.module.state_dict())
    return history


def loaded(loader: DataLoader[Pair]) -> Iterator[list[Tensor]]:
    """The batches of a loader; raises UserError if its workers lack shared memory to send them."""
    try:
        yield from loader
    except (OSError, RuntimeError) as error:
        # Workers report their own OSErrors with a file name, or as another type.
        unshared = isinstance(error, OSError) and error.errno == errno.ENOSPC
        if not loader.num_workers or not (unshared or "shared memory" in str(error)):
            raise
        raise UserError(
            f"train.workers: {loader.num_workers} processes find too little shared memory in "
            "/dev/shm; set train.workers: 0, or enlarge it (docker run --shm-size=1g)"
        ) from error


def check_smallest_batch(model: nn.Module, dataset: DarkfieldDataset, size: int) -> None:
    """Raise UserError if a network in training mode does not take a batch of `size` images.

    That is, if the batch leaves a batch norm one value per channel, or if some processes get none
    of its images and the network cannot cope with that. The network is run on tensors that have a
    shape but no values: nothing is computed or drawn, and the model does not change.
    """
    weights = {name: tensor.to("meta") for name, tensor in model.state_dict().items()}
    shape = dataset[0, 0][0].shape

    def failure(images: int) -> str:
        try:
            functional_call(model, weights, (torch.empty(images, *shape, device="meta"),))
        except Exception as error:  # not every network runs without values
            return str(error)
        return ""

    remedy = "change train.batch_size, or set train.steps_per_epoch, so that all batches are full"
    if "more than 1 value per channel" in failure(size):
        raise UserError(
            f"train.batch_size: the smallest batch is {size} image of "
            f"{' x '.join(map(str, shape[1:]))} pixels, which the network reduces to a single one; "
            f"batch norm needs two or more: {remedy}, or enlarge image_size"
        )
    if not share(range(size)) and "0 elements" in failure(0):
        raise UserError(
            f"train.processes: the smallest batch has fewer images ({size}) than there are "
            f"processes, and the network does not take an empty share: {remedy}"
        )


def optimizer_of(model: nn.Module, cfg: Train) -> torch.optim.Optimizer:
    """What cfg.optimizer names, for all parameters of the model."""
    rate, decay = cfg.learning_rate, cfg.weight_decay
    if cfg.optimizer == "sgd":  # as SegNet's authors
        return SGD(model.parameters(), rate, momentum=0.9, weight_decay=decay, fused=True)
    adam = AdamW if cfg.optimizer == "adamw" else Adam
    return adam(model.parameters(), rate, weight_decay=decay, fused=True)


def scheduler_of(optimizer: torch.optim.Optimizer, schedule: str, steps: int) -> LambdaLR:
    """The learning rate by step: "constant", or "cosine" after warming up for a twentieth."""
    warm = max(1, steps // 20)

    def cosine(step: int) -> float:
        done = min(1, max(0, step - warm) / max(1, steps - warm))
        return min(1, (step + 1) / warm) * (1 + math.cos(math.pi * done)) / 2

    return LambdaLR(optimizer, cosine if schedule == "cosine" else lambda step: 1.0)


def train_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    images: Tensor,
    masks: Tensor,
    loss_function: Callable[[Tensor, Tensor], Tensor],
    precision: str,
) -> Tensor:
    """One step on normalised images (B, 3, H, W) and class indices (B, H, W); its mean loss ()."""
    optimizer.zero_grad(set_to_none=True)
    with autocast(images.device, precision):
        logits = model(images)
    loss = loss_function(logits, masks)
    loss.backward()
    optimizer.step()
    return loss.detach()


@contextmanager
def enough_memory(batch_size: int, image_size: tuple[int, int]) -> Iterator[None]:
    """Turn a lack of memory, on CPU or GPU, into a UserError that says what to reduce."""
    try:
        yield
    except Exception as error:
        if not out_of_memory(error):
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
