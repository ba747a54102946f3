"""Which code a script runs: every module of the package that it imports, directly or not."""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from darkfield.files import sha256

PACKAGE = Path(__file__).parent.parent


def modules(script: Path) -> list[Path]:
    """All files of the package that running `script` can import, sorted.

    Imports count wherever they stand in a file. A module brings with it the `__init__.py` of each
    package around it. Raises ImportError for a name of the package that no file defines.
    """
    found: set[Path] = set()
    new = imported(script)
    while new:
        found |= new
        new = {file for source in new for file in imported(source)} - found
    return sorted(found)


def code_files(script: Path) -> list[Path]:
    """A rule's script and the modules that it runs."""
    return [script, *modules(script)]


def code_digest(files: Iterable[Path]) -> str:
    """SHA-256 over the names and contents of files, those of the package named by their paths."""
    lines = (f"{name(path)} {sha256(path)}\n" for path in files)
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def name(path: Path) -> str:
    inside = path.is_relative_to(PACKAGE)
    return path.relative_to(PACKAGE).as_posix() if inside else path.name


def imported(source: Path) -> set[Path]:
    """The package's files that the import statements of one Python file run."""
    return {
        file
        for module, names, line in statements(source.read_text(encoding="utf-8"), home(source))
        if module.split(".")[0] == PACKAGE.name
        for file in resolved(module, names, f"{source}, line {line}")
    }


def home(source: Path) -> tuple[str, ...]:
    """The package that a file's relative imports start from; () outside our package."""
    folder = source.resolve().parent
    if not folder.is_relative_to(PACKAGE):
        return ()
    return (PACKAGE.name, *folder.relative_to(PACKAGE).parts)


@cache  # one file is imported by many
def statements(text: str, home: tuple[str, ...]) -> tuple[tuple[str, tuple[str, ...], int], ...]:
    """Each import in a source file: the module's full name, the imported names, the line."""

    def found() -> Iterator[tuple[str, tuple[str, ...], int]]:
        for node in run_nodes(ast.parse(text)):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield alias.name, (), node.lineno
            elif isinstance(node, ast.ImportFrom):
                around = home[: len(home) - node.level + 1] if node.level else ()
                module = ".".join([*around, *filter(None, [node.module])])
                yield module, tuple(alias.name for alias in node.names), node.lineno

    return tuple(found())


def run_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes except those that only a type checker sees."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from run_nodes(node)


def resolved(module: str, names: Iterable[str], where: str) -> set[Path]:
    """The files that `import module` or `from module import names` runs."""
    parts = module.split(".")[1:]
    files = {file_of(parts[:depth], where) for depth in range(len(parts) + 1)}
    last = file_of(parts, where)
    if last.name == "__init__.py":
        for name in names:
            if (last.parent / f"{name}.py").exists() or (last.parent / name).is_dir():
                files.add(file_of([*parts, name], where))
            elif name != "*" and name not in defined(last.read_text(encoding="utf-8")):
                raise ImportError(f"{where}: {module} has no {name}")
    return files


def file_of(parts: list[str], where: str) -> Path:
    """The file of a module of the package; `parts` is what follows the package's name."""
    path = PACKAGE.joinpath(*parts)
    for file in (path / "__init__.py", path.with_suffix(".py")):
        if file.exists():
            return file
    raise ImportError(f"{where}: no module {'.'.join([PACKAGE.name, *parts])}")


def defined(text: str) -> set[str]:
    """The names that a source binds at its top level."""
    names = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    return names
