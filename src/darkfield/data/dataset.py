"""Pictures and masks as a torch Dataset, and as the network's input."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

Pair = tuple[Tensor, Tensor]  # image and mask


class DarkfieldDataset(Dataset[Pair]):
    """Named pairs of image (H, W, 3) and mask (H, W), uint8, each through its own transform.

    Then both through `transforms`, if given. A key is a picture's index and the seed of all that
    is random in its transforms. A dataset can be pickled, for worker processes that are spawned.
    """

    def __init__(
        self,
        names: Sequence[str],
        images: Sequence[np.ndarray],
        masks: Sequence[np.ndarray],
        transform: Callable[[np.ndarray], Tensor],
        target_transform: Callable[[np.ndarray], Tensor],
        transforms: Callable[[Tensor, Tensor], Pair] | None = None,
    ):
        self.names, self.images, self.masks = names, images, masks
        self.transform, self.target_transform = transform, target_transform
        self.transforms = transforms

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, key: tuple[int, int]) -> Pair:
        i, seed = key
        pair = self.transform(self.images[i]), self.target_transform(self.masks[i])
        if self.transforms:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                pair = self.transforms(*pair)
        return pair


def image_transform() -> Callable[[np.ndarray], Tensor]:
    """uint8 (H, W, 3) to a uint8 tv_tensors.Image (3, H, W)."""
    from torchvision.transforms import v2  # takes six seconds, and evaluation does not need it

    to_image: Callable[[np.ndarray], Tensor] = v2.ToImage()
    return to_image


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
