"""Monte Carlo dropout (Gal & Ghahramani 2016), as Bayesian SegNet (Kendall et al. 2017) uses it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def sampled(
    forward: Callable[[Tensor], Tensor], network: nn.Module, passes: int, batch: Tensor
) -> Tensor:
    """Logits of a batch (B, 3, H, W); with `passes`, the log of the mean probability over so many.

    Each pass drops other values in the network's dropout layers, always the same ones: they depend
    on the number of the pass and the shape of the batch alone.
    """
    if not passes:
        return forward(batch)
    total = torch.zeros((), device=batch.device)
    cuda = [batch.device] if batch.device.type == "cuda" else []
    with dropping(network), torch.random.fork_rng(devices=cuda):
        for number in range(passes):
            torch.manual_seed(number)
            total = total + forward(batch).softmax(dim=1)
    # Of a probability that float32 has as 0 the logarithm would be -inf, and NaN once resized.
    return (total / passes).clamp_min(torch.finfo(total.dtype).tiny).log()


@contextmanager
def dropping(network: nn.Module) -> Iterator[None]:
    """Let the dropout layers of a network in evaluation mode drop values, as in training."""
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Dropout)]
    for layer in layers:
        layer.train()
    try:
        yield
    finally:
        for layer in layers:
            layer.eval()
