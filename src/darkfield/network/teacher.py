"""Models that another learns from: knowledge distillation (Hinton et al. 2015).

They see each crop as it was augmented, so that their answer fits it (Beyer et al. 2022).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from darkfield.classes import matched
from darkfield.files import UserError
from darkfield.network import forward
from darkfield.network.spec import SPEC, WEIGHTS, read_spec, readable


def teacher(
    folders: Sequence[Path],
    classes: dict[str, int],
    image_size: Literal["native"] | Sequence[int],
    device: torch.device,
    precision: str,
) -> Callable[[Tensor], Tensor]:
    """The mean prediction of the models in `folders`, each as its model.json says it predicts.

    It takes uint8 images (B, 3, H, W) on `device` to the probabilities, float32 (B, C, H, W), of
    `classes`. Raises UserError if a model has other classes, or sees pictures at another size than
    `image_size`.
    """
    models = []
    for folder in folders:
        spec = read_spec(folder)
        theirs, ours = (
            size if size == "native" else tuple(size) for size in (spec.image_size, image_size)
        )
        if theirs != ours:
            raise UserError(
                f"train.teacher: {folder} sees pictures at image_size {theirs}, not {ours}; "
                "change image_size, or choose another teacher"
            )
        order = matched(classes, spec.classes, str(folder / SPEC))
        with readable(folder):
            network = forward.empty(spec, device)
        forward.load(network, folder / WEIGHTS)
        models.append((network, spec, order))

    def probabilities(images: Tensor) -> Tensor:
        total = torch.zeros((), device=images.device)
        for network, spec, order in models:
            logits = forward.logits(network, spec, images, precision)
            total = total + logits.softmax(dim=1)[:, order]
        return total / len(models)

    return probabilities
