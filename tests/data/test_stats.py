"""Channel statistics and class counts against numpy and by hand."""

import numpy as np
import pandas as pd
import pytest
import torch

from darkfield.data.dataset import normalise
from darkfield.data.images import read_image, resize_image
from darkfield.data.stats import (
    absences,
    channel_stats,
    channel_sums,
    class_counts,
    class_weights,
    constant_channels,
    void_share,
)
from darkfield.files import UserError


def test_channel_stats_are_those_of_all_pixels():
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (h, 9, 3), dtype=np.uint8) for h in (3, 8, 20)]
    pixels = np.concatenate([i.reshape(-1, 3) for i in images]) / 255
    table = pd.DataFrame(map(channel_sums, images))
    stats = channel_stats(table)
    assert stats["mean"] == pytest.approx(pixels.mean(axis=0))
    assert stats["std"] == pytest.approx(pixels.std(axis=0))
    assert (stats["images"], stats["pixels"]) == (3, 31 * 9)
    assert channel_stats(table[::-1]) == stats


@pytest.mark.parametrize("value", [1, 77, 255])
def test_a_constant_channel_has_deviation_zero_and_is_shifted_alone(value):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 41, 37, 3), dtype=np.uint8)
    images[..., 1] = value
    stats = channel_stats(pd.DataFrame(map(channel_sums, images)))
    assert stats["std"][1] == 0
    assert stats["mean"][1] == value / 255
    assert constant_channels(stats) == ["green"]
    batch = torch.from_numpy(images).permute(0, 3, 1, 2)
    normalised = normalise(batch, stats["mean"], stats["std"])
    assert normalised.isfinite().all()
    assert normalised[:, 1].abs().max() < 1e-6
    assert normalise(255 - batch, stats["mean"], stats["std"])[:, 1].abs().max() <= 1


def test_one_pixel_that_differs_is_not_lost_to_rounding():
    image = np.full((1000, 1000, 3), 200, np.uint8)
    image[0, 0] = 201
    stats = channel_stats(pd.DataFrame([channel_sums(image)] * 4))
    assert stats["std"] == pytest.approx([0.001 / 255] * 3, rel=1e-6)
    assert constant_channels(stats) == []


def test_sums_of_many_images_do_not_overflow():
    pixels = 10**9
    sums = dict.fromkeys(("red", "green", "blue"), pixels * 200)
    squares = {f"{name}_squares": pixels * 200**2 + pixels for name in ("red", "green", "blue")}
    stats = channel_stats(pd.DataFrame([sums | squares | {"pixels": pixels}] * 300_000))
    assert stats["mean"] == [200 / 255] * 3
    assert stats["std"] == pytest.approx([1 / 255] * 3, rel=1e-12)


def test_class_counts_and_the_notebooks_weights():
    pixels = {"pixels_a": [80, 60, 50], "pixels_b": [20, 0, 50]}
    table = pd.DataFrame(pixels | {"split": ["train", "train", "test"]})
    counts = class_counts(table, ["a", "b"])
    assert counts["pixels"]["all"] == {"a": 190, "b": 70}
    assert counts["pixels"]["train"] == {"a": 140, "b": 20}
    assert counts["pixels"]["val"] == {"a": 0, "b": 0}
    assert counts["images_with"]["train"] == {"a": 2, "b": 1}
    assert counts["images"] == {"all": 3, "train": 2, "val": 0, "test": 1}
    assert counts["weights"] == pytest.approx([1 - 140 / 160, 1 - 20 / 160])
    assert class_weights("counts", counts) == counts["weights"]
    assert class_weights(None, counts) is None
    assert class_weights([1, 2], counts) == [1, 2]


def test_median_frequency_by_hand():
    """Each class's share of the images that have it; void (the 50 missing of 150) counts nowhere.

    a: (80 + 180 + 70) / (100 + 200 + 100) = 0.825; b: (20 + 30) / (100 + 100) = 0.25;
    c: 20 / 200 = 0.1; the median is 0.25. No training image has d.
    """
    pixels = {"a": [80, 180, 70, 0], "b": [20, 0, 30, 0], "c": [0, 20, 0, 9], "d": [0, 0, 0, 91]}
    table = pd.DataFrame({f"pixels_{name}": n for name, n in pixels.items()})
    table["height"], table["width"] = [10, 20, 10, 10], [10, 10, 15, 10]
    table["split"] = ["train", "train", "train", "test"]
    counts = class_counts(table, list(pixels))
    assert counts["pixels_of_images_with"] == {
        "all": {"a": 400, "b": 200, "c": 300, "d": 100},
        "train": {"a": 400, "b": 200, "c": 200, "d": 0},
        "val": {"a": 0, "b": 0, "c": 0, "d": 0},
        "test": {"a": 0, "b": 0, "c": 100, "d": 100},
    }
    assert class_weights("median_frequency", counts) == [0.25 / 0.825, 1, 2.5, 1]
    assert class_weights("median_frequency", class_counts(table[::-1], list(pixels))) == (
        class_weights("median_frequency", counts)
    )


@pytest.mark.parametrize("setting", [[0, 1], [0, 0]])
def test_weights_of_which_nothing_can_be_learned_are_refused(setting):
    pixels = {"pixels_a": [100, 60], "pixels_b": [0, 40]}
    table = pd.DataFrame(pixels | {"split": ["train", "test"]})
    counts = class_counts(table, ["a", "b"])
    with pytest.raises(UserError, match="weight 0 to every class that the training images show"):
        class_weights(setting, counts)
    assert class_weights(None, counts) is None
    assert class_weights([1, 0], counts) == [1, 0]
    assert class_weights("counts", counts) == [1, 1]
    assert class_weights("median_frequency", counts) == [1, 1]


@pytest.mark.long
def test_the_real_images(real_data):
    """The notebook's normalisation, over all 286 images at 256 x 256."""
    paths = sorted((real_data / "images").iterdir())
    sums = [channel_sums(resize_image(read_image(path), (256, 256))) for path in paths]
    stats = channel_stats(pd.DataFrame(sums))
    assert stats["images"] == 286
    assert stats["mean"] == pytest.approx([0.1584, 0.1943, 0.2540], abs=0.002)
    assert stats["std"] == pytest.approx([0.2190, 0.2444, 0.2532], abs=0.002)


def test_classes_that_are_missing_are_reported_once_each():
    columns = {"split": ["train", "train", "val", "test"], "pixels_a": [9, 9, 9, 9]}
    columns |= {"pixels_none": 0, "pixels_val": [0, 0, 1, 0], "pixels_train": [1, 0, 0, 0]}
    counts = class_counts(pd.DataFrame(columns), ["a", "none", "val", "train"])
    assert absences(counts) == [
        "none: no image has it, so it is neither learnt nor measured",
        "val: no training image has it, so it is not learnt; 1 of val and 0 of test have it",
        "train: no image of val and test has it",
    ]


def test_the_share_of_void():
    table = pd.DataFrame({"height": [10, 20], "width": [10, 10], "pixels_ignore": [30, 0]})
    assert void_share(table) == 0.1
    assert void_share(table.drop(columns="pixels_ignore")) is None


@pytest.mark.parametrize("setting", [None, "counts", [1, 2]])
def test_training_images_of_void_alone_are_refused(setting):
    table = pd.DataFrame({"pixels_a": [0, 60], "pixels_b": [0, 4], "split": ["train", "test"]})
    with pytest.raises(UserError, match="ignore leaves no pixel of the training images"):
        class_weights(setting, class_counts(table, ["a", "b"]))
