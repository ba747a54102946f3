"""One training step of SegNet, 256 x 256, batch 8, a line of stdin; prints its milliseconds.

python bench/step.py plain    as in the notebook: fp32, default layout, decoding at each step
python bench/step.py ours     as the chain does it
python bench/step.py floor    as many floating-point operations in large bf16 matrix products
"""

import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode
from torchvision.transforms import v2

from darkfield.data.dataset import DarkfieldDataset, image_transform, normalise, target_transform
from darkfield.data.images import read_image, resize_image, resize_mask
from darkfield.data.pixels import Pictures, new_pixels
from darkfield.data.synthetic import synthesize
from darkfield.network.build import build
from darkfield.network.device import setup
from darkfield.network.loss import cross_entropy
from darkfield.network.training import train_step
from darkfield.recipe import Model

SIZE, BATCH, THREADS = (256, 256), 8, 2
MEAN, STD = [0.16, 0.2, 0.26], [0.22, 0.24, 0.25]


class Plain(Dataset):
    def __init__(self, root):
        self.images, self.masks = (sorted((root / part).iterdir()) for part in ("images", "masks"))
        scale = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
        self.transform = v2.Compose([v2.Resize(SIZE), v2.ToImage(), *scale])
        nearest = v2.Resize(SIZE, v2.InterpolationMode.NEAREST)
        self.target = v2.Compose([nearest, v2.PILToTensor()])

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        image, mask = Image.open(self.images[i]).convert("RGB"), Image.open(self.masks[i])
        return self.transform(image), self.target(mask)[0].long()


def plain(root):
    torch.set_num_threads(THREADS)
    model = build(Model(name="segnet"), 3).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss_function = nn.CrossEntropyLoss(torch.tensor([1.0, 1.0, 3.0]))
    loader = DataLoader(Plain(root), BATCH, shuffle=True)

    def step():
        for images, masks in loader:
            optimizer.zero_grad()
            loss = loss_function(model(images), masks)
            loss.backward()
            optimizer.step()
            loss.item()

    return step


def ours(root):
    device, precision = setup("auto", "auto", THREADS)
    images, masks = (sorted((root / part).iterdir()) for part in ("images", "masks"))
    transforms = image_transform(), target_transform
    names = [path.stem for path in images]
    with new_pixels(root / "a.npy", 3) as add_image, new_pixels(root / "b.npy") as add_mask:
        for image, mask in zip(images, masks, strict=True):
            add_image(resize_image(read_image(image), SIZE))
            add_mask(resize_mask(np.asarray(Image.open(mask)), SIZE))
    pictures = (Pictures([root / name], [SIZE] * BATCH) for name in ("a.npy", "b.npy"))
    dataset = DarkfieldDataset(names, *pictures, *transforms)
    model = build(Model(name="segnet"), 3).to(device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    loss = partial(cross_entropy, weight=torch.tensor([1.0, 1.0, 3.0], device=device))

    def step():
        for images, masks in DataLoader(dataset, BATCH, sampler=[(i, 0) for i in range(BATCH)]):
            images = normalise(images.to(device), MEAN, STD)
            train_step(model, optimizer, images, masks.to(device), loss, precision).item()

    return step


def floor(root):
    setup("cpu", "auto", THREADS)
    model = build(Model(name="segnet"), 3).train()
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, *SIZE)).sum().backward()
    a, b = (torch.randn(2048, 2048, dtype=torch.bfloat16) for _ in "ab")
    products = round(counter.get_total_flops() * BATCH / (2 * 2048**3))

    def step():
        for _ in range(products):
            a @ b

    return step


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        synthesize(Path(folder), images=BATCH, size=(500, 700), seed=1)
        step = {"plain": plain, "ours": ours, "floor": floor}[sys.argv[1]](Path(folder))
        step()  # warm
        for _ in sys.stdin:
            begin = time.perf_counter()
            step()
            print(1000 * (time.perf_counter() - begin), flush=True)
