"""A run of the chain that is killed, stopped or out of disk continues to the same bytes."""

import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import time

import pytest
from project import environment, project, run, set_params, snakemake

TARGET = "results/evaluation/epochs.csv"
EPOCHS = 12


def start(folder):
    """Snakemake with its jobs as a process group of its own."""
    return subprocess.Popen(
        ["snakemake", "--cores", "2", TARGET],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def digests(folder):
    paths = [*sorted((folder / "results/train/checkpoints").iterdir()), folder / TARGET]
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


def wait_for(folder, text, logs="train.log", seconds=120):
    """Until a log has `text`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if any(text in log.read_text() for log in folder.glob(f"logs/{logs}")):
            return
        time.sleep(0.05)
    raise TimeoutError(text)


@pytest.fixture(scope="module", params=[1, 2], ids=["one process", "two processes"])
def prepared(tmp_path_factory, request):
    """All but train and evaluate is done."""
    train = {"epochs": EPOCHS, "processes": request.param}
    folder = project(tmp_path_factory.mktemp("kill") / "project", train=train)
    targets = ("results/channel_stats.json", "results/class_counts.json")
    assert snakemake(folder, "--cores", "2", *targets).returncode == 0
    return folder


@pytest.fixture(scope="module")
def whole(prepared):
    """What an uninterrupted run makes, and how long its epochs take, seconds."""
    folder = shutil.copytree(prepared, prepared.parent / "whole")
    process = start(folder)
    wait_for(folder, "epoch 1 of")
    begin = time.monotonic()
    wait_for(folder, f"epoch {EPOCHS} of")
    seconds = time.monotonic() - begin
    process.communicate()
    assert process.returncode == 0
    return digests(folder), seconds


@pytest.fixture
def folder(prepared, tmp_path):
    return shutil.copytree(prepared, tmp_path / "project")


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_ten_kills_at_random_moments_change_no_byte(prepared, whole, tmp_path):
    expected, seconds = whole
    moments, resumed = random.Random(1), []
    for kill in range(10):
        folder = shutil.copytree(prepared, tmp_path / f"{kill}")
        process = start(folder)
        if kill == 0:  # before the first step
            wait_for(folder, "threads")
        elif kill == 1:
            wait_for(folder, "threads", logs="evaluate/*.log")
        else:
            wait_for(folder, "epoch 1 of")
            time.sleep(seconds * moments.uniform(0, 1.2))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        before = (folder / "results/train/history.csv").exists()
        done = snakemake(folder, "--cores", "2", TARGET)
        assert done.returncode == 0, done.stdout
        assert digests(folder) == expected
        assert not list(folder.glob(".snakemake/darkfield-train/*"))
        log = (folder / "logs/train.log").read_text()
        epochs = len(re.findall(r"epoch \d+ of", log))
        if match := re.search(r"resumed at epoch (\d+)", log):
            assert epochs == EPOCHS - int(match[1]) + 1
            resumed.append(int(match[1]))
        elif before:
            assert epochs == EPOCHS
    assert len(resumed) >= 3
    assert len(set(resumed)) > 1


@pytest.mark.parametrize(
    ("kill", "name"),
    [(os.killpg, "SIGINT"), (os.killpg, "SIGTERM"), (os.kill, "SIGTERM")],
    ids=["Ctrl-C", "all terminated", "kill"],
)
@pytest.mark.long
def test_a_signal_stops_within_seconds_and_says_how_to_continue(folder, whole, kill, name):
    process = start(folder)
    wait_for(folder, "epoch 2 of")
    kill(process.pid, getattr(signal, name))
    text, _ = process.communicate(timeout=20)
    assert process.returncode != 0
    assert "stopped; the same command continues from here" in text
    assert "Traceback" not in text, text
    assert not (folder / "results/train/checkpoints").exists()
    done = snakemake(folder, "--cores", "2", TARGET)
    assert done.returncode == 0, done.stdout
    assert "resumed at epoch" in (folder / "logs/train.log").read_text()
    assert digests(folder) == whole[0]


@pytest.mark.long
def test_a_full_disk_leaves_the_state_intact(folder, whole):
    """A limit to the size of files, between that of the weights and that of the state."""
    limited = "ulimit -f 12000; exec snakemake --cores 2 " + TARGET
    done = run(folder, "bash", "-c", limited)
    assert done.returncode != 0
    assert "the disk is full; free some space and run the same command again" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("train failed: the disk is full")
    assert not list(folder.rglob(".part-*"))
    done = snakemake(folder, "--cores", "2", TARGET)
    assert done.returncode == 0, done.stdout
    assert digests(folder) == whole[0]


@pytest.mark.long
def test_a_run_removes_the_lock_of_a_killed_one_and_no_other(tmp_path):
    folder = project(tmp_path / "project")
    set_params(folder, train={"epochs": 1})
    said = "Removed the lock of a run that was killed"
    process = start(folder)
    locks = folder / ".snakemake/locks"
    while not (locks.is_dir() and any(locks.iterdir())):
        time.sleep(0.05)
    beside = snakemake(folder, "--cores", "1", "data/split.csv")
    assert beside.returncode != 0
    assert said not in beside.stdout
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = snakemake(folder, "--cores", "1", "data/split.csv")
    assert done.returncode == 0, done.stdout
    assert said in done.stdout
    assert said not in snakemake(folder, "--dry-run").stdout
