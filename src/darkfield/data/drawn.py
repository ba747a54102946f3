"""A folder of pictures with masks: its files by picture, and what is drawn there."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from darkfield.classes import IGNORE, INSTANCES, VOID
from darkfield.data.instances import read_numbers
from darkfield.data.mask_files import open_mask
from darkfield.data.mask_values import code, flatten
from darkfield.data.pairs import find_numbers, find_pairs, suffix_of
from darkfield.files import UserError
from darkfield.sections import Data


class Files(NamedTuple):
    """The files of a picture, of its mask, and of its objects' numbers, if these are known."""

    image: Path
    mask: Path
    numbers: Path | None


class Drawn(NamedTuple):
    """Class indices, uint8 (H, W), VOID among them, and objects' numbers, uint16, if known."""

    indices: np.ndarray
    numbers: np.ndarray | None

    def same(self, other: "Drawn") -> bool:
        """Whether two drawings have the same classes and objects."""
        if self.numbers is None or other.numbers is None:
            alike = self.numbers is other.numbers
        else:
            alike = np.array_equal(self.numbers, other.numbers)
        return alike and np.array_equal(self.indices, other.indices)


@contextmanager
def about(path: Path) -> Iterator[None]:
    """Let a ValueError of the block begin with the file that it is about."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def files_of(
    root: Path, classes: Collection[str] = (), suffix: str | None = None
) -> tuple[dict[str, Files], str]:
    """The files of a folder by the name of the picture, and what its masks have behind that name.

    `classes` and `suffix` are as in `find_pairs`. Raises UserError with all that is wrong, and for
    masks that are several files each.
    """
    pairs, problems = find_pairs(root, classes, suffix)
    if problems:
        raise UserError(*problems)
    numbers, _ = find_numbers(root)
    found = {}
    for name, (image, mask) in pairs.items():
        if isinstance(mask, dict):
            raise UserError(f"{root}: has masks of one class each; name a folder of whole masks")
        found[name] = Files(image, mask, numbers.get(name))
    return found, suffix_of(pairs)


def drawn(files: Files, mask_values: dict[str, str], data: Data) -> Drawn:
    """What is drawn on a picture, in the indices of data.classes; ValueError if it is unsound."""
    background = None if data.background is None else data.classes[data.background]
    with about(files.mask):
        indices = flatten(open_mask(files.mask), mask_values, data.classes, check=False)
    if files.numbers is None:
        return Drawn(indices, None)
    with about(files.numbers):
        return Drawn(indices, read_numbers(files.numbers, indices, background))


def greys_of(data: Data) -> dict[int, int]:
    """The grey, 0 to 255, with which to write each class index, and VOID if there is one for it.

    It is one that data.mask_values names: the index itself, or else the lowest. Raises UserError if
    a class has none, or if masks number objects.
    """
    indices = data.classes | {IGNORE: VOID}
    greys: dict[int, int] = {}
    if INSTANCES not in data.mask_values:
        named = ((code(value), indices[name]) for value, name in data.mask_values.items())
        for grey, index in sorted(named):
            if grey == index or (grey < 256 and index not in greys):
                greys[index] = grey
    if lacking := [name for name, index in data.classes.items() if index not in greys]:
        raise UserError(
            f"params.yaml: data.mask_values has no grey value for {', '.join(lacking)}, as masks "
            "of classes need; add one for each, or use a folder and a params.yaml of their own"
        )
    return greys
