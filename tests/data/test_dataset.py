"""Items keep the pixels; batches are normalised by channel."""

import pytest
import torch
from toy import toy_dataset

from darkfield.data.dataset import normalise


def test_items_are_the_pixels_and_class_indices():
    dataset = toy_dataset()
    image, mask = dataset[0, 0]
    assert (image.shape, image.dtype) == ((3, 48, 56), torch.uint8)
    assert (mask.shape, mask.dtype) == ((48, 56), torch.uint8)
    assert (image.permute(1, 2, 0).numpy() == dataset.images[0]).all()
    assert (mask.numpy() == dataset.masks[0]).all()


def test_batches_are_normalised_by_channel():
    images = torch.randint(0, 256, (2, 3, 5, 7), dtype=torch.uint8)
    mean, std = [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]
    batch = normalise(images, mean, std)
    assert batch.dtype == torch.float32
    assert batch.is_contiguous(memory_format=torch.channels_last)
    for c in range(3):
        expected = (images[:, c].numpy() / 255 - mean[c]) / std[c]
        assert batch[:, c].numpy() == pytest.approx(expected, abs=1e-6)
