"""Cross entropy against torch's, gradients included."""

import pytest
import torch
from torch.nn import functional as F

from darkfield.classes import VOID
from darkfield.network.loss import cross_entropy, dice, distillation


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


def test_a_batch_of_classes_of_weight_zero_contributes_nothing():
    logits = torch.randn(2, 3, 9, 7, requires_grad=True)
    masks = torch.zeros(2, 9, 7, dtype=torch.uint8)
    loss = cross_entropy(logits, masks, torch.tensor([0.0, 1.0, 1.0]))
    loss.backward()
    assert loss == 0
    assert (logits.grad == 0).all()


def test_dice_by_hand():
    masks = torch.tensor([[[0, 1, 1, 2]]])
    certain = 50.0 * torch.nn.functional.one_hot(torch.tensor([[[0, 1, 2, 2]]]), 3).movedim(-1, 1)
    # class 1: 2 x 1 + 1 over 1 + 2 + 1; class 2: 2 x 1 + 1 over 2 + 1 + 1
    assert dice(certain, masks).item() == pytest.approx(1 - (3 / 4 + 3 / 4) / 2, abs=1e-4)
    right = 50.0 * torch.nn.functional.one_hot(masks, 3).movedim(-1, 1)
    assert dice(right, masks).item() == pytest.approx(0, abs=1e-4)
    assert dice(right, torch.zeros_like(masks)).item() > 0.4


def test_dice_leaves_out_the_background_wherever_it_is():
    masks = torch.tensor([[[0, 1, 1, 2]]])
    certain = 50.0 * F.one_hot(torch.tensor([[[0, 1, 2, 2]]]), 3).movedim(-1, 1)
    # class 0: 2 x 1 + 1 over 1 + 1 + 1; classes 1 and 2 as above
    assert dice(certain, masks, None).item() == pytest.approx(1 - (1 + 3 / 4 + 3 / 4) / 3, abs=1e-4)
    assert dice(certain, masks, 1).item() == pytest.approx(1 - (1 + 3 / 4) / 2, abs=1e-4)


@pytest.mark.parametrize("weight", [None, [1.0, 1.0, 3.0]])
def test_void_is_torchs_ignore_index(weight):
    torch.manual_seed(0)
    weight = weight and torch.tensor(weight)
    masks = torch.randint(0, 3, (2, 9, 7), dtype=torch.uint8)
    masks[0, :4] = masks[1, 8, 6] = VOID
    a = torch.randn(2, 3, 9, 7).requires_grad_()
    b = a.detach().clone().requires_grad_()
    ours = cross_entropy(a, masks, weight)
    torchs = F.cross_entropy(b, masks.long(), weight, ignore_index=VOID)
    ours.backward()
    torchs.backward()
    assert ours.item() == pytest.approx(torchs.item(), rel=1e-5)
    assert torch.allclose(a.grad, b.grad, atol=1e-7)


def test_dice_is_that_of_the_pixels_that_are_not_void():
    torch.manual_seed(0)
    logits, masks = torch.randn(1, 3, 6, 8), torch.randint(0, 3, (1, 6, 8), dtype=torch.uint8)
    expected = dice(logits[:, :, :4], masks[:, :4])
    masks[:, 4:] = VOID
    logits.requires_grad_()
    loss = dice(logits, masks)
    loss.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    assert (logits.grad[:, :, 4:] == 0).all() and (logits.grad[:, :, :4] != 0).any()


@pytest.mark.parametrize("weight", [None, [1.0, 1.0, 3.0]])
def test_a_batch_of_void_alone_contributes_nothing(weight):
    logits = torch.randn(2, 3, 9, 7, requires_grad=True)
    masks = torch.full((2, 9, 7), VOID, dtype=torch.uint8)
    loss = cross_entropy(logits, masks, weight and torch.tensor(weight)) + dice(logits, masks)
    loss.backward()
    assert loss == 0
    assert (logits.grad == 0).all()


def test_distillation_is_torchs_divergence_of_every_pixel():
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 9, 7, requires_grad=True)
    taught = torch.randn(2, 3, 9, 7).softmax(dim=1)
    loss = distillation(logits, taught)
    pixels = [x.movedim(1, -1).reshape(-1, 3) for x in (logits.log_softmax(1), taught)]
    assert loss.item() == pytest.approx(F.kl_div(*pixels, reduction="batchmean").item(), rel=1e-5)
    loss.backward()
    # Of the softmax's logits: its probabilities less those to learn, as for one-hot masks.
    expected = (logits.softmax(1) - taught) / (2 * 9 * 7)
    assert torch.allclose(logits.grad, expected, atol=1e-6)


def test_nothing_is_learnt_from_a_teacher_of_the_same_opinion():
    logits = torch.randn(1, 3, 9, 7, requires_grad=True)
    assert distillation(logits, logits.detach().softmax(1)).item() == pytest.approx(0, abs=1e-6)
