"""The JSON schema of params.yaml for editors, and the same in words for people.

`python -m darkfield.schema` writes both: workflow/schemas/params.schema.json, docs/settings.md.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from darkfield.command import command
from darkfield.files import atomic
from darkfield.params import Params

SCHEMA = Path("workflow/schemas/params.schema.json")
DOCS = Path("docs/settings.md")
HEAD = """\
# Settings

For anyone who edits `params.yaml`. Editors that know the YAML language server (VS Code with its
YAML extension, Neovim, Emacs) complete and check the file as you type. A mistake stops a run before
it starts, with all problems at once. `darkfield use NAME` sets everything to the defaults below and
what `presets/NAME.yaml` changes in them, except `data`, `objects`, `colours`, `pictures`,
`publish`, `split.file`, `split.group_by`.

[split.md](split.md) says more about `split`. This page is written by `make docs/settings.md`.
"""


class Untitled(GenerateJsonSchema):
    """A schema without the titles that pydantic makes from the names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


@cache
def json_schema() -> dict[str, Any]:
    """The JSON schema (2020-12) of params.yaml; the check also accepts numbers given as text."""
    schema = Params.model_json_schema(schema_generator=Untitled)
    for part in (schema, *schema["$defs"].values()):
        del part["title"]
        part["required"] = list(part["properties"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def section(name: str) -> dict[str, Any]:
    """The schema of a top-level key of params.yaml."""
    schema = json_schema()
    of_key: dict[str, Any] = schema["properties"][name]
    if "$ref" in of_key:
        of_key = schema["$defs"][of_key["$ref"].rpartition("/")[2]]
    return of_key


def words(schema: dict[str, Any]) -> str:
    """What a JSON schema allows: "a whole number from 1 to 9999"."""
    match schema:
        case {"anyOf": options}:
            return ", or ".join(map(words, options))
        case {"const": value}:
            return str(value)
        case {"enum": [*values, last]}:
            return f"{', '.join(values)} or {last}"
        case {"title": title}:
            return str(title)
        case {"type": "boolean"}:
            return "true or false"
        case {"type": "integer" | "number"}:
            return f"a {noun(schema)}{bounds(schema)}"
        case {"prefixItems": [item, *_] as items}:
            return f"a list of {len(items)} {noun(item)}s{bounds(item)}"
        case {"items": item}:
            return f"a list of {noun(item)}s{bounds(item)}"
        case {"type": "object"}:
            return "a mapping of keys to values"
        case _:
            return str(schema["type"])


def noun(schema: dict[str, Any]) -> str:
    return "whole number" if schema["type"] == "integer" else "number"


def bounds(schema: dict[str, Any]) -> str:
    match schema:
        case {"minimum": low, "maximum": high}:
            return f" from {low} to {high}"
        case _:
            limits = {
                "minimum": "of at least",
                "exclusiveMinimum": "above",
                "maximum": "at most",
                "exclusiveMaximum": "below",
            }
            found = [f"{text} {schema[key]}" for key, text in limits.items() if key in schema]
            return f" {' and '.join(found)}" if found else ""


def table() -> str:
    """docs/settings.md."""
    parts = [HEAD]
    for name in Params.model_fields:
        of_name = section(name)
        keys = of_name.get("properties", {name: of_name})
        about = f"{of_name['description']}\n\n" if "properties" in of_name else ""
        rows = [row(key, schema) for key, schema in keys.items()]
        head = "| key | default | what it may be | what it is |\n|---|---|---|---|\n"
        parts.append(f"## {name}\n\n{about}{head}{''.join(rows)}")
    return "\n".join(parts)


def row(key: str, schema: dict[str, Any]) -> str:
    default = json.dumps(schema["default"], ensure_ascii=False).strip('"')
    cells = [f"`{key}`", f"`{default}`", words(schema), schema["description"]]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def main() -> None:
    """Write both files."""
    for path, text in ((SCHEMA, json.dumps(json_schema(), indent=2) + "\n"), (DOCS, table())):
        with atomic(path) as part:
            part.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    with command():
        main()
