"""Pictures and masks as a torch Dataset, and as the network's input."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

Pair = tuple[Tensor, Tensor]  # image and mask


class DarkfieldDataset(Dataset[Pair]):
    """Named pairs of image (H, W, 3) and mask (H, W), uint8, each through its own transform.

    Then both through `transforms`, if given. A key is a picture's index and the seed of all that
    is random in its transforms. Names that have no picture stand for those that `draw` makes, image
    and mask, from that seed. A dataset can be pickled, for worker processes that are spawned.
    """

    def __init__(
        self,
        names: Sequence[str],
        images: Sequence[Any],
        masks: Sequence[np.ndarray],
        transform: Callable[[Any], Tensor],
        target_transform: Callable[[np.ndarray], Tensor],
        transforms: Callable[[Tensor, Tensor], Pair] | None = None,
        draw: Callable[[int], tuple[np.ndarray, np.ndarray]] | None = None,
    ):
        self.names, self.images, self.masks = names, images, masks
        self.transform, self.target_transform = transform, target_transform
        self.transforms, self.draw = transforms, draw

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, key: tuple[int, int]) -> Pair:
        i, seed = key
        if self.draw and i >= len(self.images):
            pair = self.draw(seed)
        else:
            pair = self.images[i], self.masks[i]
        image, mask = self.transform(pair[0]), self.target_transform(pair[1])
        if not self.transforms:
            return image, mask
        cuda = [image.device] if image.is_cuda else []
        with torch.random.fork_rng(devices=cuda):
            torch.default_generator.manual_seed(seed)
            if cuda:
                torch.cuda.manual_seed(seed)
            return self.transforms(image, mask)

    def on(self, device: torch.device, room: int) -> "DarkfieldDataset":
        """This dataset with its images, which are then transformed there, on a device.

        They stay there if all fit in `room` bytes; otherwise each is sent when it is asked for, to
        the same values. Masks are of the CPU: windows are chosen by their pixels, and to read these
        from a GPU is to wait for all that it computes.
        """

        def sent(image: Any) -> Tensor:
            return self.transform(image).to(device)

        moved = copy.copy(self)
        moved.transform = sent
        if sum(image.nbytes for image in self.images) <= room:
            moved.images = [sent(image) for image in self.images]
            moved.transform = lambda image: image if isinstance(image, Tensor) else sent(image)
        return moved


def image_transform() -> Callable[[np.ndarray], Tensor]:
    """uint8 (H, W, 3) to a uint8 tv_tensors.Image (3, H, W)."""
    from torchvision.transforms import v2  # takes six seconds, and evaluation does not need it

    to_image: Callable[[np.ndarray], Tensor] = v2.ToImage()
    return to_image


def image_view(image: np.ndarray) -> Tensor:
    """As image_transform, but the pixels are not copied: for transforms that cut windows first."""
    from torchvision import tv_tensors

    view: Tensor = tv_tensors.Image(torch.from_numpy(image).permute(2, 0, 1))
    return view


def target_transform(mask: np.ndarray) -> Tensor:
    """uint8 class indices (H, W) to a uint8 tv_tensors.Mask (H, W)."""
    from torchvision import tv_tensors

    indices: Tensor = tv_tensors.Mask(torch.from_numpy(mask))
    return indices


def normalise(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """uint8 images (B, 3, H, W) to float32 of mean 0 and deviation 1, in channels_last order.

    This is done per batch and on its device, which then receives a quarter of the bytes. `mean` and
    `std` are of channels scaled to 0-1; a constant channel, of deviation 0, is only shifted.
    """
    deviation = torch.tensor([s or 1.0 for s in std])
    scale = 1 / (255 * deviation)
    shift = -torch.tensor(mean) / deviation
    scale, shift = (t.view(3, 1, 1).to(images.device, non_blocking=True) for t in (scale, shift))
    return (images.contiguous(memory_format=torch.channels_last) * scale).add_(shift)
