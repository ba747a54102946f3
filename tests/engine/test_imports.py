"""What a script runs, derived from its source, is what it imports when it is run."""

import ast
import json
import shutil
import subprocess
import sys

import pytest
from conftest import REPOSITORY

from darkfield.engine import imports
from darkfield.engine.imports import code_digest, code_files, modules

SCRIPTS = sorted((REPOSITORY / "workflow/scripts").glob("*.py"))
USES_TORCH = {
    *("train", "evaluate_batch", "overlays_batch", "html_report"),
    *("label_review", "predict_batch", "export"),
}
FILES = {
    "__init__.py": "",
    "a/__init__.py": "from darkfield import top\nKNOWN: int = 1\n",
    "a/x.py": "from . import y\n",
    "a/y.py": "",
    "b/__init__.py": "",
    "b/z.py": "from ..a.x import anything\n",
    "b/late.py": "def f():\n    import darkfield.b.z as z\n    return z\n",
    "top.py": "",
}
A, B = {"__init__.py", "a/__init__.py", "top.py"}, {"__init__.py", "b/__init__.py"}


def statements(path):
    """The import statements of a file, those inside functions too, as source."""
    tree = ast.parse(path.read_text())
    found = [n for n in imports.run_nodes(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
    return "\n".join(ast.unparse(n) for n in found)


def loaded_by(source):
    """The modules that a program loads, by name, and their files."""
    program = (
        f"{source}\nimport sys, json\nprint(json.dumps({{name: getattr(module, '__file__', None) "
        "for name, module in sys.modules.items()}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    return json.loads(done.stdout)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small package of the same name."""
    folder = tmp_path / "darkfield"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.setattr(imports, "PACKAGE", folder)
    return folder


def of(package, source):
    script = package.parent / "script.py"
    script.write_text(source)
    return {path.relative_to(package).as_posix() for path in modules(script)}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_modules_are_those_that_python_loads(script):
    derived = modules(script)
    loaded = loaded_by("\n".join(statements(m) for m in [script, *derived]))
    ours = {file for name, file in loaded.items() if name.split(".")[0] == "darkfield"}
    assert ours == set(map(str, derived))
    assert ("torch" in loaded) == (script.stem in USES_TORCH)


def test_a_script_for_every_rule():
    assert len(SCRIPTS) == 24


@pytest.mark.parametrize(
    ("source", "files"),
    [
        ("import json, os.path", set()),
        ("import darkfield", {"__init__.py"}),
        ("import darkfield.a.x", A | {"a/x.py", "a/y.py"}),
        ("import darkfield.a.y as name", A | {"a/y.py"}),
        ("from darkfield.a import x, KNOWN", A | {"a/x.py", "a/y.py"}),
        ("from darkfield.a import *", A),
        ("from darkfield import b", B),
        ("if TYPE_CHECKING:\n    import darkfield.b", set()),
        ("from darkfield.b.z import name", A | B | {"b/z.py", "a/x.py", "a/y.py"}),
        ("import darkfield.b.late", A | B | {"b/late.py", "b/z.py", "a/x.py", "a/y.py"}),
    ],
)
def test_every_form_of_import_is_followed(package, source, files):
    assert of(package, source) == files


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import darkfield.c", "script.py, line 1: no module darkfield.c"),
        ("\nfrom darkfield.a.w import f", "script.py, line 2: no module darkfield.a.w"),
        ("from darkfield.a import w", "script.py, line 1: darkfield.a has no w"),
    ],
)
def test_what_no_file_defines_is_an_error(package, source, said):
    with pytest.raises(ImportError, match=said):
        of(package, source)


def test_the_digest_is_of_every_file_and_of_its_name(package):
    script = package.parent / "workflow/scripts/train.py"
    script.parent.mkdir(parents=True)
    script.write_text("import darkfield.a.x")
    files = code_files("train", package.parent)
    digest = code_digest(files)
    assert digest == code_digest(reversed(files))
    (package / "a/y.py").write_text("# edited")
    edited = code_digest(files)
    shutil.move(package / "a/y.py", package / "a/renamed.py")
    renamed = code_digest([*(f for f in files if f.name != "y.py"), package / "a/renamed.py"])
    assert len({digest, edited, renamed}) == 3


def test_evaluating_does_not_load_torchs_compiler():
    source = "import darkfield.measure.evaluation\nfrom darkfield.network.device import setup"
    assert "torch._dynamo" not in loaded_by(f"{source}\nsetup('auto', 'auto', 1)")
