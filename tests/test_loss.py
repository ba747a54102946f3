"""Cross entropy against torch's, gradients included."""

import pytest
import torch
from torch.nn import functional as F

from darkfield.loss import cross_entropy


@pytest.mark.parametrize("weight", [None, [1.0, 1.0, 3.0], [0.1, 0.0, 0.9]])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_cross_entropy_is_torchs(weight, dtype):
    torch.manual_seed(0)
    weight = weight and torch.tensor(weight)
    masks = torch.randint(0, 3, (2, 9, 7), dtype=torch.uint8)
    a, b = (10 * torch.randn(2, 3, 9, 7)).to(dtype).requires_grad_(), None
    b = a.detach().clone().requires_grad_()
    ours, torchs = cross_entropy(a, masks, weight), F.cross_entropy(b.float(), masks.long(), weight)
    ours.backward()
    torchs.backward()
    assert ours.item() == pytest.approx(torchs.item(), rel=1e-5)
    assert torch.allclose(a.grad.float(), b.grad.float(), rtol=1e-2, atol=1e-6)
