"""Params, code or pictures change while a run goes on, or files between a run and its records.

Neither engine then takes for fresh what is not.
"""

import shutil
import time

import numpy as np
import psutil
import pytest
import yaml
from PIL import Image
from project import (
    commit,
    dvc,
    git,
    noise,
    planned,
    repository,
    run,
    set_params,
    snakemake,
    stale,
    start,
)

from darkfield.files import read_csv

pytestmark = pytest.mark.long
SPLIT, COUNTS = "data/split.csv", "results/class_counts.json"


@pytest.fixture
def copy(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "project", symlinks=True)


def when_begun(process, log, act):
    """Do something as soon as a job writes its log; what the run says, and its status."""
    before = log.stat().st_mtime_ns if log.exists() else None
    while not log.exists() or log.stat().st_mtime_ns == before:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    act()
    text, _ = process.communicate(timeout=300)
    return text, process.returncode


def kill(process, rule):
    """Kill the job of a rule as soon as there is one."""
    while process.poll() is None:
        for child in psutil.Process(process.pid).children(recursive=True):
            try:
                if f".{rule}.py" in " ".join(child.cmdline()):
                    child.kill()
                    return process.communicate(timeout=300)[0]
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.02)
    raise AssertionError(process.communicate()[0])


def seed_of(folder):
    """The split.seed that dvc.lock says split ran with."""
    lock = yaml.safe_load((folder / "dvc.lock").read_text())
    return lock["stages"]["split"]["params"]["params.yaml"]["split"]["seed"]


def test_params_edited_while_dvc_runs_a_stage_are_not_recorded(copy):
    set_params(copy, split={"seed": 2})
    process = start(copy, "dvc", "repro", "--single-item", "split")
    log = copy / "logs/split/0.log"
    text, status = when_begun(process, log, lambda: set_params(copy, split={"seed": 3}))
    assert "split: param split changed while it ran; run the same command again" in text
    assert status != 0
    assert seed_of(copy) not in (2, 3)
    assert "split" in stale(copy) and "split" in planned(copy)
    # What is not the stage's does no harm.
    process = start(copy, "dvc", "repro", "--single-item", "split")
    text, status = when_begun(process, log, lambda: set_params(copy, overlays={"images": 1}))
    assert status == 0, text
    assert seed_of(copy) == 3 and "split" not in stale(copy)


def test_code_edited_before_its_job_begins_is_not_taken_for_that_of_the_run(copy):
    module = copy / "src/darkfield/data/stats.py"
    as_it_was = module.read_text()
    set_params(copy, split={"seed": 2})
    process = start(copy, "snakemake", "--cores", "1", COUNTS)
    log = copy / "logs/split/0.log"
    text, status = when_begun(process, log, lambda: module.write_text(f"{as_it_was}\n# edited\n"))
    assert "its code was edited since this run began; run the same command again" in text
    assert status != 0
    module.write_text(as_it_was)
    assert "class_counts" in planned(copy) and "class_counts" in stale(copy)


@pytest.mark.parametrize("change", [{"overlays": {"images": 1}}, {"select": {"epoch": 1}}])
def test_a_batch_that_dies_leaves_its_stage_to_be_done(copy, change):
    """Snakemake forgets a failed job, and what a batch makes is temporary."""
    set_params(copy, **change)
    assert "overlays" in planned(copy)
    text = kill(start(copy, "snakemake", "--cores", "1", "overlays"), "overlays_batch")
    assert "overlays_batch failed" in text
    assert "overlays" in planned(copy) and "overlays" in stale(copy)
    done = snakemake(copy, "--cores", "1", "overlays")
    assert done.returncode == 0, done.stdout
    assert "overlays" not in planned(copy) and "overlays" not in stale(copy)


def test_so_does_a_batch_where_dvc_is_not(tmp_path, copy):
    shutil.rmtree(copy / ".dvc")
    set_params(copy, overlays={"images": 1})
    kill(start(copy, "snakemake", "--cores", "1", "overlays"), "overlays_batch")
    assert planned(copy, "overlays") == {"overlays"}


def test_a_batch_that_dies_for_a_change_that_is_undone(copy):
    set_params(copy, overlays={"images": 1})
    kill(start(copy, "snakemake", "--cores", "1", "overlays"), "overlays_batch")
    git(copy, "checkout", "params.yaml")
    assert stale(copy) == planned(copy) == set()


def test_outputs_put_back_after_a_run_with_other_params_are_not_taken_for_its_own(copy):
    """`--config` leaves dvc.lock alone, and so Snakemake's records of what it made are left."""
    assert snakemake(copy, "--cores", "1", SPLIT, "--config", "split={seed: 7}").returncode == 0
    made = read_csv(copy / SPLIT)
    git(copy, "checkout", ".")
    dvc(copy, "checkout", "--force")
    assert "split" not in stale(copy) | planned(copy)
    assert not read_csv(copy / SPLIT).equals(made)
    set_params(copy, split={"seed": 7})
    assert "split" in planned(copy) and "split" in stale(copy)
    assert snakemake(copy, "--cores", "1", SPLIT).returncode == 0
    assert read_csv(copy / SPLIT).equals(made)
    assert seed_of(copy) == 7


def test_pictures_and_masks_may_be_links_to_folders(tmp_path):
    folder = repository(tmp_path / "project", data={"root": "data/mine"})
    noise(tmp_path / "scope")
    (folder / "data/mine").mkdir(parents=True)
    for part in ("images", "masks"):
        (folder / "data/mine" / part).symlink_to(tmp_path / "scope" / part)
    assert snakemake(folder, "--cores", "1", COUNTS).returncode == 0
    commit(folder)
    assert "flatten_masks" not in stale(folder)
    Image.fromarray(np.zeros((30, 40), np.uint8)).save(tmp_path / "scope/masks/07.png")
    assert "flatten_masks" in stale(folder) and "flatten_masks" in planned(folder)


def test_a_users_split_may_lie_in_a_folder_named_like_that_of_batches(copy):
    (copy / "batches").mkdir()
    shutil.copyfile(copy / SPLIT, copy / "batches/mine.csv")
    set_params(copy, split={"file": "batches/mine.csv"})
    done = snakemake(copy, "--cores", "1", SPLIT)
    assert "Not recorded" not in done.stdout
    assert "split" not in stale(copy) | planned(copy)


def test_params_that_cannot_be_read_as_a_run_ends_do_not_make_it_fail(copy):
    set_params(copy, split={"seed": 2})
    params = copy / "params.yaml"
    text = params.read_text()
    process = start(copy, "snakemake", "--cores", "1", SPLIT)
    said, status = when_begun(
        process, copy / "logs/split/0.log", lambda: params.write_text("split: [")
    )
    assert status == 0, said
    assert "Not recorded in dvc.lock, which the next run tries again: params.yaml" in said
    params.write_text(text)
    assert run(copy, "snakemake", "--cores", "1", SPLIT).returncode == 0
    assert "split" not in stale(copy)


def test_jobs_of_a_cluster_refuse_params_that_were_edited_since_the_run_began(copy):
    """They read params.yaml again, hours after the run has."""
    job = ["snakemake", "--mode", "remote", "--cores", "1", "--force", "--nolock", SPLIT]
    done = run(copy, "env", "DARKFIELD_STATE_=other", *job, "--allowed-rules", "split")
    assert done.returncode != 0
    assert "params.yaml or the code was edited since this run began" in done.stdout
