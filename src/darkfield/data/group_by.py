"""Which images belong to one film, patient or slide, as names or a table say (split.group_by)."""

import re
from collections.abc import Sequence
from itertools import takewhile

import networkx as nx
import numpy as np
import pandas as pd

from darkfield.data.split_file import those
from darkfield.files import UserError

FRAMES = 5  # images whose names differ in their last number alone are a sequence


def column_of(group_by: str | None) -> str | None:
    """The column of split.file that split.group_by names; None if it is a pattern, or null."""
    return None if group_by is None or re.compile(group_by).groups else group_by


def keys_of(
    group_by: str | None, images: Sequence[str], own: pd.DataFrame | None
) -> list[str] | None:
    """What split.group_by says of each image: images with the same text belong together.

    `own` is what split_file.read gives; it is needed for a column. None if split.group_by is null.
    Raises UserError as `named` does.
    """
    if group_by is None:
        return None
    if column := column_of(group_by):
        assert own is not None, "params.py refuses a column without split.file"
        keys: list[str] = own[column].tolist()
        return keys
    return named(group_by, images)


def named(pattern: str, images: Sequence[str]) -> list[str]:
    """What the group of a pattern, a regular expression, matches in the name of each image.

    Raises UserError with the images in whose name it matches nothing.
    """
    found = [match and match[1] for match in (re.search(pattern, name) for name in images)]
    if lost := [name for name, key in zip(images, found, strict=True) if not key]:
        raise UserError(
            f"split.group_by: {those(lost)} not matched by {pattern}; change it so that its group "
            "( ) finds a part of every name"
        )
    return [str(key) for key in found]


def joined(fields: Sequence[int], keys: Sequence[str]) -> list[int]:
    """Number the groups of images that share a field of view or a key, from 0 in their order.

    Both have one value per image. Groups are connected components: two images of a group need not
    share either, as long as others link them.
    """
    graph = nx.Graph((("field", f), ("key", k)) for f, k in zip(fields, keys, strict=True))
    together = enumerate(nx.connected_components(graph))
    number = {node: n for n, nodes in together for node in nodes}
    numbers: list[int] = pd.factorize(np.array([number["field", f] for f in fields]))[0].tolist()
    return numbers


def sequence_pattern(names: Sequence[str]) -> str:
    """A pattern for split.group_by: all of a name but its last number and the ending of all."""
    letters = takewhile(lambda at: len(set(at)) == 1, zip(*map(reversed, names), strict=False))
    ending = "".join(at[0] for at in letters)[::-1].lstrip("0123456789")
    return rf"^(.*?)\d*{re.escape(ending)}$"


def torn_sequences(table: pd.DataFrame) -> int:
    """How many sequences of images have frames on more than one side of the split.

    `table` has the columns image and split. A sequence is at least FRAMES images named alike but
    for a number, such as drive_0001. Unless there are several, and most images belong to them, the
    numbers are taken for those of independent pictures: 0.
    """
    pattern = sequence_pattern(table["image"].tolist())
    films = table["image"].str.extract(pattern, expand=False)
    frames = films[films != ""].value_counts()
    films = films[films.isin(frames.index[frames >= FRAMES])]
    if films.nunique() < 2 or len(films) < len(table) / 2:
        return 0
    return int((table["split"].groupby(films).nunique() > 1).sum())
