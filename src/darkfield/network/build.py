"""The model that params.yaml names: our SegNet, or a family of segmentation_models.pytorch."""

from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from darkfield.files import UserError
from darkfield.network.pretrained import VGG16, load_imagenet, load_vgg16, package
from darkfield.network.segnet import SEGNET, SEGNET_VGG16, SegNet
from darkfield.recipe import Model


def libraries(cfg: Model) -> list[str]:
    """The packages, besides torch, that a trained model depends on."""
    ours = cfg.name.startswith("segnet")
    weights = [package(VGG16 if ours else cfg.encoder)] if cfg.encoder_weights else []
    return weights if ours else ["segmentation-models-pytorch", "timm", *weights]


def build(cfg: Model, classes: int) -> nn.Module:
    """A model of fresh weights from torch's RNG: images (B, 3, H, W) to logits (B, classes, H, W).

    Only the encoder gets ImageNet weights, if `cfg` says so. Raises UserError if a library is not
    installed, or has no such model.
    """
    if cfg.name.startswith("segnet"):
        stages = {"segnet": SEGNET, "segnet_vgg16": SEGNET_VGG16}[cfg.name]
        segnet = SegNet(classes, **stages, notebook_head=cfg.notebook_head, dropout=cfg.dropout)
        if cfg.encoder_weights:
            load_vgg16(segnet.encoder)
        return segnet
    try:
        import segmentation_models_pytorch as smp
    except ModuleNotFoundError as error:
        raise UserError(
            f"model.name: {cfg.name!r} needs segmentation_models.pytorch; "
            "install it (pip install segmentation-models-pytorch) or use segnet"
        ) from error
    try:
        model: nn.Module = smp.create_model(
            cfg.name,
            cfg.encoder,
            encoder_weights=None,
            classes=classes,
            encoder_depth=cfg.encoder_depth,
            decoder_channels=cfg.decoder_channels,
        )
    except (KeyError, ValueError, RuntimeError) as error:
        raise UserError(f"model: {' '.join(str(error).split())}") from error
    if cfg.encoder_weights:
        load_imagenet(model.get_submodule("encoder"), cfg.encoder)
    return model


def start_from(model: nn.Module, weights: Path, order: Sequence[int]) -> None:
    """Give a model the weights (safetensors) of another, whose classes may be numbered differently.

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
    """The names of those tensors of a model, in its state, that have one entry per class."""
    if not isinstance(model, SegNet):
        last = model.get_submodule("segmentation_head.0")
    elif isinstance(model.head, nn.Conv2d):
        last = model.head
    else:  # the notebook's: convolution, batch norm, ReLU
        last = nn.Sequential(*list(model.decoder[-1].children())[-3:-1])
    tensors = {tensor.data_ptr() for tensor in last.state_dict().values() if tensor.ndim}
    return [name for name, tensor in model.state_dict().items() if tensor.data_ptr() in tensors]
