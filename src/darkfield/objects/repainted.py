"""The numbers of objects after somebody has painted over classes, numbers, or both."""

from typing import NamedTuple

import numpy as np

from darkfield.objects.kinds import label_components
from darkfield.objects.table import from_one

NEIGHBOURS = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]


class Painted(NamedTuple):
    """Class indices, uint8 (H, W), and numbers of objects, int32 (H, W), 0 for none."""

    indices: np.ndarray
    numbers: np.ndarray


def renumbered(now: Painted, before: Painted, background: int | None) -> np.ndarray:
    """The numbers of objects, int32 (H, W), from 1, that what is painted `now` stands for.

    The class decides: background has no object. A pixel whose class alone was changed leaves its
    object. Pixels without an object, as far as they are connected, join the one of their class that
    they share the longest border with, or else become a new one. An object that has lost pixels and
    is now in pieces becomes as many objects, unless only other classes lie between the pieces, as
    a filament does that crosses a cell. No object has two classes.
    """
    repainted = (now.indices != before.indices) & (now.numbers == before.numbers)
    numbers = np.where(repainted | (now.indices == background), 0, now.numbers).astype(np.int32)
    robbed = np.unique(before.numbers[(before.numbers > 0) & (numbers != before.numbers)])
    result = np.zeros(numbers.shape, np.int32)
    for index in (index for index in np.unique(now.indices) if index != background):
        own = now.indices == index
        labels = from_one(split(numbers * own, robbed, (now.indices != background) & ~own))
        labels = joined(labels, label_components(own & (labels == 0)))
        result[own] = labels[own] + result.max()
    return result


def split(labels: np.ndarray, robbed: np.ndarray, bridges: np.ndarray) -> np.ndarray:
    """Labels, int (H, W), with each of `robbed` as many as it has pieces without `bridges`."""
    labels = labels.copy()
    for number in robbed[np.isin(robbed, labels)]:
        mine = labels == number
        pieces = label_components(mine | bridges) * mine
        for piece in np.unique(pieces[mine])[1:]:
            labels[pieces == piece] = labels.max() + 1
    return labels


def joined(labels: np.ndarray, loose: np.ndarray) -> np.ndarray:
    """Labels, int (H, W), with each `loose` component in that which it touches most, or new."""
    height, width = labels.shape
    most: dict[int, tuple[int, int]] = {}
    ours, theirs = np.pad(loose, 1), np.pad(labels, 1)
    near = [
        theirs[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width][loose > 0]
        for dy, dx in NEIGHBOURS
    ]
    pairs = np.stack([np.tile(ours[1:-1, 1:-1][loose > 0], len(near)), np.concatenate(near)])
    found, counts = np.unique(pairs[:, pairs[1] > 0], axis=1, return_counts=True)
    for (component, label), count in zip(found.T.tolist(), counts.tolist(), strict=True):
        most[component] = max(most.get(component, (0, 0)), (count, -label))
    to, new = np.zeros(loose.max() + 1, np.int32), int(labels.max())
    for component in range(1, len(to)):
        new += component not in most
        to[component] = -most[component][1] if component in most else new
    return np.where(loose > 0, to[loose], labels)
