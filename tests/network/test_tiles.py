"""Tiles are seamless, views are averaged, bands are the whole."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from toy import Blur

from darkfield.network.tiles import averaged, count, enlarged, fitting, starts, tiled
from darkfield.sections import Predict


def picture(*size):
    return np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [(64, 64), (100, 230), (300, 64), (33, 40), (16, 16), (1, 7)])
def test_tiles_give_what_one_pass_gives(size):
    def forward(images):
        return Blur()(torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float())

    image = picture(*size)
    whole = torch.from_numpy(image).permute(2, 0, 1).float()[None]
    whole = F.conv2d(F.pad(whole, (2, 2, 2, 2), mode="replicate"), Blur().filter)[0]
    out = torch.cat(list(tiled(forward, image, Predict(tile=(64, 64), overlap=0.5))), dim=1)
    assert out.shape == whole.shape
    inner = (slice(None), slice(2, -2), slice(2, -2))
    assert torch.allclose(out[inner], whole[inner], rtol=0.01)


def test_enlarged_in_bands_is_bilinear():
    one = torch.rand(3, 24, 32)
    for size in ((1300, 40), (24, 32), (10, 700), (1, 1)):
        whole = F.interpolate(one[None], size, mode="bilinear", align_corners=False)[0]
        out = list(enlarged(one, size))
        assert max(band.shape[1] for band in out) <= 512
        assert torch.allclose(torch.cat(out, dim=1), whole, atol=1e-5)


def test_tiles_cover_a_side_and_overlap():
    for length, tile, overlap in ((100, 32, 0.25), (64, 64, 0.25), (65, 64, 0.5), (1000, 96, 0.1)):
        begin = starts(length, tile, overlap)
        assert begin[0] == 0
        assert begin[-1] == length - tile
        assert all(b - a <= tile * (1 - overlap) + 1 for a, b in pairwise(begin))


@pytest.mark.parametrize("overlap", [0, 0.25, 0.5])
def test_tiles_are_no_longer_than_it_takes(overlap):
    for length in range(1, 2000, 7):
        tile = fitting(length, 768, overlap)
        assert tile <= 768 and tile % 32 == 0
        assert count(length, tile, overlap) == count(length, 768, overlap)
        if tile > 32:  # shorter ones would have to be more
            assert count(length, tile - 32, overlap) > count(length, 768, overlap)
    assert fitting(1000, 768, 0.25) == 576
    assert fitting(1000, 100, 0.25) == 100  # as some networks take it


def test_averaging_makes_it_indifferent_to_turns():
    torch.manual_seed(0)
    model = torch.nn.Conv2d(3, 2, 3, padding=1)
    image = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        once = averaged(model, True, image)
        turned = averaged(model, True, image.rot90(1, (2, 3))).rot90(-1, (2, 3))
        assert torch.allclose(once, turned, atol=1e-6)
        assert not torch.allclose(once, averaged(model, False, image), atol=1e-3)


def test_flip_is_the_mean_over_the_picture_and_its_mirror_image():
    torch.manual_seed(0)
    model = torch.nn.Conv2d(3, 2, 3, padding=1)
    image = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        both = (model(image) + model(image.flip(3)).flip(3)) / 2
        assert torch.allclose(averaged(model, "flip", image), both, atol=1e-6)
        upside_down = averaged(model, "flip", image.flip(2)).flip(2)
        assert not torch.allclose(averaged(model, "flip", image), upside_down, atol=1e-3)
