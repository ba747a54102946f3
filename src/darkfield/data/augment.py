"""Training pictures as other crops, orientations, exposures and lenses would show them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from darkfield.classes import VOID
from darkfield.data.dataset import Pair
from darkfield.recipe import Augment
from darkfield.values import Size


class RandomWindow(v2.Transform):  # type: ignore[misc]  # torchvision ships no types
    """Cut a window from image and mask at random and bring it to `size` (height, width).

    The window is 1 / s times as large as `size`, s drawn log-uniformly from `scale`. In the
    fraction `foreground` of cases it holds a random pixel of a random class that the mask has,
    `background`, an index, and void apart. Where it leaves the picture it is black, and background
    or, without one, void.
    """

    def __init__(
        self,
        size: Sequence[int],
        scale: Sequence[float],
        foreground: float,
        background: int | None = 0,
    ):
        super().__init__()
        self.size, self.foreground, self.background = list(size), foreground, background
        self.scale = torch.tensor(scale, dtype=torch.float64).log()

    def make_params(self, flat_inputs: list[Any]) -> dict[str, int]:
        (mask,) = (x for x in flat_inputs if isinstance(x, tv_tensors.Mask))
        low, high = self.scale
        scale = float((low + (high - low) * torch.rand((), dtype=torch.float64)).exp())
        sides = [max(1, round(side / scale)) for side in self.size]
        inside = None
        if torch.rand(()) < self.foreground:
            pixels = mask.flatten().bincount()[:VOID]
            if self.background is not None:
                pixels[self.background : self.background + 1] = 0
            present = pixels.nonzero()[:, 0]
            if len(present):
                # As by torch's nonzero, in half the time.
                where = np.flatnonzero(mask.numpy() == int(present[pick(len(present))]))
                inside = divmod(int(where[pick(len(where))]), mask.shape[1])
        top, left = (
            corner(window, whole, inside and inside[axis])
            for axis, (window, whole) in enumerate(zip(sides, mask.shape, strict=True))
        )
        return {"top": top, "left": left, "height": sides[0], "width": sides[1]}

    def transform(self, inpt: Any, params: dict[str, int]) -> Any:
        top, left, height, width = params.values()
        rows, columns = inpt.shape[-2:]
        beyond = [-left, -top, left + width - columns, top + height - rows]
        west, north, east, south = around = [max(0, side) for side in beyond]
        at = top + north, left + west, height - north - south, width - west - east
        window = F.crop(inpt, *at).clone(memory_format=torch.contiguous_format)
        if any(around):
            black = VOID if self.background is None else self.background
            window = F.pad(window, around, fill=black if isinstance(inpt, tv_tensors.Mask) else 0)
        if not isinstance(inpt, tv_tensors.Mask):
            return F.resize(window, self.size, antialias=True)
        # F.resize takes a mask's pixels by their corners, half a pixel beside the picture's.
        plain = window.as_subclass(Tensor)[None, None]
        return tv_tensors.wrap(interpolate(plain, self.size, mode="nearest-exact")[0, 0], like=inpt)


def pick(n: int) -> int:
    """A random index below n."""
    return int(torch.randint(n, ()))


def corner(window: int, whole: int, inside: int | None) -> int:
    """Where a window begins that lies in the whole as far as it can, and holds pixel `inside`."""
    low, high = sorted((0, whole - window))
    if inside is not None:
        low, high = max(low, inside - window + 1), min(high, inside)
    return low + pick(high - low + 1)


class StrayLight(v2.Transform):  # type: ignore[misc]  # torchvision ships no types
    """Lay light of any colour over the image, changing smoothly from corner to corner.

    This is how a darkfield microscope's field looks when it is lit. `strength`, 0-1, is the most
    light that a channel can get; bright pixels gain less, white ones nothing.
    """

    def __init__(self, strength: float):
        super().__init__()
        self.strength = strength

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Tensor]:
        return {"colour": self.strength * torch.rand(3, 1, 1), "corners": torch.rand(1, 1, 2, 2)}

    def transform(self, inpt: Any, params: dict[str, Tensor]) -> Any:
        if not isinstance(inpt, tv_tensors.Image):
            return inpt
        size = inpt.shape[-2:]
        colour, corners = (
            params[name].to(inpt.device, non_blocking=True) for name in ("colour", "corners")
        )
        field = interpolate(corners, size, mode="bilinear", align_corners=True)[0]
        lit = inpt + colour * field * (255 - inpt)
        return tv_tensors.wrap(lit.round().to(torch.uint8), like=inpt)


def augmentation(
    cfg: Augment, crop: Size | None, background: int | None = 0
) -> Callable[[Tensor, Tensor], Pair] | None:
    """The transform of image and mask, tv_tensors, that params.yaml asks for; None for none.

    `crop` is the size of random windows, None for whole pictures; `background` the index of that
    class, None if there is none.
    """
    steps: list[Callable[..., Any]] = []
    if crop:
        steps.append(RandomWindow(crop, cfg.scale, cfg.foreground, background))
    if cfg.flip:
        steps.append(v2.RandomHorizontalFlip())
    if cfg.flip is True:
        steps.append(v2.RandomVerticalFlip())
    if cfg.turn:
        steps.append(v2.RandomApply([v2.RandomRotation((90, 90))]))
    jitter = (cfg.brightness, cfg.contrast, cfg.saturation, cfg.hue)
    if any(jitter):
        steps.append(v2.ColorJitter(*jitter))
    if cfg.stray_light:
        steps.append(v2.RandomApply([StrayLight(cfg.stray_light)], p=0.25))
    if cfg.blur:
        kernel, sigmas = 2 * cfg.blur_reach + 1, (min(0.1, cfg.blur), cfg.blur)
        steps.append(v2.RandomApply([v2.GaussianBlur(kernel, sigmas)]))
    if cfg.noise:
        # Half only: otherwise batch norm learns the statistics of noise and misreads clean ones.
        steps.append(v2.RandomApply([v2.GaussianNoise(sigma=cfg.noise)]))
    if not steps:
        return None
    transform: Callable[[Tensor, Tensor], Pair] = v2.Compose(steps)
    return transform
