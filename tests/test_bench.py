"""What `make bench` measures runs: each kind of each of its workers, once."""

import subprocess
import sys

import pytest
from conftest import REPOSITORY

KINDS = {
    "step.py": ("plain", "ours", "floor"),
    "prepare.py": ("decode", "ours", "naive"),
    "infer.py": ("ours",),
}


@pytest.mark.long
@pytest.mark.parametrize(("script", "kind"), [(s, k) for s, kinds in KINDS.items() for k in kinds])
def test_a_worker_of_the_benchmark_answers_with_milliseconds(script, kind):
    command = [sys.executable, REPOSITORY / "bench" / script, kind]
    done = subprocess.run(command, input="\n", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 0
