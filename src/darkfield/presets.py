"""Recipes: presets/NAME.yaml holds what differs from the defaults of params.yaml."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkfield.files import UserError, atomic
from darkfield.params import Params
from darkfield.shipped import shipped
from darkfield.validation import check, load, merged

if TYPE_CHECKING:
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap

PRESETS = Path("presets")
OWN = (
    "data",
    "objects",
    "colours",
    "pictures",
    "publish",
)  # sections that are the user's in any recipe
OWN_KEYS = {"split": ("file", "group_by")}  # keys of others that are


def names() -> list[str]:
    """The names of the presets."""
    return sorted(path.stem for path in shipped(PRESETS).glob("*.yaml"))


def read(name: str) -> dict[str, Any]:
    """What a preset changes in the defaults; raises UserError if it is missing or invalid."""
    path = shipped(PRESETS) / f"{name}.yaml"
    if name not in names():
        raise UserError(f"{path}: no such preset (known: {', '.join(names())})")
    changes = load(path)
    keys = (f"{s}.{key}" for s, own in OWN_KEYS.items() for key in own if key in changes.get(s, ()))
    if own := [*(section for section in OWN if section in changes), *keys]:
        raise UserError(*(f"{path}: {key} is set in params.yaml only; remove it" for key in own))
    check(merged(Params().plain(), changes), str(path))
    return changes


def use(name: str, path: Path) -> None:
    """Set params.yaml to the defaults and what a preset changes in them.

    Its comments, its order, the sections OWN and OWN_KEYS of others stay; those of the project's
    own, if there is none yet. Raises UserError if there is no such preset and, after the file is
    written, if the recipe contradicts the data.
    """
    recipe, source = merged(Params().plain(), read(name)), shipped(path)
    load(source)  # ruamel.yaml would say less about what is wrong with it
    yaml = round_trip()
    document = yaml.load(source.read_text(encoding="utf-8"))
    for section, value in recipe.items():
        if section not in OWN and isinstance(value, dict):
            if not isinstance(document.get(section), dict):
                document[section] = type(document)()
            own = document[section].keys() & OWN_KEYS.get(section, ())
            for key, of_key in value.items():
                if key in own:
                    continue
                put(document[section], key, of_key)
        elif section not in OWN:
            put(document, section, value)
    with atomic(path) as part, part.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)
    check(load(path), str(path))


def round_trip() -> "YAML":
    """A reader and writer of YAML that keeps comments and quotes, and else writes as DVC does."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 1000
    return yaml


def put(mapping: "CommentedMap", key: str, value: Any) -> None:
    """Set a key to a value; the comment follows after one space."""
    from ruamel.yaml.error import CommentMark

    if mapping.get(key, ...) == value:
        return
    mapping[key] = value
    if comment := mapping.ca.items.get(key, [None] * 3)[2]:
        comment.start_mark = CommentMark(0)
