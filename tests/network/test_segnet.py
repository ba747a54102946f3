"""SegNet: shapes, the notebook's size, the use of the pooling indices, the power to learn."""

import pytest
import torch
from torch.nn import functional as F

from darkfield.network.build import build
from darkfield.network.segnet import compared, max_unpool, scattered
from darkfield.recipe import Model


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def test_notebook_head_has_the_notebooks_parameters():
    assert parameters(build(Model(name="segnet", notebook_head=True), 3)) == 1_703_139


def test_vgg16_has_13_convolutions_each_way():
    model = build(Model(name="segnet_vgg16"), 3)
    encoder = [m for m in model.encoder.modules() if isinstance(m, torch.nn.Conv2d)]
    decoder = [m for m in model.decoder.modules() if isinstance(m, torch.nn.Conv2d)]
    assert len(encoder) == 13
    assert len(decoder) + 1 == 13  # and the head
    assert [c.out_channels for c in encoder[::4]] == [64, 256, 512, 512]


@pytest.mark.parametrize("size", [(64, 64), (37, 51), (8, 8), (9, 15), (33, 100)])
@pytest.mark.parametrize("notebook_head", [False, True])
def test_logits_have_the_size_of_the_image(size, notebook_head):
    model = build(Model(name="segnet", notebook_head=notebook_head), 3).eval()
    assert model(torch.rand(2, 3, *size)).shape == (2, 3, *size)


def test_vgg16_takes_sizes_that_32_does_not_divide():
    model = build(Model(name="segnet_vgg16"), 4).eval()
    assert model(torch.rand(1, 3, 45, 61)).shape == (1, 4, 45, 61)


def test_plain_logits_take_both_signs_and_the_notebooks_do_not():
    x = torch.randn(2, 3, 16, 16)
    assert build(Model(name="segnet"), 3)(x).min() < 0
    assert build(Model(name="segnet", notebook_head=True), 3)(x).min() >= 0


@pytest.fixture
def any_algorithms():
    """Torch's own unpooling refuses to run once a test has asked for deterministic algorithms."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(False)
    yield
    torch.use_deterministic_algorithms(before)


@pytest.mark.parametrize("size", [(8, 8), (7, 9)])
def test_unpooling_is_torchs(size, any_algorithms):
    x = torch.rand(2, 4, *size)
    pooled, indices = F.max_pool2d(x, 2, return_indices=True)
    expected = F.max_unpool2d(pooled, indices, 2, output_size=size)
    assert torch.equal(max_unpool(pooled, indices, size), expected)


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (8, 9), (2, 3)])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_unpooling_by_comparison_is_that_by_a_scatter(size, memory_format, dtype):
    """Values, gradients and the order of the axes in memory; CUDA compares, the CPU scatters."""
    torch.manual_seed(0)
    x = torch.randn(2, 4, *size).to(dtype, memory_format=memory_format)
    pooled, indices = F.max_pool2d(x, 2, return_indices=True)
    leaves = [pooled.clone().requires_grad_() for _ in range(2)]
    outs = [f(leaf, indices, size) for f, leaf in zip((compared, scattered), leaves, strict=True)]
    assert torch.equal(*outs)
    assert all(out.is_contiguous(memory_format=torch.channels_last) for out in outs)
    gradient = torch.randn(2, 4, *size).to(dtype)
    for out in outs:
        out.backward(gradient)
    assert torch.equal(leaves[0].grad, leaves[1].grad)


def test_the_decoder_uses_the_pooling_indices(monkeypatch):
    """Moving where the maxima were, and nothing else, must move the output."""
    torch.manual_seed(0)
    model, x = build(Model(name="segnet"), 3).eval(), torch.rand(1, 3, 16, 16)
    before = model(x)
    pool = F.max_pool2d

    def corner(x, size, return_indices):
        pooled, _ = pool(x, size, return_indices=True)
        h, w = x.shape[-2:]
        top_left = torch.arange(h * w).view(h, w)[::2, ::2]
        return pooled, top_left.expand_as(pooled).contiguous()

    monkeypatch.setattr(F, "max_pool2d", corner)
    assert not torch.allclose(model(x), before, atol=1e-3)


@pytest.mark.parametrize(("name", "layers"), [("segnet", 2), ("segnet_vgg16", 6)])
def test_dropout_is_in_the_inner_stages_alone(name, layers):
    """For VGG16: the central six, as in Bayesian SegNet."""
    model, calls = build(Model(name=name, dropout=0.5), 3), []
    model.dropout.register_forward_hook(lambda *args: calls.append(args[2].shape[-1]))
    model(torch.rand(2, 3, 64, 64))
    assert len(calls) == layers
    assert max(calls) <= 16


def test_gradients_reach_every_parameter_deterministically():
    torch.use_deterministic_algorithms(True)
    try:
        torch.manual_seed(0)
        model, x = build(Model(name="segnet"), 3), torch.rand(2, 3, 16, 24)
        model(x).square().mean().backward()
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
