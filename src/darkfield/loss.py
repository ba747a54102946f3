"""What training minimises."""

from torch import Tensor


def cross_entropy(logits: Tensor, masks: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean cross entropy, in nats, of logits (B, C, H, W) and class indices (B, H, W).

    The mean is weighted by the class weights, float32 (C,), as in F.cross_entropy, whose values
    these are; that has no deterministic version on CUDA.
    """
    masks = masks.long()
    likelihood = logits.float().log_softmax(dim=1).gather(1, masks[:, None])[:, 0]
    if weight is None:
        return -likelihood.mean()
    weights = weight[masks]
    return -(weights * likelihood).sum() / weights.sum()
