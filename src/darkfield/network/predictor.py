"""A trained model that labels pictures."""

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from darkfield.data.images import resize_image
from darkfield.files import UserError, sha256
from darkfield.network import forward
from darkfield.network.device import setup
from darkfield.network.spec import SPEC, WEIGHTS, read_spec, readable
from darkfield.network.tiles import enlarged, tiled
from darkfield.sections import Predict


class Predictor:
    """A trained model, loaded once, that labels pictures of any size.

    A picture is uint8 RGB (H, W, 3). model.json says how it passes through the network: resized, or
    in tiles.
    """

    def __init__(
        self,
        folder: Path | str,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        *,
        weights: Path | None = None,
        predict: Predict | None = None,
    ) -> None:
        """Load the model of a folder: model.safetensors and model.json.

        `device`, `precision` and `threads` (of the CPU; by default, torch's own number) are as in
        params.yaml; torch is made deterministic for the whole process. `weights`, a checkpoint of
        the same network, and `predict`, that section of params.yaml, replace those of the folder.

        Nothing in the folder is executed: weights are safetensors, the rest is JSON. Raises
        UserError if it does not hold a model, or if its weights are not those that model.json
        was written with.
        """
        folder = Path(folder)
        self.spec = read_spec(folder, weights=weights, predict=predict)
        self.classes: dict[str, int] = self.spec.classes
        self.device, self.precision = setup(device, precision, threads or torch.get_num_threads())
        path = weights or folder / WEIGHTS
        self.digests = {"weights": sha256(path), "model": sha256(folder / SPEC)}
        if not weights and self.spec.weights_sha256 not in (None, self.digests["weights"]):
            raise UserError(f"{path}: not the weights of its model.json; get the folder again")
        with readable(folder):
            self.network: nn.Module = forward.empty(self.spec, self.device)
        self.load(path)

    def load(self, weights: Path) -> None:
        """Load the weights of another checkpoint; UserError if damaged, or of another network."""
        forward.load(self.network, weights)

    def varied(self, **spec: Any) -> "Predictor":
        """The same network with other values for these keys of model.json."""
        other = copy.copy(self)
        other.spec = self.spec.model_copy(update=spec)
        return other

    def labels(self, image: np.ndarray) -> np.ndarray:
        """The class index of each pixel of a picture: uint8 (H, W)."""
        return np.concatenate([classes_of(band) for band in self.bands(image)])

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """The probability of each class at each pixel of a picture: float32 (C, H, W)."""
        return np.concatenate([self.softmax(band) for band in self.bands(image)], axis=1)

    def labels_and_certainty(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`labels` of a picture, and how probable each is before calibration: float16 (H, W)."""
        parts = [(classes_of(band), certainty_of(band)) for band in self.bands(image)]
        labels, certainty = (np.concatenate(part) for part in zip(*parts, strict=True))
        return labels, certainty

    def softmax(self, one: Tensor) -> np.ndarray:
        """Calibrated probabilities, float32 (C, h, w), of logits (C, h, w)."""
        if self.spec.calibration:
            one = cooled(one, self.spec.calibration.temperatures, dim=0)
        return one.softmax(dim=0).cpu().numpy()

    def objects(self, image: np.ndarray, um_per_pixel: float | None = None) -> pd.DataFrame:
        """The objects of a picture, one row each, as in the objects.csv of predict.

        See `objects.table.object_table` for the columns, and `objects.confidence` for confidence.
        """
        from darkfield.objects.confidence import described, evidence
        from darkfield.objects.table import find

        mask, certainty = self.labels_and_certainty(image)
        kinds = self.spec.kinds
        found = find(mask, self.classes, kinds)
        seen = evidence(found, mask, self.classes, certainty, image)
        of = mask, self.classes, kinds, self.spec.calibration
        return described(found, seen, *of, um_per_pixel)

    def bands(self, image: np.ndarray) -> Iterator[Tensor]:
        """Logits of a picture, float32 (C, rows, W), in bands of rows from top to bottom.

        The memory that they take grows only with the picture's width.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            kind = f"{image.dtype} {image.shape}"
            raise ValueError(f"a picture is an array of uint8 (H, W, 3), not {kind}")
        if self.spec.image_size == "native":
            yield from tiled(self.logits, image, self.spec.predict)
        else:
            (one,) = self.logits([resize_image(image, self.spec.image_size)])
            yield from enlarged(one, image.shape[:2])

    def zoomed(self, image: np.ndarray, zoom: float) -> Iterator[Tensor]:
        """As `bands`, but the picture passes through the network enlarged by `zoom`.

        The logits are brought back to its own size, and then all are in memory at once.
        """
        size = tuple(max(1, round(side * zoom)) for side in image.shape[:2])
        if size == image.shape[:2]:
            yield from self.bands(image)
            return
        enlarged_image = resize_image(image, (size[0], size[1]))
        logits = torch.cat([*self.bands(enlarged_image)], dim=1)
        yield from enlarged(logits, (image.shape[0], image.shape[1]))

    def resized_labels(
        self, images: Sequence[np.ndarray], sizes: Sequence[tuple[int, int]]
    ) -> Iterator[np.ndarray]:
        """What `labels` gives for pictures already resized: uint8 (h, w) as in `sizes`.

        If `image_size` is "native", the pictures have their own sizes, and `sizes` lists these.
        """
        if self.spec.image_size == "native":
            yield from map(self.labels, images)
            return
        for one, size in zip(self.logits(images), sizes, strict=True):
            yield np.concatenate([classes_of(band) for band in enlarged(one, size)])

    def logits(self, images: Sequence[np.ndarray]) -> Tensor:
        """Logits (B, C, H, W), float32, of pictures of one size, which the network takes whole."""
        batch = torch.from_numpy(np.stack(images)).to(self.device).permute(0, 3, 1, 2)
        return forward.logits(self.network, self.spec, batch, self.precision)


def classes_of(one: Tensor) -> np.ndarray:
    """Class indices, uint8 (h, w), of logits (C, h, w)."""
    # Not argmax, which takes many times as long over the first axis on a CPU.
    return one.max(dim=0).indices.to(torch.uint8).cpu().numpy()


def certainty_of(one: Tensor) -> np.ndarray:
    """The probability, before calibration, of the class of each pixel: float16 (h, w)."""
    certainty = (one.amax(dim=0) - one.logsumexp(dim=0)).exp()
    return certainty.half().cpu().numpy()


def cooled(logits: Tensor, temperatures: Sequence[float], dim: int) -> Tensor:
    """Logits, whose classes are on axis `dim`, each pixel's divided by its class's temperature.

    Its class does not change. One temperature for all (Guo et al. 2017) would have to suit the rare
    class and the common ones alike.
    """
    by_class = torch.tensor(temperatures, dtype=logits.dtype, device=logits.device)
    return logits / by_class[logits.max(dim=dim, keepdim=True).indices]  # see classes_of
