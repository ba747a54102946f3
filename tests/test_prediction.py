"""Tiles are seamless, views are averaged, any size comes back at its size."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from darkfield.prediction import averaged, predict, starts, tiled

CPU = torch.device("cpu")
SPEC = {"image_size": "native", "mean": [0.2] * 3, "std": [0.2] * 3}


class Blur(torch.nn.Module):
    """A network that sees 5 x 5 pixels: three fixed filters."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.filter = torch.rand(3, 3, 5, 5)

    def forward(self, x):
        assert x.shape[2] % 32 == x.shape[3] % 32 == 0
        return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="replicate"), self.filter)


@pytest.mark.parametrize("size", [(64, 64), (100, 230), (33, 40), (16, 16), (1, 7)])
def test_tiles_give_what_one_pass_gives(size):
    image = torch.rand(1, 3, *size)
    whole = F.conv2d(F.pad(image, (2, 2, 2, 2), mode="replicate"), Blur().filter)
    out = tiled(Blur(), image, {"tile": [64, 64], "overlap": 0.5})
    assert out.shape == whole.shape
    inner = (slice(None), slice(None), slice(2, -2), slice(2, -2))
    assert torch.allclose(out[inner], whole[inner], rtol=0.01)


def test_tiles_cover_a_side_and_overlap():
    for length, tile, overlap in ((100, 32, 0.25), (64, 64, 0.25), (65, 64, 0.5), (1000, 96, 0.1)):
        begin = starts(length, tile, overlap)
        assert begin[0] == 0
        assert begin[-1] == length - tile
        assert all(b - a <= tile * (1 - overlap) + 1 for a, b in pairwise(begin))


def test_averaging_makes_it_indifferent_to_turns():
    torch.manual_seed(0)
    model = torch.nn.Conv2d(3, 2, 3, padding=1)
    image = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        once = averaged(model, True, image)
        turned = averaged(model, True, image.rot90(1, (2, 3))).rot90(-1, (2, 3))
        assert torch.allclose(once, turned, atol=1e-6)
        assert not torch.allclose(once, averaged(model, False, image), atol=1e-3)


@pytest.mark.parametrize("tta", [False, True])
def test_native_images_come_back_at_their_sizes(tta):
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in [(40, 50), (70, 33)]]
    spec = SPEC | {"predict": {"tile": [64, 64], "overlap": 0.25, "tta": tta}}
    outs = list(predict(Blur(), images, [None, None], spec, CPU, "fp32"))
    assert [tuple(out.shape) for out in outs] == [(3, 40, 50), (3, 70, 33)]
