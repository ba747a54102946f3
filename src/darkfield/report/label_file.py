"""A label as a PNG: class indices in colour, and a record of what they were made from."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from darkfield.files import atomic
from darkfield.report.palette import rgb

RECORD = "darkfield"


def write_label(
    path: Path, indices: np.ndarray, colours: Sequence[str], made_of: dict[str, Any]
) -> None:
    """Write class indices, uint8 (H, W), as a PNG with a palette: viewers show it in colour.

    What they were made from, and their own SHA-256, are stored as JSON in a text chunk, RECORD.
    """
    picture = Image.fromarray(indices)
    picture.putpalette(np.concatenate([rgb(colour) for colour in colours]).tobytes())
    text = PngInfo()
    text.add_text(RECORD, json.dumps(made_of | {"indices": digest_of(indices)}))
    with atomic(path) as part:
        picture.save(part, pnginfo=text, bits=8)


def read_label(path: Path) -> tuple[np.ndarray, dict[str, Any]]:
    """The class indices, uint8 (H, W), of a label, and what they were made from.

    Raises ValueError if `write_label` did not write it, or if it was changed since.
    """
    try:
        with Image.open(path) as picture:
            indices, record = np.asarray(picture), json.loads(picture.info[RECORD])
        intact = record.pop("indices") == digest_of(indices)
    except Exception:  # Pillow's decoders may raise nearly anything
        intact = False
    if not intact:
        raise ValueError(
            f"{path} is not as predict wrote it; move it elsewhere, or choose another --out"
        )
    return indices, record


def read_record(path: Path) -> dict[str, Any]:
    """What a label was made from, without a look at its pixels; empty if predict wrote no such."""
    with suppress(Exception), Image.open(path) as picture:  # as above
        record: dict[str, Any] = json.loads(picture.info[RECORD])
        return record
    return {}


def is_label(path: Path) -> bool:
    """Whether a PNG is a label written by predict; the PNG is not decoded."""
    return bool(read_record(path))


def digest_of(indices: np.ndarray) -> str:
    """SHA-256 of class indices, uint8 (H, W), and their shape."""
    digest = hashlib.sha256(repr(indices.shape).encode())
    digest.update(np.ascontiguousarray(indices).data)
    return digest.hexdigest()
