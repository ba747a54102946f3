"""Pictures and masks as a torch Dataset, decoded and resized once."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset
from torchvision.transforms import v2
from tqdm import tqdm

from darkfield.images import read_image, read_mask, resize_image, resize_mask


class DarkfieldDataset(Dataset):
    """Named pairs of image (H, W, 3) and mask (H, W), uint8, each through its own transform."""

    def __init__(
        self,
        names: Sequence[str],
        images: Sequence[np.ndarray],
        masks: Sequence[np.ndarray],
        transform: Callable,
        target_transform: Callable,
    ):
        self.names, self.images, self.masks = names, images, masks
        self.transform, self.target_transform = transform, target_transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.transform(self.images[i]), self.target_transform(self.masks[i])


def image_transform(mean: Sequence[float], std: Sequence[float]) -> v2.Compose:
    """uint8 (H, W, 3) to normalised float32 (3, H, W)."""
    return v2.Compose(
        [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(list(mean), list(std))]
    )


def target_transform() -> v2.Compose:
    """uint8 class indices (H, W) to int64 (H, W)."""
    return v2.Compose([v2.ToImage(), v2.ToDtype(torch.int64), v2.Lambda(lambda mask: mask[0])])


def load_split(
    images: Sequence[Path], masks: Sequence[Path], size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, H, W, 3) and flattened masks (N, H, W), uint8, at `size` (height, width)."""
    paths = tqdm(zip(images, masks, strict=True), "reading", len(images), disable=None)
    pairs = [
        (resize_image(read_image(image), size), resize_mask(read_mask(mask), size))
        for image, mask in paths
    ]
    return np.stack([image for image, _ in pairs]), np.stack([mask for _, mask in pairs])
