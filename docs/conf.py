"""How Sphinx makes the site of docs/: `make site`."""

import os
import re
from contextlib import suppress
from importlib.metadata import version as installed
from pathlib import Path
from pkgutil import walk_packages
from types import FunctionType
from typing import Any, get_type_hints

from pydantic import BaseModel
from sphinx.application import Sphinx

import darkfield

project = html_title = "darkfield"
version = release = installed("darkfield")
language = "en"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary"]
templates_path = exclude_patterns = ["site/templates"]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
INCLUDED = {  # files outside docs/, and the pages that include them
    "README.md": "index.md",
    "CHANGELOG.md": "site/changelog.md",
    "config/README.md": "site/workflows.md",
}

ROW = r"(\w+(?:, \w+)*): "  # of a docstring: names, and what they are
autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autosummary_context = {
    "packages": [m.name for m in walk_packages(darkfield.__path__, "darkfield.") if m.ispkg]
}
default_role = "py:obj"  # `name` in a docstring: a link if it is ours, else code
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 90

html_theme = "furo"
html_extra_path = ["../build/site"]  # made by docs/site_example.py
html_static_path = ["site/static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_search_summary = False  # it is fetched, which pages opened from disk may not do
html_show_copyright = False


def relink(folder: Path, source: list[str]) -> None:
    """Let links from `folder` of the repository, in a page's text, lead from docs/.

    A link whose text is the name of a page gets the page's title instead.
    """

    def link(found: re.Match[str]) -> str:
        text, target = found[1], os.path.normpath(folder / found[2])
        place = INCLUDED.get(target) or os.path.relpath(target, "docs")
        return f"[{'' if text.endswith('.md') else text}](/{place}"

    source[0] = re.sub(r"\[([^]]*)\]\((?!https?:|#)([^)#]+)", link, source[0])


def prose(lines: list[str]) -> None:
    """Let a docstring be what ours are, prose with backticks and rows, to reStructuredText."""
    text = re.sub(r"[*|]|(?<=\w)_(?!\w)", r"\\\g<0>", "\n".join(lines))
    blocks = text.split("\n\n")
    for i, block in enumerate(blocks):
        if re.match(ROW, block) and all(re.match(rf"{ROW}| ", s) for s in block.splitlines()):
            blocks[i] = re.sub(f"^{ROW}", r"``\1``\n    ", block, flags=re.M)
    lines[:] = "\n\n".join(blocks).split("\n")


def plain_types(function: Any) -> None:
    """Leave the checks of pydantic out of a signature: `int` for Annotated[int, Gt(0)]."""
    if isinstance(function, FunctionType):
        # Where a name is imported for type checkers only, annotations stay as they are.
        with suppress(NameError):
            function.__annotations__ = get_type_hints(function)


def signature(kind: str, thing: Any) -> tuple[str, str] | None:
    """Another signature than the default: none for sections of settings, which have a page."""
    return ("", "") if kind == "class" and issubclass(thing, BaseModel) else None


def skip(member: Any) -> bool | None:
    """Leave out a member whose docstring is the one that a NamedTuple gives its fields."""
    return str(member.__doc__).startswith("Alias for field number") or None


def setup(app: Sphinx) -> None:
    app.connect("source-read", lambda _, page, text: relink(Path("docs", page).parent, text))
    app.connect("include-read", lambda _, path, page, text: relink("docs" / path.parent, text))
    app.connect("autodoc-process-docstring", lambda *given: prose(given[-1]))
    app.connect("autodoc-before-process-signature", lambda _, thing, bound: plain_types(thing))
    app.connect("autodoc-process-signature", lambda *given: signature(given[1], given[3]))
    app.connect("autodoc-skip-member", lambda *given: skip(given[3]))
