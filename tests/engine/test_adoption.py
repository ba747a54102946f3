"""A dvc.lock that something else has written is adopted once, in a line, and fails no run."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from conftest import LONG
from project import commit, dvc, environment, noise, repository, run, set_params, snakemake

from darkfield.engine import lock
from darkfield.engine.adoption import ADOPTED, downstream
from darkfield.files import write_json

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


def test_a_run_adopts_and_goes_on(clone):
    done = snakemake(clone, TARGET)
    assert done.returncode == 0, done.stdout
    assert LINE in done.stdout
    assert "Nothing to be done" in done.stdout


@pytest.mark.long
def test_it_is_adopted_once(clone):
    lines, text = said(clone, TARGET)
    (line,) = lines
    assert line.startswith(f"{LINE}: 1 of 16 stages up to date; to run: flatten_masks, split")
    assert "Nothing to be done" in text
    assert said(clone, TARGET)[0] == []


def test_a_stage_without_data_as_input_is_planned_if_it_is_stale(clone):
    path = clone / "params.yaml"
    path.write_text(path.read_text().replace("seed: 1", "seed: 2", 1))
    assert "synthesize" in json.loads(dvc(clone, "status", "--json").splitlines()[-1])
    assert "\nsynthesize:" in said(clone, TARGET)[1]


@pytest.mark.long
def test_pictures_of_ones_own_are_read_again_if_that_is_stale(tmp_path):
    """Their folder is the only input of the first rule, and says nothing by its date."""
    noise(tmp_path / "mine")
    folder = repository(tmp_path / "project", data={"root": "../mine"})
    dvc(folder, "repro", "flatten_masks")
    table = {"0": "background", "1": "spirochaete", "2": "erythrocyte"}
    set_params(folder, data={"mask_values": table})
    for _ in range(2):
        assert "\nflatten_masks_batch: " in said(folder, "data/flattened_masks.csv")[1]
    assert snakemake(folder, "--cores", "1", "data/flattened_masks.csv").returncode == 0
    assert "Nothing to be done" in said(folder, "data/flattened_masks.csv")[1]


def pending_and_broken(folder):
    """A stage that is gone was left to run when dvc.lock was adopted; now this cannot be read."""
    write_json(folder / ADOPTED, {"lock": None, "pending": ["gone"]})
    (folder / "dvc.lock").write_text("no lock")


def no_lock(folder):
    (folder / "dvc.lock").write_text("no lock")


@pytest.mark.parametrize(
    ("breaks", "why"),
    [
        LONG(no_lock, "dvc.lock is not adopted: "),
        LONG(pending_and_broken, "dvc.lock is not adopted: "),
        LONG(lambda folder: shutil.rmtree(folder / ".dvc"), None),
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
    assert not (clone / ADOPTED).exists()


@pytest.mark.long
@pytest.mark.parametrize("option", ["--lint", "--list-rules", "--unlock"])
def test_only_what_plans_jobs_adopts(clone, option):
    snakemake(clone, option)
    assert not (clone / ADOPTED).exists()


@pytest.mark.long
def test_what_other_commands_read_is_not_mixed_with_the_line(clone):
    command = ["snakemake", TARGET, "--dag"]
    done = subprocess.run(
        command, cwd=clone, env=environment(clone), capture_output=True, text=True, check=True
    )
    assert LINE in done.stderr
    assert done.stdout.startswith("digraph")


@pytest.mark.long
def test_options_of_the_run_play_no_part(clone):
    """What dvc.lock says was made with params.yaml, whatever --config asks of this run."""
    override = ("--config", "synthesize={seed: 2}", "--")
    assert "\nsynthesize:" in said(clone, *override, TARGET)[1]
    assert "Nothing to be done" in said(clone, TARGET)[1]


@pytest.mark.long
def test_a_lock_of_snakemake_is_respected(clone):
    """While another run is alive, its outputs are not touched."""
    locks = clone / ".snakemake/locks"
    locks.mkdir(parents=True)
    (locks / "0.output.lock").write_text(f"{TARGET}\n")
    before = (clone / TARGET).stat().st_mtime_ns
    with lock.hold(clone / lock.ALIVE):
        (line,) = said(clone, TARGET)[0]
    assert "another Snakemake runs here, or was killed (snakemake --unlock)" in line
    assert (clone / TARGET).stat().st_mtime_ns == before
    assert "Nothing to be done" in said(clone, TARGET)[1]


@pytest.mark.long
def test_an_edit_undone_is_nothing_to_do(clone):
    set_params(clone, synthesize={"seed": 2})
    assert "\nsynthesize:" in said(clone, TARGET)[1]
    set_params(clone, synthesize={"seed": 1})
    assert "Nothing to be done" in said(clone, TARGET)[1]


@pytest.mark.long
def test_files_that_come_late_are_adopted(clone):
    """As in a clone that is looked at before `dvc pull`."""
    shutil.rmtree(clone / "data/synthetic")
    assert "\nsynthesize:" in said(clone, TARGET)[1]
    dvc(clone, "checkout", "synthesize")
    assert "Nothing to be done" in said(clone, TARGET)[1]


@pytest.mark.long
def test_without_its_dvc_lock_nothing_has_run(drawn, tmp_path):
    folder = shutil.copytree(drawn, tmp_path / "project", symlinks=True)
    (folder / "dvc.lock").unlink()
    assert "\nsynthesize:" in said(folder, TARGET)[1]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a file to another user")
def test_files_of_another_user_are_copied():
    """As links into a cache that a group shares are: their time stamps cannot be set."""
    with tempfile.TemporaryDirectory() as folder:  # all may enter it, unlike one of pytest's
        path, link = (Path(folder, name) for name in ("cache", "link"))
        path.write_text("weights")
        path.chmod(0o444)
        link.hardlink_to(path)
        Path(folder).chmod(0o777)
        code = "import os, sys; from pathlib import Path; from darkfield.engine import adoption; "
        code += "os.setuid(65534); adoption.make_old(Path(sys.argv[1]))"
        subprocess.run([sys.executable, "-c", code, link], check=True)
        assert link.read_text() == "weights"
        assert link.stat().st_mtime == 1
        assert path.stat().st_mtime > 1


def test_downstream_is_all_that_depends_on_a_stage():
    stages = {
        "draw": {"outs": ["a", {"b": {"cache": False}}]},
        "count": {"deps": ["b"], "metrics": [{"c": {"cache": False}}]},
        "other": {"deps": ["d"], "outs": ["e"]},
        "page": {"deps": ["c", "e"]},
    }
    assert downstream(stages, ["draw", "data/mine.dvc"]) == {"draw", "count", "page"}
    assert downstream(stages, ["other"]) == {"other", "page"}
    assert downstream(stages, []) == set()
