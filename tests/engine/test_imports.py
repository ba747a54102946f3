"""What a script runs, derived from its source, is what it imports when it is run."""

import ast
import json
import shutil
import subprocess
import sys

import pytest
from conftest import REPOSITORY

from darkfield.engine import imports
from darkfield.engine.imports import code_digest, code_digests, code_files, modules

SCRIPTS = sorted((REPOSITORY / "workflow/scripts").glob("*.py"))
USES_TORCH = {
    *("train", "evaluate_batch", "objects_batch", "metrics_batch", "overlays_batch", "html_report"),
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


# Runs the sources given as JSON on stdin, each as if it were the first to import darkfield: other
# packages stay loaded between them, as loading them takes nearly all the time.
LOADER = """
import json, sys

def files(name):
    loaded = {n: getattr(m, "__file__", None) for n, m in sys.modules.items()}
    return {n: file for n, file in loaded.items() if name in ("", n.partition(".")[0])}

for source in json.load(sys.stdin):
    for name in files("darkfield"):
        del sys.modules[name]
    exec(source, {})
    print(json.dumps([list(files("darkfield").values()), [*files("")]]))
"""


def loaded_by(*sources):
    """For each source: the files of darkfield that it loads, and all modules loaded by then."""
    done = subprocess.run(
        [sys.executable, "-c", LOADER],
        input=json.dumps(sources),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def loaded():
    """What each script loads, by its name; first those that can do without torch."""
    order = sorted(SCRIPTS, key=lambda path: path.stem in USES_TORCH)
    sources = ["\n".join(statements(m) for m in [path, *modules(path)]) for path in order]
    return dict(zip([path.stem for path in order], loaded_by(*sources), strict=True))


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
def test_modules_are_those_that_python_loads(script, loaded):
    derived = modules(script)
    ours, everything = loaded[script.stem]
    assert set(ours) == set(map(str, derived))
    assert ("torch" in everything) == (script.stem in USES_TORCH)
    if script.stem in USES_TORCH:
        assert any("torch" in statements(path) for path in [script, *derived])


def test_a_script_for_every_rule():
    assert len(SCRIPTS) == 33


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
    files = code_files(script)
    digest = code_digest(files)
    assert digest == code_digest(reversed(files))
    (package / "a/y.py").write_text("# edited")
    edited = code_digest(files)
    shutil.move(package / "a/y.py", package / "a/renamed.py")
    renamed = code_digest([*(f for f in files if f.name != "y.py"), package / "a/renamed.py"])
    assert len({digest, edited, renamed}) == 3


def test_what_has_not_changed_is_not_parsed_again(package, monkeypatch, tmp_path):
    scripts, store = [package.parent / "one.py", package.parent / "two.py"], tmp_path / "store.json"
    for script in scripts:
        script.write_text("import darkfield.a.x\n")

    def now():
        return {script.stem: code_digest(code_files(script)) for script in scripts}

    assert code_digests(scripts, store) == now()
    before = now()
    with monkeypatch.context() as patch:
        patch.setattr(imports, "statements", None)
        assert code_digests(scripts, store) == before
    (package / "a/y.py").write_text("import darkfield.b.late\n")
    scripts[0].write_text("import darkfield.top\n")
    assert code_digests(scripts, store) == now()
    (package / "a/y.py").write_text("")
    assert code_digests(scripts, store) == now()


def test_a_damaged_store_is_written_again(package, tmp_path):
    script, store = package.parent / "one.py", tmp_path / "store.json"
    script.write_text("import darkfield.a.x\n")
    expected = code_digests([script], store)
    whole = store.read_text()
    store.write_text(whole[:-9])
    assert code_digests([script], store) == expected
    assert store.read_text() == whole


def test_evaluating_does_not_load_torchs_compiler():
    source = "import darkfield.measure.evaluation\nfrom darkfield.network.device import setup"
    [(_, everything)] = loaded_by(f"{source}\nsetup('auto', 'auto', 1)")
    assert "torch._dynamo" not in everything
