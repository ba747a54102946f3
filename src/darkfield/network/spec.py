"""A model folder's model.json: what it says of a model, read and checked."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema

from darkfield.classes import class_names
from darkfield.files import UserError, read_json

WEIGHTS, SPEC = "model.safetensors", "model.json"
SIDES = {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 4096}}
SIDES |= {"minItems": 2, "maxItems": 2}
CHANNELS = {
    "type": "array",
    "items": {"type": "number", "minimum": 0},
    "minItems": 3,
    "maxItems": 3,
}
SCHEMA = {  # of a model.json, as far as a prediction needs it: JSON schema
    "type": "object",
    "required": ["model", "classes", "mean", "std", "image_size", "predict"],
    "properties": {
        "model": {"type": "object", "required": ["name"]},
        "classes": {"type": "object", "minProperties": 2, "maxProperties": 256},
        "mean": CHANNELS,
        "std": CHANNELS,
        "image_size": {"anyOf": [{"const": "native"}, SIDES]},
        "predict": {
            "type": "object",
            "required": ["tile", "overlap", "tta"],
            "properties": {
                "tile": SIDES,
                "overlap": {"type": "number", "minimum": 0, "maximum": 0.9},
                "tta": {"type": "boolean"},
            },
        },
    },
}


def read_spec(
    folder: Path, *, weights: Path | None = None, predict: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The model.json of a model folder, with `predict` as that section, if it is given.

    Raises UserError if the folder does not hold a model; `weights` may lie elsewhere.
    """
    if missing := [f for f in (weights or folder / WEIGHTS, folder / SPEC) if not f.is_file()]:
        raise UserError(
            *(f"{path}: no such file; --model names a model's folder" for path in missing)
        )
    with readable(folder):
        spec = read_json(folder / SPEC)
        if predict is not None:
            spec["predict"] = predict
        for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(spec):
            raise ValueError(f"model.json: {error.json_path.removeprefix('$.')}: {error.message}")
        classes = spec["classes"]
        if sorted(classes.values()) != list(range(len(classes))) or classes.get("background") != 0:
            raise ValueError("model.json: classes: must count 0, 1, 2, ..., background first")
        return spec


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Turn what a model.json makes fail into a UserError."""
    try:
        yield
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{folder}: not a model that this version can read ({reason})") from error


def described(spec: dict) -> str:
    """In a line, what a model.json says of its model: network, classes, training images."""
    n = len(spec.get("trained_on", {}))
    images = f"{n} image{'s' * (n > 1)}" if n else "images that it does not list"
    if "data" in spec:
        images += f" ({spec['data'].partition('. ')[0]})"
    classes = ", ".join(class_names(spec["classes"]))
    return f"{spec['model']['name']} for {classes}; trained on {images}"
