"""Classes by name: their order, and the keys and columns that are made from their names."""

import re
from typing import Any

from darkfield.files import UserError

INSTANCES = "instances"  # the key of data.mask_values for all values that number objects
MEANS = ("miou", "mdice")  # in scores.json and metrics.json beside the classes
SCENES = ("background", "erythrocyte", "spirochaete")  # of synthetic scenes, by index
IGNORE = "ignore"  # in data.mask_values, in place of a class: void pixels, which are never measured
VOID = 255  # their index in flattened masks, as torchvision, mmsegmentation and Cityscapes have it


def class_names(classes: dict[str, int]) -> list[str]:
    """The names of `classes`, which maps each to its index, in the order of the index.

    The order of the keys has no meaning: any tool that writes JSON may sort them.
    """
    return sorted(classes, key=classes.__getitem__)


def foreground(classes: dict[str, int], background: str | None) -> list[str]:
    """The names of the classes that are looked for, by index: all but `background`, if any is."""
    return [name for name in class_names(classes) if name != background]


def matched(model: dict[str, int], data: dict[str, int], where: str) -> list[int]:
    """For each class of `model`, in the order of its index, the index of that name in `data`.

    `where` names the model. Raises UserError, listing both sides, unless the names are the same.
    """
    if model.keys() != data.keys():
        raise UserError(
            f"{where}: has the classes {', '.join(class_names(model))}, but data.classes has "
            f"{', '.join(class_names(data))}; give both the same names, or choose another model"
        )
    return [data[name] for name in class_names(model)]


def pixels_column(name: str) -> str:
    """The column of data/flattened_masks.csv with an image's pixels of a class, or of IGNORE."""
    return f"pixels_{name}"


def border_column(name: str) -> str:
    """The column of a batch's table that counts an image's pixels of a class along its border."""
    return f"border_{name}"


def key_of(name: str) -> str:
    """The key of a class in metrics.json: its name, or "class miou" for one named miou.

    No two names have the same key, and none has the key of a mean.
    """
    return f"class {name}" if re.fullmatch(f"(class )*({'|'.join(MEANS)})", name) else name


def by_class(scores: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The metrics of each class, by its name, from a split of scores.json or metrics.json."""
    return {
        key.removeprefix("class ") if key_of(key) != key else key: values
        for key, values in scores.items()
        if isinstance(values, dict)
    }
