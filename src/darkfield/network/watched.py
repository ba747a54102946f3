"""What the encoder of a network makes of a picture, in some numbers; see `network.familiarity`."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

CHANNELS = 8  # of each stage, evenly spaced; 16 tell no more (docs/familiarity.md)


@contextmanager
def watched(network: nn.Module) -> Iterator[Callable[[], np.ndarray]]:
    """Watch the encoder of a network that `build` made while one picture passes, tile by tile.

    The function that it gives returns the picture's features, float32 (F,): the means and then the
    standard deviations, over all pixels of all tiles and views, of the network's input and of
    CHANNELS channels of each stage.
    """
    passes: list[tuple[int, list[Tensor]]] = []  # pixels; the moments of each stage

    def enter(_: nn.Module, args: tuple[Tensor, ...]) -> None:
        passes.append((args[0].shape[-2] * args[0].shape[-1], [moments(args[0])]))

    def leave(_: nn.Module, args: Any, stages: Tensor | list[Tensor]) -> None:
        # Those of segmentation_models_pytorch give all stages at once, the input first.
        for stage in [stages] if isinstance(stages, Tensor) else stages[1:]:
            passes[-1][1].append(moments(stage))

    def features() -> np.ndarray:
        parts = np.array([torch.cat(stages, dim=1).cpu().numpy() for _, stages in passes])
        mean, square = np.average(parts, axis=0, weights=[pixels for pixels, _ in passes])
        deviation = np.sqrt(np.maximum(square - mean**2, 0))
        return np.concatenate([mean, deviation]).astype(np.float32)

    encoder = network.get_submodule("encoder")
    blocks = list(encoder) if isinstance(encoder, nn.ModuleList) else [encoder]
    with ExitStack() as hooks:
        hooks.callback(network.register_forward_pre_hook(enter).remove)
        for block in blocks:
            hooks.callback(block.register_forward_hook(leave).remove)
        yield features


def moments(stage: Tensor) -> Tensor:
    """Means, and means of the squares, of CHANNELS channels of (B, C, h, w): float64 (2, c)."""
    channels = stage.shape[1]
    some = np.linspace(0, channels - 1, min(channels, CHANNELS)).round().astype(int)
    values = stage[:, some].float()
    # Not var_mean, which takes eight times as long on a CPU.
    return torch.stack([values.mean((0, 2, 3)), values.square().mean((0, 2, 3))]).double()
