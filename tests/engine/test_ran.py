"""dvc.lock gets what ran, and nothing else: neither what was touched nor what has changed since."""

import shutil

import pytest
import yaml
from project import commit, dvc, noise, planned, repository, run, set_params, snakemake, stale

from darkfield.engine import ran

TARGET = "results/class_counts.json"
SCRIPT = "workflow/scripts/class_counts.py"
KILL = "os.killpg(os.getpgrp(), signal.SIGKILL)"
NOTES = ".snakemake/darkfield-ran"


def prepare(folder, **sections):
    """A repository whose chain has run up to class_counts, which does what CLASS_COUNTS says."""
    repository(folder, **sections)
    path = folder / SCRIPT
    seam = "with job(snakemake) as log:\n"
    assert seam in path.read_text()
    seed = f"{seam}    import os, signal; exec(os.environ.get('CLASS_COUNTS', ''))\n"
    path.write_text(path.read_text().replace(seam, seed))
    return folder


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    folder = prepare(tmp_path_factory.mktemp("ran") / "project")
    assert snakemake(folder, TARGET).returncode == 0
    commit(folder)
    return folder


@pytest.fixture
def copy(counted, tmp_path):
    return shutil.copytree(counted, tmp_path / "project", symlinks=True)


def count(folder, code="", fails=False):
    """Run the chain up to class_counts, which first runs `code`; what was said."""
    done = run(folder, "env", f"CLASS_COUNTS={code}", "snakemake", TARGET, start_new_session=True)
    assert (done.returncode != 0) == fails, done.stdout
    return done.stdout


def kill(folder):
    count(folder, KILL, fails=True)


def fail_to_record(folder):
    """Run the chain when DVC cannot read its dvc.lock; what stood there."""
    path = folder / "dvc.lock"
    lock = path.read_text()
    path.write_text("no lock")
    text = count(folder)
    said = (
        "Not recorded in dvc.lock, which the next run tries again: './dvc.lock' validation failed"
    )
    assert said in text, text
    return lock


def touch(folder):
    assert snakemake(folder, "--touch", TARGET).returncode == 0


def edit(folder, file=SCRIPT):
    (folder / file).write_text((folder / file).read_text() + "# edited\n")


def unrecorded(folder):
    """What DVC calls stale of what has run or was touched."""
    return stale(folder) & {"synthesize", "flatten_masks", "split", "class_counts"}


def recorded(folder, stage):
    return yaml.safe_load((folder / "dvc.lock").read_text())["stages"][stage]


@pytest.mark.long
def test_what_was_touched_is_not_recorded_by_a_later_run(copy):
    set_params(copy, split={"seed": 2})
    touch(copy)
    edit(copy)
    count(copy)
    assert unrecorded(copy) == {"split"}
    assert recorded(copy, "split")["params"]["params.yaml"]["split"]["seed"] == 1


@pytest.mark.long
def test_what_had_finished_when_a_run_was_killed_is_recorded_by_the_next(copy):
    set_params(copy, split={"seed": 2})
    kill(copy)
    assert unrecorded(copy) == {"split", "class_counts"}
    assert planned(copy) >= {"class_counts"}
    count(copy)
    assert unrecorded(copy) == set()
    assert not list((copy / NOTES).glob("split.json"))


@pytest.mark.long
def test_what_ran_is_recorded_once_params_are_again_those_it_ran_with(copy):
    set_params(copy, split={"seed": 2})
    lock = fail_to_record(copy)
    set_params(copy, split={"seed": 3})
    (copy / "dvc.lock").write_text(lock)
    touch(copy)
    assert "Nothing to be done" in count(copy)
    assert unrecorded(copy) == {"split"}
    set_params(copy, split={"seed": 2})
    touch(copy)
    assert "Nothing to be done" in count(copy)
    assert unrecorded(copy) == set()


@pytest.mark.long
def test_code_that_is_edited_while_it_runs_is_not_recorded(copy):
    module = "src/darkfield/data/stats.py"
    edit(copy)
    text = count(copy, f"open({module!r}, 'a').write('# edited')")
    assert "Not recorded in dvc.lock: class_counts; its code changed since it started" in text
    assert unrecorded(copy) == {"class_counts"}


@pytest.mark.long
def test_what_dvc_could_not_record_is_recorded_by_a_run_with_nothing_to_do(copy):
    set_params(copy, split={"seed": 2})
    lock = fail_to_record(copy)
    (copy / "dvc.lock").write_text(lock)
    assert unrecorded(copy) == {"split", "class_counts"}
    snakemake(copy, "--dry-run", TARGET)
    assert unrecorded(copy) == {"split", "class_counts"}
    assert "Nothing to be done" in count(copy)
    assert unrecorded(copy) == set()


@pytest.mark.long
def test_a_stage_that_fails_after_it_had_run_is_not_recorded(copy):
    set_params(copy, split={"seed": 2})
    lock = fail_to_record(copy)
    (copy / "dvc.lock").write_text(lock)
    set_params(copy, split={"seed": 3})
    count(copy, "raise SystemExit(3)", fails=True)
    assert unrecorded(copy) == {"class_counts"}


@pytest.mark.long
def test_batches_without_the_rule_that_gathers_them_are_not_recorded(copy):
    swapped = {"0": "erythrocyte", "1": "background"}
    values = yaml.safe_load((copy / "params.yaml").read_text())["data"]["mask_values"]
    set_params(copy, data={"mask_values": values | swapped})
    assert snakemake(copy, "data/pixels/masks/0.npy").returncode == 0
    assert "flatten_masks" in unrecorded(copy)
    touch(copy)
    edit(copy)
    count(copy)
    assert "flatten_masks" in unrecorded(copy)


@pytest.mark.long
def test_dvc_leaves_nothing_to_record(copy):
    set_params(copy, split={"seed": 2})
    dvc(copy, "repro", "class_counts")
    rules = {path.name.split(".")[0] for path in (copy / NOTES).iterdir()}
    assert all(ran.stage_of(rule) != rule for rule in rules)


@pytest.mark.long
def test_pictures_that_change_while_they_are_worked_on_are_not_recorded(tmp_path):
    folder = prepare(tmp_path / "project", data={"root": "data/mine"})
    noise(folder / "data/mine")
    code = "os.remove('data/mine/images/03.png'); os.remove('data/mine/masks/03.png')"
    text = count(folder, code)
    assert "Not recorded in dvc.lock: flatten_masks; data.root changed since it started" in text
    assert "flatten_masks" in unrecorded(folder)


@pytest.mark.parametrize(
    ("prepare_failure", "code", "said"),
    [
        (lambda folder: None, "raise ValueError('boo')", "class_counts failed: ValueError: boo"),
        (
            lambda folder: set_params(folder, split={"strategy": "neat"}),
            "",
            "params.yaml: split.strategy: 'neat' is not grouped or random",
        ),
    ],
    ids=["script", "params"],
)
def test_dvc_passes_on_why_a_stage_failed(copy, prepare_failure, code, said):
    edit(copy)
    prepare_failure(copy)
    done = run(copy, "env", f"CLASS_COUNTS={code}", "dvc", "repro", "class_counts")
    assert done.returncode != 0
    assert said in done.stdout
    assert "Traceback" not in done.stdout
    assert len(done.stdout.splitlines()) < 15, done.stdout


@pytest.mark.parametrize(
    ("stages", "ours"),
    [
        (
            {"train": {"cmd": "python train.py"}, "split": {"cmd": ["snakemake split --force"]}},
            set(),
        ),
        ({"train": {"foreach": [1, 2], "do": {"cmd": "snakemake train --force"}}}, set()),
        (
            {"train": {"cmd": "snakemake train --force"}, "split": {"cmd": "snakemake --all"}},
            {"train"},
        ),
    ],
)
def test_stages_of_another_projects_dvc_yaml_are_not_ours(tmp_path, monkeypatch, stages, ours):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    assert ran.stages() == set()  # without DVC
    (tmp_path / ".dvc").mkdir()
    assert ran.stages() == ours
    for text in ("", "plots: []\n"):
        (tmp_path / "dvc.yaml").write_text(text)
        assert ran.stages() == set()
    (tmp_path / "dvc.yaml").unlink()
    assert ran.stages() == set()
