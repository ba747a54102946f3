"""Items keep the pixels; batches are normalised by channel."""

from functools import partial

import numpy as np
import pytest
import torch
from toy import toy_dataset

from darkfield.data.augment import augmentation
from darkfield.data.dataset import image_view, normalise
from darkfield.data.synthetic import training_pair
from darkfield.recipe import Augment

SCENES = {"size": (40, 80), "magnification": (1, 2), "stroke": 1, "confusers": 0}


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


@pytest.mark.parametrize("room", [0, 4 * 48 * 56 * 3 - 1, 4 * 48 * 56 * 3])
def test_on_a_device_items_are_the_same_whether_or_not_all_images_fit(room):
    dataset = toy_dataset()
    dataset.transforms = augmentation(Augment(flip=True, noise=0.1), (32, 32))
    moved = dataset.on(torch.device("cpu"), room)
    for key in [(0, 1), (3, 2)]:
        for a, b in zip(moved[key], dataset[key], strict=True):
            assert torch.equal(a, b)
    dataset.images[0][:] = 0  # seen only by what was not copied to the device
    assert bool(moved[0, 1][0].any()) == (room == 4 * 48 * 56 * 3)


def test_windows_of_a_view_are_those_of_a_copy():
    dataset = toy_dataset()
    for scale, crop in [((1, 1), (32, 32)), ((0.5, 2), (40, 24)), ((1, 1), (64, 64))]:
        augment = Augment(scale=scale, foreground=0.5, contrast=0.3, blur=1, noise=0.1)
        dataset.transforms = augmentation(augment, crop)
        view = toy_dataset()
        view.transform, view.transforms = image_view, dataset.transforms
        for seed in range(8):
            for a, b in zip(view[seed % 4, seed], dataset[seed % 4, seed], strict=True):
                assert torch.equal(a, b)
                assert a.is_contiguous()
    before = np.array(view.images)
    view[0, 0]
    assert (before == np.array(view.images)).all()


def test_names_without_a_picture_are_drawn_from_the_seed():
    dataset = toy_dataset()
    real = dataset[3, 5]
    dataset.names = [*dataset.names, "scene", "scene"]
    dataset.draw = partial(
        training_pair, SCENES, {"spirochaete": 0, "background": 1, "erythrocyte": 2}
    )
    assert len(dataset) == 6
    assert all(torch.equal(a, b) for a, b in zip(dataset[3, 5], real, strict=True))
    (image, mask), again, other = dataset[4, 1], dataset[5, 1], dataset[4, 2]
    assert torch.equal(image, again[0]) and torch.equal(mask, again[1])
    assert image.shape[1:] == mask.shape and 40 <= min(mask.shape) <= max(mask.shape) <= 80
    assert not torch.equal(image[:, :40, :40], other[0][:, :40, :40])
    assert mask.flatten().bincount().argmax() == 1  # mostly background
    for room in (0, 10**6):
        moved = dataset.on(torch.device("cpu"), room)
        assert torch.equal(moved[4, 1][0], image)
