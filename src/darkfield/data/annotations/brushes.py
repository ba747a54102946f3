"""Label Studio's brushes: PNGs, and the run lengths of thi.ng/rle-pack in its JSON."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from darkfield.data.annotations.drawing import Drawing, Patch, Region, patch_of
from darkfield.data.annotations.problems import Problems

# task-1-annotation-2-by-3-tag-RBC-0.png: a brush, of a control named tag and the label RBC.
BRUSH = re.compile(r"(task-\d+)-(annotation-\d+)-by-[^-]*-[^-]+-(.+)-\d+\.png")


def brushed(packed: list[int], size: tuple[int, int]) -> Patch:
    """The pixels of a brush: where the fourth channel, of RGBA, is at least half opaque."""
    values = unpacked(bytes(packed))
    if len(values) != size[0] * size[1] * 4:
        raise ValueError(f"has a brush of {len(values) // 4:,} pixels, not {size[0] * size[1]:,}")
    return patch_of(values.reshape(*size, 4)[..., 3] > 127)


def read(paths: Sequence[Path]) -> list[Drawing]:
    """The drawings of brushes exported as PNGs, one per task, whose picture has the task's name.

    The names tell neither the task's picture nor, beyond the control's, the labels of outlines.
    Raises Problems with tasks annotated more than once, and with brushes that differ in size.
    """
    tasks: dict[str, list[tuple[str, str, np.ndarray]]] = {}
    for path in paths:
        task, annotation, label = BRUSH.fullmatch(path.name).groups()  # type: ignore[union-attr]
        with Image.open(path, formats=("PNG",)) as picture:
            tasks.setdefault(task, []).append((annotation, label, np.asarray(picture.convert("L"))))
    drawings: list[Drawing] = []
    lines: list[str] = []
    for task, brushes in tasks.items():
        sizes = {(pixels.shape[0], pixels.shape[1]) for _, _, pixels in brushes}
        if (n := len({annotation for annotation, _, _ in brushes})) > 1:
            lines.append(f"{task}: has {n} annotations; keep the one that counts")
        elif len(sizes) > 1:
            lines.append(f"{task}: has brushes of {len(sizes)} sizes; export them again")
        else:
            regions = [Region(label, patch_of(pixels > 127)) for _, label, pixels in brushes]
            drawings.append(Drawing(task, sizes.pop(), regions))
    if lines:
        raise Problems(lines)
    return drawings


def unpacked(packed: bytes) -> np.ndarray:
    """The uint8 values that thi.ng/rle-pack packed; raises ValueError for broken bytes.

    A bit stream: the number of values (32 bits), their width - 1 (5), four widths - 1 of lengths
    (4 each); then runs: whether one value is repeated (1), which width the length has (2),
    length - 1, and the value, or as many values.
    """
    bits = "".join(f"{byte:08b}" for byte in packed)
    at = 0

    def take(n: int) -> int:
        nonlocal at
        at += n
        if at > len(bits):
            raise ValueError("has a brush that ends early; export it again")
        return int(bits[at - n : at], 2)

    number, width = take(32), take(5) + 1
    lengths = [take(4) + 1 for _ in range(4)]
    runs: list[np.ndarray] = []
    filled = 0
    while filled < number:
        repeated, length = take(1), take(lengths[take(2)]) + 1
        if repeated:
            run = np.full(length, take(width), np.uint8)
        else:
            run = np.array([take(width) for _ in range(length)], np.uint8)
        runs.append(run)
        filled += length
    return np.concatenate(runs)[:number] if runs else np.zeros(0, np.uint8)
