"""What a script runs, derived from its source, is what it imports when it is run."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from darkfield.code import PACKAGE, modules

SCRIPTS = sorted((Path(__file__).parent.parent / "workflow/scripts").glob("*.py"))
USES_TORCH = {
    *("train", "evaluate_batch", "overlays_batch", "html_report"),
    *("label_review", "predict_batch", "export"),
}


def imports(path):
    """The import statements of a file, those inside functions too, as source."""
    tree = ast.parse(path.read_text())
    found = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
    return "\n".join(ast.unparse(n) for n in found)


def loaded_by(source):
    program = f"{source}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_modules_are_those_that_python_loads(script):
    derived = modules(script)
    loaded = loaded_by("\n".join(imports(m) for m in [script, *derived]))
    ours = {PACKAGE / f"{n[10:]}.py" for n in loaded if n.startswith("darkfield.")}
    assert ours == set(derived)
    assert ("torch" in loaded) == (script.stem in USES_TORCH)


def test_a_script_for_every_rule():
    assert len(SCRIPTS) == 24


def test_evaluating_does_not_load_torchs_compiler():
    source = "import darkfield.evaluation\nfrom darkfield.device import setup"
    assert "torch._dynamo" not in loaded_by(f"{source}\nsetup('auto', 'auto', 1)")
