"""Models that another learns from: knowledge distillation (Hinton et al. 2015).

They see each crop as it was augmented, so that their answer fits it (Beyer et al. 2022).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from darkfield.classes import matched
from darkfield.files import UserError
from darkfield.network import forward
from darkfield.network.spec import SPEC, WEIGHTS, ModelSpec, read_spec, readable

# A network, what its model.json says, and the place of each of the pupil's classes in its own order
Teacher = tuple[nn.Module, ModelSpec, list[int]]


def teachers(
    folders: Sequence[Path],
    classes: dict[str, int],
    image_size: Literal["native"] | Sequence[int],
    device: torch.device,
) -> list[Teacher]:
    """The models in `folders`, for a pupil of these classes that sees pictures at `image_size`.

    Raises UserError if a model has other classes, or sees pictures at another size.
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
        order = np.argsort(matched(spec.classes, classes, str(folder / SPEC))).tolist()
        with readable(folder):
            network = forward.empty(spec, device)
        forward.load(network, folder / WEIGHTS)
        models.append((network, spec, order))
    return models


def taught_by(models: Sequence[Teacher], precision: str) -> Callable[[Tensor], Tensor]:
    """The mean prediction of some models, each as its ModelSpec says that it predicts.

    The function takes uint8 images (B, 3, H, W), on the device of the models, to the probabilities,
    float32 (B, C, H, W), of the pupil's classes.
    """

    def probabilities(images: Tensor) -> Tensor:
        total = torch.zeros((), device=images.device)
        for network, spec, order in models:
            logits = forward.logits(network, spec, images, precision)
            total = total + logits.softmax(dim=1)[:, order]
        return total / len(models)

    return probabilities
