"""What training minimises, over the whole batch, even if several processes share it."""

import torch
from torch import Tensor
from torch.nn import functional as F

from darkfield.classes import VOID
from darkfield.network.distributed import total


def cross_entropy(logits: Tensor, masks: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean cross entropy, in nats, of logits (B, C, H, W) and class indices (B, H, W).

    The mean is over all pixels but VOID, weighted by the class weights, float32 (C,). The values
    equal F.cross_entropy's, with VOID as its ignore_index, which has no deterministic version on
    CUDA. A batch that shows only void and classes of weight 0 has loss and gradient 0, where
    F.cross_entropy has NaN.
    """
    masks, known = without_void(masks)
    likelihood = (logits.float().log_softmax(dim=1) * one_hot(masks, logits)).sum(dim=1)
    weights = known if weight is None else weight[masks] * known
    least = torch.finfo(likelihood.dtype).tiny
    return -total((weights * likelihood).sum()) / total(weights.sum()).clamp_min(least)


def dice(logits: Tensor, masks: Tensor, background: int | None = 0) -> Tensor:
    """1 - soft Dice of logits (B, C, H, W) and class indices (B, H, W), over the whole batch.

    The mean over the classes except `background` (Milletari et al. 2016, with sums instead of sums
    of squares), without VOID pixels; one pixel is added, so that a class absent from both costs
    nothing.
    """
    masks, known = without_void(masks)
    looked_for = [c for c in range(logits.shape[1]) if c != background]
    probabilities = logits.float().softmax(dim=1) * known[:, None]
    truth = one_hot(masks, logits) & known[:, None]
    both = total((probabilities * truth).sum(dim=(0, 2, 3)))
    sizes = total(probabilities.sum(dim=(0, 2, 3)) + truth.sum(dim=(0, 2, 3)))
    scores = (2 * both + 1) / (sizes + 1)
    return 1 - torch.stack([scores[c] for c in looked_for]).mean()


def distillation(logits: Tensor, taught: Tensor) -> Tensor:
    """Mean divergence, in nats, of the softmax of logits from `taught`, both (B, C, H, W).

    Kullback and Leibler's, over all pixels, VOID or not: `taught` is what a teacher makes of each.
    """
    likelihood = logits.float().log_softmax(dim=1)
    divergence = F.kl_div(likelihood, taught, reduction="none").sum(dim=1)
    pixels = total(torch.tensor(float(divergence.numel()), device=logits.device))
    return total(divergence.sum()) / pixels.clamp_min(1)


def one_hot(masks: Tensor, logits: Tensor) -> Tensor:
    """Where each class is, bool (B, C, H, W), of class indices (B, H, W), for these logits.

    Not by a gather, nor F.one_hot, a scatter: on CUDA, deterministic ones sort all pixels.
    """
    classes = torch.arange(logits.shape[1], device=masks.device)
    return (masks[..., None] == classes).movedim(-1, 1)


def without_void(masks: Tensor) -> tuple[Tensor, Tensor]:
    """Class indices, int64 of the same shape, with 0 in place of VOID; bool, where it is not."""
    void = masks == VOID
    return masks.long().masked_fill(void, 0), ~void
