"""Monte Carlo dropout: the mean of passes that differ, and always the same."""

import numpy as np
import pytest
import torch

from darkfield.network.bayesian import sampled
from darkfield.network.build import build
from darkfield.network.predictor import classes_of
from darkfield.network.tiles import enlarged
from darkfield.recipe import Model


@pytest.fixture
def network():
    torch.manual_seed(0)
    return build(Model(name="segnet", dropout=0.5), 3).eval()


def test_without_passes_nothing_is_dropped(network):
    batch = torch.rand(1, 3, 32, 32)
    assert torch.equal(sampled(network, network, 0, batch), network(batch))


@torch.no_grad()
def test_passes_differ_and_are_always_the_same(network):
    batch = torch.rand(1, 3, 32, 32)
    one, two = (sampled(network, network, n, batch) for n in (1, 2))
    assert not torch.equal(one, network(batch))
    assert not torch.equal(one, two)
    torch.manual_seed(5)
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(sampled(network, network, 2, batch), two)
    assert torch.equal(torch.rand(3), drawn)  # what others draw does not change
    assert not any(layer.training for layer in network.modules())


@torch.no_grad()
def test_it_is_the_log_of_the_mean_probability(network):
    batch, passes = torch.rand(2, 3, 32, 32), []

    def forward(images):
        passes.append(network(images))
        return passes[-1]

    result = sampled(forward, network, 3, batch).exp().numpy()
    assert result == pytest.approx(np.mean([one.softmax(1).numpy() for one in passes], 0), abs=1e-6)
    assert result.sum(axis=1) == pytest.approx(1, abs=1e-5)


@torch.no_grad()
def test_what_is_sure_beyond_float32_keeps_its_class_where_it_is_enlarged(network):
    logits = torch.tensor([0.0, 120.0, -5.0])[None, :, None, None].expand(1, 3, 8, 8)
    (mean,) = sampled(lambda _: logits, network, 5, torch.rand(1, 3, 8, 8))
    assert mean.isfinite().all()
    assert all((classes_of(band) == 1).all() for band in enlarged(mean, (20, 20)))
