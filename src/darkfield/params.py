"""params.yaml: checked against workflow/schemas/params.schema.yaml before anything runs."""

import contextlib
import copy
import difflib
import functools
import json
import math
import operator
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from darkfield import one_yaml
from darkfield.classes import class_names, wrong_names
from darkfield.files import UserError

TABLES = ("classes", "mask_values")  # of data: mappings whose keys are the user's


def number(_: Any, value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


# JSON schema takes NaN for a number, and 3.0 for an integer, which range() does not.
TYPES = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("number", number)
TYPES = TYPES.redefine("integer", lambda _, value: type(value) is int)
VALIDATOR = jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=TYPES)


def load(path: Path) -> dict[str, Any]:
    """The params of a YAML file, unchecked.

    Raises UserError if it is missing, no YAML, has a key twice, or if Snakemake and DVC read it
    differently.
    """
    try:
        text = path.read_text(encoding="utf-8")
        params = one_yaml.read(text)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; go to a clone of the project") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: is not YAML; correct it ({reason})") from error
    if not isinstance(params, dict) or not params:
        raise UserError(f"{path}: holds no keys; copy one of presets/ over it")
    if problems := one_yaml.ambiguities(text, params):
        raise UserError(*(f"{path}: {problem}" for problem in problems))
    return params


def replace_tables(params: dict[str, Any], layers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The params, with each table as the last of `layers` has it that has it at all.

    Snakemake merges mappings: what a user's --configfile leaves out of a table would stay.
    """
    data = dict(params["data"])
    for layer in layers:
        if isinstance(of_layer := layer.get("data"), dict):
            data |= {table: of_layer[table] for table in TABLES if table in of_layer}
    return params | {"data": data}


def check(params: dict[str, Any], schema: Path) -> dict[str, Any]:
    """Return the params, ordered, with the keys of data.mask_values as text ("0", "#rrggbb").

    Numbers may be text: Snakemake hands on `--config train='{epochs: 3}'` as {"epochs": "3"}, and
    its YAML takes 1e-3, without a point, for text.

    Raises UserError with one line for each thing that is wrong: what a JSON schema can say (types,
    ranges, unknown and missing keys), then how values must agree with each other.
    """
    data, problems = params.get("data"), []
    if isinstance(data, dict) and isinstance(data.get("mask_values"), dict):
        # YAML reads an unquoted 0 as a number, but JSON (schema, metrics, DVC) has only text keys.
        problems = contradictions(data["mask_values"])
        values = {str(k).lower(): v for k, v in data["mask_values"].items()}
        params = params | {"data": data | {"mask_values": values}}
    validator = VALIDATOR(yaml.safe_load(schema.read_text()))
    params = numbered(params, validator)
    errors = sorted(validator.iter_errors(params), key=lambda e: [str(p) for p in e.absolute_path])
    problems += [line for error in errors for line in describe(error)] or disagreements(params)
    if problems:
        raise UserError(*(f"params.yaml: {p}" for p in problems))
    return ordered(params)


def contradictions(mask_values: dict[Any, Any]) -> list[str]:
    """A line for each value of a mask that several keys ("2", "02", 2) give different classes."""
    spelled: dict[str, dict[str, Any]] = {}
    for key, name in mask_values.items():
        value = str(key).lower()
        if re.fullmatch(r"#([0-9a-f]{2})\1\1", value):
            value = str(int(value[1:3], 16))
        spelled.setdefault(value.lstrip("0") or "0", {})[repr(key)] = name
    return [
        f"data.mask_values: {', '.join(names)} are one value, but stand for "
        f"{' and '.join(sorted(set(map(str, names.values()))))}; keep one"
        for names in spelled.values()
        if len(set(map(str, names.values()))) > 1
    ]


def ordered(params: dict[str, Any]) -> dict[str, Any]:
    """Params with sorted keys, classes by index: to Snakemake another order is another value."""

    def by_key(value: Any) -> Any:
        return {k: by_key(value[k]) for k in sorted(value)} if isinstance(value, dict) else value

    classes = params["data"]["classes"]
    data = by_key(params["data"]) | {"classes": {c: classes[c] for c in class_names(classes)}}
    return by_key(params) | {"data": data}


def numbered(params: dict[str, Any], validator: jsonschema.protocols.Validator) -> dict[str, Any]:
    """A copy of the params in which text that the schema refuses is a number or a boolean."""
    params = copy.deepcopy(params)
    errors = list(validator.iter_errors(params))
    for error in errors:
        errors += error.context  # the alternatives of anyOf
        if isinstance(error.instance, str) and "propertyNames" not in error.absolute_schema_path:
            *parents, last = error.absolute_path
            parent = functools.reduce(operator.getitem, parents, params)
            with contextlib.suppress(ValueError):
                parent[last] = json.loads(error.instance.lower())
    return params


def describe(error: jsonschema.ValidationError) -> list[str]:
    """A schema violation as lines that name the key, what is wrong, and what is allowed."""
    key = ".".join(str(p) for p in error.absolute_path)
    at = f"{key}: " if key else ""
    match error.validator:
        case "additionalProperties":
            allowed = error.schema["properties"]
            unknown = [str(k) for k in error.instance if k not in allowed]
            return [f"{at}unknown key {k!r}{nearest(k, allowed)}" for k in unknown]
        case "required":
            return [f"{at}{error.message.replace(' is a required property', ' is missing')}"]
        case "enum":
            return [f"{at}{error.instance!r} is not one of {', '.join(error.validator_value)}"]
        case "pattern" | "type" if "description" in error.schema:
            return [f"{at}{error.instance!r} is not {error.schema['description']}"]
        case "anyOf":
            allowed = "; or ".join(
                " ".join(e.message for e in group) for group in alternatives(error)
            )
            return [f"{at}{error.instance!r} fits none of what is allowed ({allowed})"]
        case _:
            return [f"{at}{error.message}"]


def alternatives(error: jsonschema.ValidationError) -> list[list[jsonschema.ValidationError]]:
    groups: dict[Any, list[jsonschema.ValidationError]] = {}
    for sub in error.context:
        groups.setdefault(sub.schema_path[0], []).append(sub)
    return list(groups.values())


def nearest(key: str, allowed: dict[str, Any]) -> str:
    close = difflib.get_close_matches(key, allowed, n=1)
    return f"; did you mean {close[0]!r}?" if close else f" (known: {', '.join(allowed)})"


def disagreements(params: dict[str, Any]) -> list[str]:
    """What is wrong between values that are each right; `params` has passed the schema."""
    classes, split, train = params["data"]["classes"], params["split"], params["train"]
    epoch, weights = params["select"]["epoch"], train["class_weights"]
    low, high = params["synthesize"]["size"]
    problems = [f"data.classes: {problem}" for problem in wrong_names(classes)]
    problems += [
        f"data.mask_values: {value!r} is mapped to {name!r}, which data.classes does not have"
        for value, name in params["data"]["mask_values"].items()
        if name not in classes
    ]
    if sorted(classes.values()) != list(range(len(classes))) or classes.get("background") != 0:
        problems.append("data.classes: must count 0, 1, 2, ... and begin with background: 0")
    if not math.isclose(total := split["train"] + split["val"] + split["test"], 1):
        problems.append(f"split: train, val and test add up to {total:g}, not 1")
    if split["val"] == 0 and epoch == "best":
        problems.append("select.epoch: 'best' needs a val split; set split.val, or give a number")
    if epoch != "best" and epoch > train["epochs"]:
        problems.append(f"select.epoch: {epoch} is beyond train.epochs: {train['epochs']}")
    if isinstance(weights, list) and len(weights) != len(classes):
        problems.append(f"train.class_weights: {len(weights)} weights for {len(classes)} classes")
    if (processes := train["processes"]) > train["batch_size"]:
        problems.append(
            f"train.processes: {processes} cannot share batches of {train['batch_size']}"
        )
    if processes > 1 and train["compile"]:
        problems.append("train.compile: works in one process alone; set train.processes: 1")
    if params["model"]["notebook_head"] and params["model"]["name"] != "segnet":
        problems.append("model.notebook_head: only segnet has it")
    if low > high:
        problems.append(f"synthesize.size: [{low}, {high}] is not [shortest, longest]")
    if (times := params["synthesize"]["magnification"]) != sorted(times):
        problems.append(f"synthesize.magnification: {times} is not [smallest, largest]")
    return problems + disagreeing_sizes(params)


def disagreeing_sizes(params: dict[str, Any]) -> list[str]:
    """What is wrong between image_size, crops, tiles and what the model takes."""
    model, augment, crop = params["model"], params["augment"], params["train"]["crop"]
    seen = params["image_size"] if crop == "none" else crop
    if seen == "native":
        return ["image_size: native pictures differ in size; set train.crop"]
    problems = []
    if params["train"]["pretrained_weights"] != "none" != model["encoder_weights"]:
        problems.append("model.encoder_weights: train.pretrained_weights replaces them; set none")
    if model["name"].startswith("segnet"):
        if model["encoder_weights"] != "none":
            problems.append(f"model.encoder_weights: {model['name']} has no encoder to load")
    else:
        if any(side % 32 for side in [*seen, *params["predict"]["tile"]]):
            problems.append(
                f"model.name: {model['name']} takes sides that 32 divides; change image_size, "
                "train.crop or predict.tile"
            )
        if (n := len(model["decoder_channels"])) != (depth := model["encoder_depth"]):
            problems.append(f"model.decoder_channels: {n} stages, but encoder_depth is {depth}")
    if augment["turn"] and seen[0] != seen[1]:
        problems.append("augment.turn: needs squares; change train.crop or image_size")
    if crop == "none" and (augment["foreground"] or augment["scale"] != [1, 1]):
        problems.append("augment: foreground and scale are of crops; set train.crop")
    if augment["scale"] != sorted(augment["scale"]):
        problems.append(f"augment.scale: {augment['scale']} is not [smallest, largest]")
    return problems
