"""The loop learns, repeats itself exactly, and stops when the loss is lost."""

import hashlib

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from darkfield.dataset import DarkfieldDataset, image_transform, target_transform
from darkfield.device import setup
from darkfield.files import UserError
from darkfield.segnet import build
from darkfield.synthetic import scene
from darkfield.training import epoch_order, train


@pytest.fixture(scope="module")
def dataset():
    scenes = [scene(np.random.default_rng(i), 48, 56) for i in range(4)]
    images, masks = zip(*scenes, strict=True)
    transform = image_transform([0.16, 0.2, 0.26], [0.22, 0.24, 0.25])
    return DarkfieldDataset(images, masks, transform, target_transform())


def run(dataset, folder, epochs, **options):
    folder.mkdir(exist_ok=True)
    device, precision = setup("cpu", options.pop("precision", "fp32"), 2)
    torch.manual_seed(options.get("seed", 1))
    model = build("segnet", 3, options.pop("notebook_head", False))
    defaults = {
        "batch_size": 2,
        "learning_rate": 1e-3,
        "class_weights": [0.2, 0.9, 1.0],
        "shuffle": True,
        "seed": 1,
    }
    paths = [folder / f"{e}.safetensors" for e in range(1, epochs + 1)]
    options = defaults | options | {"precision": precision, "device": device}
    return model, train(model, dataset, paths, **options)


def digests(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def test_items_are_normalised_images_and_class_indices(dataset):
    image, mask = dataset[0]
    assert (image.shape, image.dtype) == ((3, 48, 56), torch.float32)
    assert (mask.shape, mask.dtype) == ((48, 56), torch.int64)
    pixels = dataset.images[0][..., 0] / 255
    assert image[0].numpy() == pytest.approx((pixels - 0.16) / 0.22, abs=1e-5)
    assert (mask.numpy() == dataset.masks[0]).all()


def test_it_overfits_four_images(dataset, tmp_path):
    model, history = run(dataset, tmp_path, 40, batch_size=4, learning_rate=3e-3)
    assert [row["epoch"] for row in history] == list(range(1, 41))
    assert history[-1]["loss"] < history[0]["loss"] / 5
    x = torch.stack([dataset[i][0] for i in range(4)])
    truth = torch.stack([dataset[i][1] for i in range(4)])
    assert {0, 1, 2} <= set(truth.unique().tolist())
    predicted = model(x).argmax(dim=1)  # in training mode, as the loss saw it
    for c in range(3):
        both = ((predicted == c) & (truth == c)).sum()
        either = ((predicted == c) | (truth == c)).sum()
        assert both / either > 0.6, c


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_same_seed_same_bytes(dataset, tmp_path, precision):
    for name in ("a", "b"):
        run(dataset, tmp_path / name, 2, precision=precision)
    run(dataset, tmp_path / "c", 2, precision=precision, seed=2)
    a, b, c = (digests(tmp_path / name) for name in "abc")
    assert a == b
    assert len(a) == 2
    assert not set(a.values()) & set(c.values())


def test_the_last_checkpoint_is_the_model(dataset, tmp_path):
    model, _ = run(dataset, tmp_path, 1)
    saved = load_file(tmp_path / "1.safetensors")
    assert saved.keys() == model.state_dict().keys()
    assert all(torch.equal(saved[k], v) for k, v in model.state_dict().items())


def test_class_weights_matter(dataset, tmp_path):
    _, weighted = run(dataset, tmp_path / "a", 1, class_weights=[1, 1, 3])
    _, plain = run(dataset, tmp_path / "b", 1, class_weights=None)
    assert weighted[0]["loss"] != plain[0]["loss"]


def test_order_is_a_function_of_seed_and_epoch_alone():
    def order(seed, epoch):
        return torch.randperm(50, generator=epoch_order(seed, epoch)).tolist()

    assert order(1, 2) == order(1, 2)
    assert len({tuple(order(*key)) for key in [(1, 1), (1, 2), (2, 1), (2, 2)]}) == 4


def test_without_shuffling_images_come_in_order(dataset, tmp_path):
    class Watched(DarkfieldDataset):
        def __getitem__(self, i):
            seen.append(i)
            return super().__getitem__(i)

    watched = Watched(dataset.images, dataset.masks, dataset.transform, dataset.target_transform)
    seen = []
    run(watched, tmp_path, 2, shuffle=False)
    assert seen == [0, 1, 2, 3] * 2
    seen = []
    run(watched, tmp_path, 2, shuffle=True)
    assert sorted(seen[:4]) == [0, 1, 2, 3]
    assert seen != [0, 1, 2, 3] * 2


def test_a_loss_that_is_lost_stops_with_epoch_step_and_advice(dataset, tmp_path):
    message = r"the loss is (nan|inf) at epoch \d+, step \d+: lower train.learning_rate"
    with pytest.raises(UserError, match=message):
        run(dataset, tmp_path, 5, learning_rate=1e30)


def test_cuda_where_there_is_none():
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(UserError, match=r"train.device: 'cuda', but torch sees no CUDA device"):
        setup("cuda", "auto", 1)


def test_auto_resolves():
    device, precision = setup("auto", "auto", 2)
    assert device.type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert precision in ("fp32", "bf16")
    assert torch.get_num_threads() == 2
