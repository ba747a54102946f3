"""Which code a script runs: every module of the package that it imports, directly or not."""

import ast
import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from darkfield.files import read_json, sha256, write_json

PACKAGE = Path(__file__).parent.parent
STATEMENTS = Path(".snakemake/darkfield-imports.json")  # the import statements of known sources
Statements = list[tuple[str, int, list[str], int]]  # of `statements`


def imported(source: Path) -> set[Path]:
    """The package's files that the import statements of one Python file run."""
    return files_of(statements(source.read_bytes()), source)


def modules(script: Path, imported: Callable[[Path], set[Path]] = imported) -> list[Path]:
    """All files of the package that running `script` can import, sorted.

    Imports count wherever they stand in a file. A module brings with it the `__init__.py` of each
    package around it. Raises ImportError for a name of the package that no file defines.
    """
    found: set[Path] = set()
    new = imported(script)
    while new:
        found |= new
        new = set().union(*map(imported, new)) - found
    return sorted(found)


def code_files(script: Path) -> list[Path]:
    """A rule's script and the modules that it runs."""
    return [script, *modules(script)]


def code_digest(files: Iterable[Path], digest: Callable[[Path], str] = sha256) -> str:
    """SHA-256 over the names and contents of files, those of the package named by their paths."""
    lines = (f"{name(path)} {digest(path)}\n" for path in files)
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def code_digests(scripts: Iterable[Path], store: Path) -> dict[str, str]:
    """The code_digest of the code_files of each script, by its name without suffix.

    All files are read, each once, but parsed only if `store`, a JSON file that this function keeps,
    lacks the import statements of what they hold.
    """
    known: dict[str, Statements] = {}
    with suppress(OSError, ValueError):  # not there yet, or damaged
        known = read_json(store)
    seen: dict[str, Statements] = {}

    @cache
    def source(path: Path) -> tuple[str, set[Path]]:
        text = path.read_bytes()
        digest = hashlib.sha256(text).hexdigest()
        seen[digest] = known[digest] if digest in known else statements(text)
        return digest, files_of(seen[digest], path)

    digests = {}
    for script in scripts:
        files = [script, *modules(script, lambda path: source(path)[1])]
        digests[script.stem] = code_digest(files, lambda path: source(path)[0])
    if seen.keys() - known.keys():
        with suppress(OSError):  # it only saves time
            write_json(store, seen)
    return digests


def name(path: Path) -> str:
    inside = path.is_relative_to(PACKAGE)
    return path.relative_to(PACKAGE).as_posix() if inside else path.name


@cache  # one file is imported by many
def statements(text: bytes) -> Statements:
    """Each import in a source: the module, the dots before it, the imported names, the line."""
    found: Statements = []
    for node in run_nodes(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [(alias.name, 0, [], node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [alias.name for alias in node.names]
            found.append((node.module or "", node.level, names, node.lineno))
    return found


def run_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All statements except those that only a type checker sees."""
    for _, field in ast.iter_fields(tree):
        for node in field if isinstance(field, list) else ():
            checks = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            if isinstance(node, ast.stmt | ast.excepthandler | ast.match_case) and not checks:
                yield node
                yield from run_nodes(node)


def files_of(statements: Statements, source: Path) -> set[Path]:
    """The package's files that the import statements of one Python file run."""
    found, around = set(), home(source)
    for module, level, names, line in statements:
        inside = around[: len(around) - level + 1] if level else ()
        full = ".".join([*inside, *filter(None, [module])])
        if full.partition(".")[0] == PACKAGE.name:
            found |= resolved(full, names, f"{source}, line {line}")
    return found


def home(source: Path) -> tuple[str, ...]:
    """The package that a file's relative imports start from; () outside our package."""
    folder = source.resolve().parent
    if not folder.is_relative_to(PACKAGE):
        return ()
    return (PACKAGE.name, *folder.relative_to(PACKAGE).parts)


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
