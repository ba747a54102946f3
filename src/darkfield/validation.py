"""params.yaml read from a file and checked: everything that is wrong, one line per key."""

import difflib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from darkfield.files import UserError
from darkfield.params import Params
from darkfield.schema import section, words
from darkfield.values import PROBLEM

TABLES = ("classes", "mask_values")  # of data: mappings whose keys are the user's
OF_CLASSES = ("objects", "colours")  # sections that are such mappings
SECTIONS = list(Params.model_fields)
LONGEST = 60  # number of characters of a wrong value to show


def load(path: Path) -> dict[str, Any]:
    """The params of a YAML file, unchecked.

    Raises UserError if it is missing or not YAML, if it has a key twice, or if Snakemake (PyYAML,
    YAML 1.1) and DVC (ruamel.yaml, YAML 1.2) read it differently.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import DuplicateKeyError
    from ruamel.yaml.error import YAMLError

    try:
        text = path.read_text(encoding="utf-8")
        to_dvc = YAML(typ="safe").load(text)
        to_snakemake = yaml.safe_load(text)
    except FileNotFoundError as error:
        remedy = (
            f"go to a clone of the project, or write one in {Path.cwd()} with darkfield use best"
            if path == Path("params.yaml")
            else "correct its name"
        )
        raise UserError(f"{path}: no such file; {remedy}") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except DuplicateKeyError as error:
        line = error.problem_mark.line
        source = shown(text.splitlines()[line].strip())
        raise UserError(f"{path}: line {line + 1}, {source}, repeats a key; keep one") from error
    except (YAMLError, yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: is not YAML; correct it ({reason})") from error
    if not isinstance(to_snakemake, dict) or not to_snakemake:
        raise UserError(f"{path}: holds no keys; restore it with git checkout {path.name}")
    if ambiguous := list(differences(to_snakemake, to_dvc)):
        raise UserError(*(f"{path}: {problem}" for problem in ambiguous))
    return to_snakemake


def differences(ours: Any, theirs: Any, at: str = "") -> Iterator[str]:
    """One line for each key or value that is `ours` to Snakemake, but something else to DVC."""
    if isinstance(ours, dict) and isinstance(theirs, dict) and len(ours) == len(theirs):
        for (key, value), (their_key, their_value) in zip(
            ours.items(), theirs.items(), strict=True
        ):
            if alike(key, their_key):
                yield from differences(value, their_value, f"{at}.{key}" if at else str(key))
            else:
                yield ambiguous(f"{at}: key" if at else "key", key, their_key)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for i, (value, their_value) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(value, their_value, f"{at}.{i}")
    elif not alike(ours, theirs):
        yield ambiguous(at, ours, theirs)


def ambiguous(at: str, ours: Any, theirs: Any) -> str:
    remedy = "quote it if it is text; else write a plain decimal number, true or false"
    return f"{at}: is {ours!r} to Snakemake and {theirs!r} to DVC; {remedy}"


def alike(ours: Any, theirs: Any) -> bool:
    """Whether two scalars mean the same; PyYAML reads 1e-3 as text, which `check` accepts."""
    if isinstance(ours, str) and type(theirs) in (int, float):
        try:
            return bool(float(json.loads(ours)) == theirs)
        except (ValueError, TypeError):
            return False
    return repr(ours) == repr(theirs)


def merged(params: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The params with the keys of `changes`, section by section."""
    return params | {
        name: params[name] | value
        if isinstance(value, dict) and isinstance(params.get(name), dict)
        else value
        for name, value in changes.items()
    }


def completed(given: dict[str, Any], module: str) -> dict[str, Any]:
    """The params of a `module` statement's config, which may leave out what is as by default.

    Raises UserError as `check` does.
    """
    params = merged(Params().plain(), given)
    if isinstance(data := given.get("data", {}), dict):
        params = replace_tables(params, [given])
        if "classes" in data and "objects" not in given:
            params["objects"] = {}  # the default names other classes
    return check(params, f"config of module {module}").plain()


def replace_tables(params: dict[str, Any], layers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The params, with each table taken from the last of `layers` that has it.

    Snakemake merges mappings: entries that a user's --configfile leaves out would stay.
    """
    data, whole = dict(params["data"]), dict[str, Any]()
    for layer in layers:
        whole |= {name: layer[name] for name in OF_CLASSES if name in layer}
        if isinstance(of_layer := layer.get("data"), dict):
            data |= {table: of_layer[table] for table in TABLES if table in of_layer}
    return params | whole | {"data": data}


def check(params: dict[str, Any], file: str = "params.yaml") -> Params:
    """The params of a complete params.yaml.

    Raises UserError with one line for each key that is missing, unknown or invalid; if there is
    none, for all values that contradict each other.
    """
    found = list(missing(params))
    try:
        checked = Params.model_validate(params)
    except ValidationError as error:
        found += described(error, params)
    if found:
        raise UserError(*(f"{file}: {line}" for line in sorted(set(found))))
    return checked


def missing(params: dict[str, Any]) -> Iterator[str]:
    """One line for each key that params.yaml lacks: DVC can only set keys that exist."""
    for name, field in Params.model_fields.items():
        if name not in params:
            yield f"{name!r} is missing"
        elif isinstance(params[name], dict):
            of_section = getattr(field.annotation, "model_fields", {})
            yield from (f"{name}: {k!r} is missing" for k in of_section if k not in params[name])


def described(error: ValidationError, params: dict[str, Any]) -> Iterator[str]:
    """What pydantic finds wrong, as lines that name the key and what it may be."""
    for detail in error.errors(include_url=False):
        name, inner = (*map(str, detail["loc"]), "")[:2]
        known = section(name).get("properties", {}) if name in Params.model_fields else {}
        key = f"{name}.{inner}" if inner in known else name
        if detail["type"] == PROBLEM:
            yield f"{key}: {detail['msg']}"
        elif detail["type"] in ("extra_forbidden", "invalid_key"):
            at, unknown, others = (
                (f"{name}: ", inner, list(known)) if known else ("", name, SECTIONS)
            )
            yield f"{at}unknown key {unknown!r}{nearest(unknown, others)}"
        elif inner in known:
            yield f"{key}: {shown(params[name][inner])} is not {words(known[inner])}"
        else:
            yield f"{key}: {shown(params[name])} is not {words(section(name))}"


def shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def nearest(key: str, allowed: Iterable[str]) -> str:
    close = difflib.get_close_matches(key, allowed, n=1)
    return f"; did you mean {close[0]!r}?" if close else f" (known: {', '.join(allowed)})"
