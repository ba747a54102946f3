"""YAML that Snakemake (PyYAML, YAML 1.1) and DVC (ruamel.yaml, YAML 1.2) read alike."""

import json
from collections.abc import Iterator
from typing import Any

import yaml


class Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which refuses a key that stands twice in one mapping."""

    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> dict:
        if isinstance(node, yaml.MappingNode):
            keys = []
            for key, _ in node.value:
                name = self.construct_object(key, deep=True)
                if name in keys:
                    line = key.start_mark.line + 1
                    raise yaml.YAMLError(f"{name!r} stands twice, again in line {line}; keep one")
                keys.append(name)
        return super().construct_mapping(node, deep)


def read(text: str) -> Any:
    """What YAML holds; raises yaml.YAMLError if it is none or has a key twice."""
    return yaml.load(text, Loader)


def ambiguities(text: str, ours: Any) -> list[str]:
    """A line for each key or value of YAML that DVC does not read as `ours`, which read() gave."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        theirs = YAML(typ="safe").load(text)  # as dvc.utils.serialize does
    except (YAMLError, ValueError) as error:
        return [f"DVC cannot read it; correct it ({' '.join(str(error).split())})"]
    return list(differences(ours, theirs))


def differences(ours: Any, theirs: Any, at: str = "") -> Iterator[str]:
    """The lines of `ambiguities` for two trees; `at` is the key of both."""
    if isinstance(ours, dict) and isinstance(theirs, dict) and len(ours) == len(theirs):
        for (key, value), (their_key, their_value) in zip(
            ours.items(), theirs.items(), strict=True
        ):
            below = f"{at}.{key}" if at else str(key)
            if not alike(key, their_key):
                yield ambiguous(f"{at}: key" if at else "key", key, their_key)
            else:
                yield from differences(value, their_value, below)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for i, (value, their_value) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(value, their_value, f"{at}.{i}")
    elif not alike(ours, theirs):
        yield ambiguous(at, ours, theirs)


def ambiguous(at: str, ours: Any, theirs: Any) -> str:
    remedy = "quote it if it is text; else write a plain decimal number, true or false"
    return f"{at}: is {ours!r} to Snakemake and {theirs!r} to DVC; {remedy}"


def alike(ours: Any, theirs: Any) -> bool:
    """Whether two scalars come to the same; 1e-3 is text to PyYAML, which params.check reads."""
    if isinstance(ours, str) and type(theirs) in (int, float):
        try:
            return float(json.loads(ours)) == theirs
        except (ValueError, TypeError):
            return False
    return repr(ours) == repr(theirs)
