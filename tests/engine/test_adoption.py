"""A dvc.lock that something else has written is adopted once, in a line, and fails no run."""

import json
import shutil

import pytest
from project import commit, dvc, repository, run, snakemake

LINE = "Adopted dvc.lock"
TARGET = "data/synthetic.sha256"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A repository whose first stage has run; committed."""
    folder = repository(tmp_path_factory.mktemp("adoption") / "project")
    done = snakemake(folder, TARGET)
    assert done.returncode == 0, done.stdout
    assert LINE not in done.stdout
    commit(folder)
    return folder


@pytest.fixture
def clone(drawn, tmp_path):
    """As git clones it, and DVC checks it out."""
    folder = shutil.copytree(drawn, tmp_path / "project", symlinks=True)
    shutil.rmtree(folder / ".snakemake")
    return folder


def said(folder, *arguments):
    done = snakemake(folder, "--dry-run", *arguments)
    assert done.returncode == 0, done.stdout
    return [line for line in done.stdout.splitlines() if "dvc.lock" in line], done.stdout


def test_it_is_adopted_once(clone):
    lines, text = said(clone, TARGET)
    (line,) = lines
    assert line.startswith(f"{LINE}: 1 stages are up to date; to run: channel_stats, class_counts")
    assert "Nothing to be done" in text
    assert said(clone, TARGET)[0] == []


def test_a_stage_without_data_as_input_is_planned_if_it_is_stale(clone):
    path = clone / "params.yaml"
    path.write_text(path.read_text().replace("seed: 1", "seed: 2", 1))
    assert "synthesize" in json.loads(dvc(clone, "status", "--json").splitlines()[-1])
    assert "rule synthesize" in said(clone, TARGET)[1]


@pytest.mark.parametrize(
    ("breaks", "why"),
    [
        (lambda folder: (folder / "dvc.lock").write_text("no lock"), "dvc.lock is not adopted: "),
        (lambda folder: shutil.rmtree(folder / ".dvc"), None),
        (lambda folder: (folder / "dvc.lock").unlink(), None),
    ],
)
def test_what_cannot_be_adopted_fails_no_run(clone, breaks, why):
    breaks(clone)
    lines, _ = said(clone, TARGET)
    assert [line.startswith(why) for line in lines] == [True] * bool(why), lines
    assert said(clone, TARGET)[0] == lines


def test_dvc_keeps_the_books_itself(clone):
    done = run(clone, "env", "DVC_STAGE=synthesize", "snakemake", "--dry-run", TARGET)
    assert LINE not in done.stdout
    assert not (clone / ".snakemake/darkfield-adopted").exists()
