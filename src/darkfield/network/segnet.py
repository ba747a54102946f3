"""SegNet (Badrinarayanan et al. 2017): the decoder unpools with the encoder's pooling indices."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TypedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Stages(TypedDict):
    """The stages of a SegNet."""

    encoder: Sequence[Sequence[int]]
    decoder: Sequence[Sequence[int]]


# One tuple per stage, one number per 3x3 convolution: its output channels. The decoder's last
# convolution, to the classes, is not listed.
SEGNET: Stages = {
    "encoder": ((64, 64), (128, 128), (256, 256)),
    "decoder": ((128, 128), (64, 64), (64,)),
}
# VGG16's 13 convolutions and their mirror image, as in the paper.
SEGNET_VGG16: Stages = {
    "encoder": ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512)),
    "decoder": ((512, 512, 512), (512, 512, 256), (256, 256, 128), (128, 64), (64,)),
}
OUTER = 2  # stages without dropout


def conv_block(channels: Sequence[int]) -> nn.Sequential:
    """3x3 convolution, batch norm and ReLU from each number of channels to the next."""
    layers: list[nn.Module] = []
    for c_in, c_out in pairwise(channels):
        layers += [
            nn.Conv2d(c_in, c_out, 3, padding=1),
            nn.BatchNorm2d(c_out),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


def max_unpool(x: Tensor, indices: Tensor, size: Sequence[int]) -> Tensor:
    """Put x (B, C, h, w) at its pooling indices, of windows of 2 x 2, in zeros (B, C, *size).

    The values equal F.max_unpool2d's, which is neither deterministic nor exportable. A scatter is,
    and the fastest on a CPU; on CUDA, a deterministic one sorts the indices. Both ways work in the
    order of channels_last tensors, so that these need no copy.
    """
    return compared(x, indices, size) if x.is_cuda else scattered(x, indices, size)


def scattered(x: Tensor, indices: Tensor, size: Sequence[int]) -> Tensor:
    """`max_unpool` by writing each value to where its index says."""
    pixels, where = (t.permute(0, 2, 3, 1).flatten(1, 2) for t in (x, indices))
    flat = x.new_zeros(x.shape[0], size[0] * size[1], x.shape[1]).scatter_(1, where, pixels)
    unpooled: Tensor = flat.unflatten(1, tuple(size)).permute(0, 3, 1, 2)
    return unpooled


def compared(x: Tensor, indices: Tensor, size: Sequence[int]) -> Tensor:
    """`max_unpool` by comparing each of the four pixels of a window with its index."""
    h, w = x.shape[-2:]
    rows, columns = size
    pixels, where = (t.permute(0, 2, 3, 1)[:, :, None, :, None] for t in (x, indices))
    at = torch.arange(rows * columns, device=x.device).view(rows, columns)
    at = at[: 2 * h, : 2 * w].reshape(h, 2, w, 2, 1)
    unpooled = torch.where(where == at, pixels, 0).reshape(len(x), 2 * h, 2 * w, -1)
    beyond = columns - 2 * w, rows - 2 * h  # of an odd side, a window leaves the last pixel out
    unpooled = unpooled.permute(0, 3, 1, 2)
    return F.pad(unpooled, (0, beyond[0], 0, beyond[1])) if any(beyond) else unpooled


class SegNet(nn.Module):
    """Normalised images (B, 3, H, W) to logits (B, classes, H, W); H and W at least 2**stages.

    `dropout`, the probability to drop a value, acts after all stages of encoder and decoder but the
    outer two of each: for VGG16, the variant that Bayesian SegNet (Kendall et al. 2017) found best.
    `notebook_head` ends as the notebook does: 64 -> classes and classes -> classes convolutions,
    each with batch norm and ReLU, so that its logits are never negative.
    """

    def __init__(
        self,
        classes: int,
        encoder: Sequence[Sequence[int]] = SEGNET["encoder"],
        decoder: Sequence[Sequence[int]] = SEGNET["decoder"],
        notebook_head: bool = False,
        dropout: float = 0,
    ):
        super().__init__()
        tops = [3] + [stage[-1] for stage in encoder]
        self.encoder = nn.ModuleList(
            conv_block([c_in, *stage]) for c_in, stage in zip(tops, encoder, strict=False)
        )
        bottoms = [tops[-1]] + [stage[-1] for stage in decoder]
        if notebook_head:
            decoder = (*decoder[:-1], (classes, classes))
        self.decoder = nn.ModuleList(
            conv_block([c_in, *stage]) for c_in, stage in zip(bottoms, decoder, strict=False)
        )
        last = nn.Conv2d(bottoms[-1], classes, 3, padding=1)
        self.head = nn.Identity() if notebook_head else last
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        pooled = []
        for block in self.encoder:
            x = block(x)
            size = x.shape[-2:]
            x, indices = F.max_pool2d(x, 2, return_indices=True)
            pooled.append((indices, size))
            x = self.dropout(x) if len(pooled) > OUTER else x
        for block in self.decoder:
            x = block(max_unpool(x, *pooled.pop()))
            x = self.dropout(x) if len(pooled) >= OUTER else x
        logits: Tensor = self.head(x)
        return logits
