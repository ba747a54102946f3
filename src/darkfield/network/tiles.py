"""Logits of pictures of any size: from overlapping tiles, from rotated views, in bands of rows."""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from darkfield.sections import Predict
from darkfield.values import Tta

NHWC = torch.channels_last
ROWS = 512  # of a band


def averaged(forward: Callable[[Tensor], Tensor], tta: Tta, batch: Tensor) -> Tensor:
    """Logits of a batch (B, 3, H, W), the mean over its views if `tta`, test-time augmentation.

    True: over all 8 flips and right-angle turns, for pictures without an up and a left, such as a
    microscope's. "flip": over the batch and its mirror image, left and right exchanged.
    """
    if not tta:
        return forward(batch)
    total = torch.zeros((), device=batch.device)
    rotations = range(1 if tta == "flip" else 4)
    for turns in rotations:
        for mirror in (False, True):
            view = batch.rot90(turns, (2, 3))
            out = forward((view.flip(3) if mirror else view).contiguous(memory_format=NHWC))
            total = total + (out.flip(3) if mirror else out).rot90(-turns, (2, 3))
    return total / (2 * len(rotations))


def tiled(
    forward: Callable[[Sequence[np.ndarray]], Tensor], image: np.ndarray, predict: Predict
) -> Iterator[Tensor]:
    """Logits of an image, uint8 (H, W, 3), of any size, from tiles of at most predict.tile.

    `forward` gives logits (1, C, h, w) of one tile. Yields bands of rows (C, rows, W) from top to
    bottom. Neighbours share at least predict.overlap of a tile and are weighted by a Gaussian
    around its middle, as in nnU-Net (Isensee et al. 2021), so that no seams show. Sides are padded
    to multiples of 32, which every network accepts, by repeating the border.
    """
    h, w = image.shape[:2]
    tile = [
        fitting(length, most, predict.overlap)
        for length, most in zip((h, w), predict.tile, strict=True)
    ]
    pad = [(0, max(0, side - length)) for side, length in zip(tile, (h, w), strict=True)]
    image = np.pad(image, [*pad, (0, 0)], mode="edge") if any(sum(pad, ())) else image
    tops, lefts = (starts(n, t, predict.overlap) for n, t in zip(image.shape, tile, strict=False))
    total: Tensor | None = None
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
        assert total is not None, "every row has a tile"
        done = below - top
        yield (total[:, :done] / weights[:done])[:, : h - top, :w]
        total, weights = (F.pad(t[..., done:, :], (0, 0, 0, done)) for t in (total, weights))


def enlarged(one: Tensor, size: tuple[int, int]) -> Iterator[Tensor]:
    """Logits (C, h, w) resized bilinearly to `size`, as by F.interpolate, in bands of rows."""
    one = F.interpolate(one[None], (one.shape[1], size[1]), mode="bilinear", align_corners=False)[0]
    for rows in torch.arange(size[0]).split(ROWS):
        at = ((rows + 0.5) * one.shape[1] / size[0] - 0.5).clamp_min(0)
        upper = at.floor().long()
        lower = (upper + 1).clamp_max(one.shape[1] - 1)
        share = (at - upper).to(one.device)[:, None]
        yield one[:, upper] * (1 - share) + one[:, lower] * share


def fitting(length: int, most: int, overlap: float) -> int:
    """How long the tiles of a side are: no longer than it takes so many of them, at most `most`.

    Of 1,000 pixels, two tiles of 768 would compute half of them twice; two of 576 do as well.
    """
    n = count(length, most, overlap)
    return min(most, 32 * math.ceil(length / (1 + (n - 1) * (1 - overlap)) / 32))


def count(length: int, tile: int, overlap: float) -> int:
    """How many tiles of a side it takes."""
    return 1 + max(0, math.ceil((length - tile) / (tile * (1 - overlap))))


def starts(length: int, tile: int, overlap: float) -> list[int]:
    """Where the tiles of a side begin: evenly spaced; the last one ends with the side."""
    n = count(length, tile, overlap)
    begins: list[int] = np.linspace(0, length - tile, n).round().astype(int).tolist()
    return begins
