"""A machine that gets in the way: one clear message, nothing lost, the same command continues."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import hostile
import numpy as np
import psutil
import pytest
from hostile import FOLDERS, MACHINE
from PIL import Image
from project import environment, noise, project, run, set_params, snakemake, start
from test_hostile import by_name, clear

COUNTS = "results/class_counts.json"
SAID = {case.wrong: case.says for case in [*MACHINE, *FOLDERS]}


def bound(*command):
    """A command that permissions bind, root or not."""
    if os.geteuid():
        return command
    if not shutil.which("setpriv"):
        pytest.skip("root is not bound by permissions, and there is no setpriv to make it so")
    return ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", *command)


@by_name([case for case in FOLDERS if case.make])
def test_a_folder_that_is_wrong(tmp_path, case):
    noise(tmp_path / "mine")
    folder = project(tmp_path / "project", data={"root": "../mine"})
    case.make(tmp_path / "mine")
    done = run(folder, *bound("snakemake", "--cores", "1", "data/split.csv"))
    assert case.says in clear(done).splitlines()[-1]
    assert not (folder / "data/split.csv").exists()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A project in which all before train is done."""
    folder = project(tmp_path_factory.mktemp("machine") / "project", train={"epochs": 40})
    done = snakemake(folder, "--cores", "1", "results/channel_stats.json", COUNTS)
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture
def folder(prepared, tmp_path):
    return shutil.copytree(prepared, tmp_path / "project", symlinks=True)


def job(process, rule, seconds=300):
    """The process of a rule, as soon as Snakemake has started it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for child in psutil.Process(process.pid).children(recursive=True):
            if f".{rule}.py" in " ".join(child.cmdline()):
                return child
        time.sleep(0.1)
    raise TimeoutError(rule)


@pytest.mark.long
def test_cuda_where_there_is_none(folder):
    set_params(folder, train={"device": "cuda"})
    done = subprocess.run(
        ["snakemake", "--cores", "1", "train"],
        cwd=folder,
        env=environment(folder) | {"CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert SAID["CUDA where there is none"] in done.stdout.splitlines()[-1]
    assert done.returncode != 0


@pytest.mark.long
def test_a_killed_worker(folder):
    process = start(folder, "snakemake", "--cores", "1", "train")
    victim = job(process, "train")
    time.sleep(3)
    victim.kill()
    text, _ = process.communicate(timeout=300)
    assert process.returncode != 0
    assert "Traceback" not in text
    assert SAID["worker killed (kill -9, out of memory)"] in text.splitlines()[-1]
    assert not (folder / "results/train").exists()


@pytest.mark.long
def test_two_chains_at_once(folder):
    process = start(folder, "snakemake", "--cores", "1", "train")
    job(process, "train")
    done = snakemake(folder, "--cores", "1", "train")
    assert SAID["second chain in one folder"] in clear(done)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.wait(timeout=300)


@pytest.mark.parametrize("model", ["native"], indirect=True)
def test_two_predictions_at_once(model, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_bytes(hostile.GOOD)
    (tmp_path / "out").mkdir()
    handle = os.open(tmp_path / "out", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    done = run(tmp_path, "darkfield", "predict", "in", "--out", "out", "--model", str(model))
    os.close(handle)
    assert SAID["second prediction into one folder"] in clear(done).splitlines()[-1]
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.long
@pytest.mark.parametrize("model", ["native"], indirect=True)
def test_an_output_folder_that_is_read_only(model, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_bytes(hostile.GOOD)
    (tmp_path / "out").mkdir(mode=0o555)
    command = ("darkfield", "predict", "in", "--out", "out", "--model", str(model))
    done = run(tmp_path, *bound(*command))
    assert SAID["read-only folder for predictions"] in clear(done).splitlines()[-1]


def test_a_project_that_is_read_only(tmp_path):
    folder = project(tmp_path / "project")
    folder.chmod(0o555)
    done = run(folder, *bound("snakemake", "--cores", "1"))
    folder.chmod(0o755)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    assert SAID["read-only project"] in done.stdout


@pytest.mark.long
def test_a_disk_that_is_full(folder):
    """Results go to a tmpfs that holds all but the checkpoint."""
    if os.geteuid() or not shutil.which("mount") or sys.platform != "linux":
        pytest.skip("only root can mount a small disk, on Linux")
    mounted = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder / "results")]
    if subprocess.run(mounted).returncode:
        pytest.skip("no mount here")
    set_params(folder, train={"epochs": 1})
    try:
        done = snakemake(folder, "--cores", "1", "plots")
    finally:
        subprocess.run(["umount", str(folder / "results")], check=True)
    assert SAID["disk full"] in clear(done).splitlines()[-1]
    done = snakemake(folder, "--cores", "1", "plots")
    assert done.returncode == 0, done.stdout


@pytest.mark.long
def test_too_little_memory(tmp_path):
    """A limit that Snakemake and the libraries fit into, and the decoded pictures do not."""
    noise(tmp_path / "mine")
    picture = Image.fromarray(np.zeros((10_000, 11_000, 3), np.uint8))
    picture.save(tmp_path / "mine/images/00.png")
    Image.fromarray(np.zeros((10_000, 11_000), np.uint8)).save(tmp_path / "mine/masks/00.png")
    folder = project(tmp_path / "project", data={"root": "../mine"})
    limited = "ulimit -v 900000; exec snakemake --cores 1 data/flattened_masks.csv"
    done = run(folder, "bash", "-c", limited)
    assert SAID["out of memory"] in clear(done).splitlines()[-1]
    assert not (folder / "data").exists()


@pytest.mark.long
def test_a_clock_that_is_set_back(prepared):
    """Times are no more than a hint: contents decide."""
    for path in prepared.rglob("*"):
        if path.is_file() and path.parts[-2] in ("results", "data", "darkfield", "scripts"):
            past = time.time() - 10**6 * (1 + hash(path.name) % 7)
            os.utime(path, (past, past))
    assert "Nothing to be done" in snakemake(prepared, "--cores", "1", COUNTS).stdout
    (prepared / "data/flattened_masks.csv").touch()
    assert "Nothing to be done" in snakemake(prepared, "--cores", "1", COUNTS).stdout


@pytest.mark.long
def test_results_deleted_under_a_running_chain(folder):
    set_params(folder, train={"epochs": 3})
    process = start(folder, "snakemake", "--cores", "1", "results/evaluation/epochs.csv")
    job(process, "train")
    shutil.rmtree(folder / "data/resized")
    shutil.rmtree(folder / "results")
    text, _ = process.communicate(timeout=600)
    assert "Traceback" not in text
    done = snakemake(folder, "--cores", "1", "results/evaluation/epochs.csv", COUNTS)
    assert done.returncode == 0, done.stdout
    assert Path(folder, COUNTS).exists()
