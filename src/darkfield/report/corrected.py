"""What somebody corrected: a folder that data.root may name, and a record of what it was."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from darkfield.data.annotations.drawing import MOST
from darkfield.data.images import write_png
from darkfield.files import UserError, atomic, read_json, sha256, write_json
from darkfield.objects.repainted import Painted, renumbered
from darkfield.report.corrections import Place, Predicted, Predictions

RECORD = "corrected.json"


def state(into: Path, place: Place, predicted: Predicted) -> Painted:
    """The classes and numbers of a picture: as they were corrected, or else as predicted.

    Raises ValueError if another picture of this name was corrected, or this one with other classes,
    or if its correction cannot be read.
    """
    record = records(into).get(place.name)
    if record is None:
        return Painted(predicted.indices, predicted.drawn.numbers)
    if record["picture"] != sha256(place.file):
        raise ValueError(
            f"{into} has corrections of another picture of this name; name another --into"
        )
    if record.get("classes", predicted.classes) != predicted.classes:
        raise ValueError(
            f"{into} has corrections of it with the classes of another model; name another --into"
        )
    return Painted(*(pixels(into / kind / f"{place.name}.png") for kind in ("masks", "instances")))


def pixels(path: Path) -> np.ndarray:
    """What `save` wrote; raises ValueError if it cannot be read."""
    try:
        return np.asarray(Image.open(path))
    except OSError as error:
        raise ValueError(
            f"its correction {path} cannot be read ({error.strerror or 'damaged'}); restore it, or "
            f"remove the picture from {RECORD}"
        ) from error


def records(into: Path) -> dict[str, Any]:
    """What is recorded of each picture that was corrected, by name; raises UserError if damaged."""
    if not (into / RECORD).exists():
        return {}
    try:
        found: dict[str, Any] = read_json(into / RECORD)
    except ValueError as error:
        raise UserError(str(error)) from error
    return found


def save(
    into: Path, of: Predictions, place: Place, predicted: Predicted, before: Painted, now: Painted
) -> Painted:
    """Write a corrected picture into images/, masks/ and instances/ of `into`, and its record.

    The record's `classes` are the values of the classes in the mask, by name. Nothing of `of.out`
    is changed. Returns the classes and numbers as they are written. Raises ValueError for a class
    that the model lacks, and for more objects than 16 bits can number.
    """
    if now.indices.max() >= len(of.spec.classes):
        raise ValueError(f"has the class {now.indices.max()}, which {of.model} lacks")
    numbers = renumbered(now, before, of.spec.background_index)
    if numbers.max() > MOST:
        raise ValueError(f"has {numbers.max():,} objects, and 16 bits number only {MOST:,}")
    kinds = {"images": predicted.image, "instances": numbers.astype(np.uint16)}
    for kind, pixels in (kinds | {"masks": now.indices}).items():
        with atomic(into / kind / f"{place.name}.png") as part:
            write_png(part, pixels)
    record = {
        "file": str(place.file),
        "picture": sha256(place.file),
        "changed_px": int((now.indices != predicted.indices).sum()),
        "predicted_by": of.made_by,
        "classes": of.spec.classes,
    }
    write_json(into / RECORD, dict(sorted((records(into) | {place.name: record}).items())))
    return Painted(now.indices, numbers)
