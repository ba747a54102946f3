"""Commands whose reader has gone, as `| head` goes, end as Unix tools do."""

import os
import subprocess

import pytest
from conftest import REPOSITORY
from project import environment, project, run, snakemake

from darkfield.files import write_json

METRICS = {"epoch": 1, "test": None, "val": None}
CODE = "import sys; from darkfield.command import command\nwith command(): print(1, file=sys.{})"
COMMANDS = {
    "summary": ("python", "-m", "darkfield.report.summary"),
    "dvcfile": ("python", "-m", "darkfield.engine.dvcfile"),
    "doctor": ("darkfield", "doctor"),
    "stdout": ("python", "-c", CODE.format("stdout")),
    "stderr": ("python", "-c", CODE.format("stderr")),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = project(tmp_path_factory.mktemp("command") / "project")
    assert snakemake(folder, "--dry-run").returncode == 0  # makes .snakemake
    return folder


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_closed_pipe_is_no_error(folder, command):
    write_json(folder / "results/evaluation/scores.json", METRICS)
    reader, writer = os.pipe()
    os.close(reader)
    stderr = writer if "sys.stderr" in command[-1] else subprocess.PIPE
    streams = {"stdout": writer, "stderr": stderr}
    done = subprocess.run(command, cwd=folder, env=environment(folder), **streams)
    os.close(writer)
    assert done.returncode == 141
    assert b"BrokenPipe" not in (done.stderr or b"")


def test_every_command_ends_so():
    for path in (REPOSITORY / "src/darkfield").rglob("*.py"):
        if (start := 'if __name__ == "__main__":') in (text := path.read_text()):
            assert "    with command():\n" in text.partition(start)[2], path


def test_a_failure_is_a_line(folder):
    (folder / "results/evaluation/scores.json").unlink(missing_ok=True)
    done = run(folder, "python", "-m", "darkfield.report.summary")
    assert done.returncode == 1
    assert done.stdout == "results/evaluation/scores.json: No such file or directory\n"
