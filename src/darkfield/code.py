"""Which code a script runs: every module of darkfield that it imports, directly or not."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parent


def imported(source: Path) -> set[Path]:
    """The package's modules that a Python file names in an import statement, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    stems = (name.removeprefix("darkfield.") for name in names if name.startswith("darkfield."))
    return {path for stem in stems if (path := PACKAGE / f"{stem}.py").exists()}


def modules(script: Path) -> list[Path]:
    """All modules of the package that running `script` can import, sorted."""
    found: set[Path] = set()
    new = imported(script)
    while new:
        found |= new
        new = {m for source in new for m in imported(source)} - found
    return sorted(found)
