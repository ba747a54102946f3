"""The chain on a real Slurm of two nodes, where jobs and nodes die: `make test-cluster`."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from project import commit, environment, planned, project, repository, snakemake, stale

SLURM = os.environ.get("SLURM_STATE")  # of tests/slurm.sh
PROFILES = Path(__file__).parent.parent / "profiles"
EPOCHS = 24
needs_slurm = pytest.mark.skipif(
    not SLURM, reason="no Slurm is running: `make test-cluster` starts one"
)


def profile(name):
    return yaml.safe_load((PROFILES / f"{name}/profile.yaml").read_text())


def test_profiles_rerun_for_the_same_reasons():
    shared = {"rerun-incomplete", "rerun-triggers", "max-checksum-file-size", "printshellcmds"}
    ours = profile("default")
    assert {k: ours[k] for k in shared} == {k: profile("slurm")[k] for k in shared}


def outputs(folder):
    """SHA-256 of all that the chain made, its logs and times apart."""
    files = [p for top in ("data", "results") for p in (folder / top).rglob("*") if p.is_file()]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.name not in (".snakemake_timestamp", "snakemake-report.html")
        and "live" not in path.parts
    }


def job_of(rule, chain):
    """The id and node of a rule's running job, once there is one."""
    while chain.poll() is None:
        command = ["squeue", "--noheader", "--states=RUNNING", "--format=%i %N %k"]
        jobs = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        if found := re.search(rf"^(\d+) (\w+) rule_{rule}$", jobs, re.M):
            return found.groups()
        time.sleep(0.1)
    raise ChildProcessError("the chain has ended")


def wait_for(log, text, chain):
    """Until a log file, which may be another by then, has the text."""
    while chain.poll() is None:
        if log.exists() and text in log.read_text():
            return
        time.sleep(0.05)
    raise ChildProcessError("the chain has ended")


# There is no accounting database here, and no slow network.
OPTIONS = ("--workflow-profile", "slurm", "--slurm-no-account", "--slurm-status-command", "squeue")
OPTIONS += ("--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "5")


def name_partition(folder):
    """Let the profile of a project name the partition that there is."""
    path = folder / "profiles/slurm/profile.yaml"
    text = path.read_text()
    assert "  # - slurm_partition=gpu\n" in text
    path.write_text(text.replace("# - slurm_partition=gpu", "- slurm_partition=test"))


@needs_slurm
@pytest.mark.timeout(1800)
def test_a_training_on_two_nodes_makes_the_bytes_of_one_on_one(tmp_path):
    """Two processes in either case."""
    target, cfg = "results/train/history.csv", {"processes": 2, "threads": 1, "device": "cpu"}
    alone = project(tmp_path / "alone", train=cfg | {"epochs": 2})
    assert snakemake(alone, "--cores", "2", target).returncode == 0
    folder = shutil.copytree(alone, tmp_path / "cluster", symlinks=True)
    shutil.rmtree(folder / "results/train")
    name_partition(folder)
    resources = ("nodes=2", "tasks=2", "mpi=srun", "cpus_per_task=1")
    nodes = ("--set-resources", *(f"train:{resource}" for resource in resources))
    done = snakemake(folder, *OPTIONS, *nodes, "--", target)
    assert done.returncode == 0, done.stdout
    history = subprocess.run(
        ["scontrol", "--oneliner", "show", "job"], capture_output=True, text=True, check=True
    ).stdout
    assert re.search(r"NumNodes=2 .*Comment=rule_train", history), history
    assert outputs(folder) == outputs(alone)


@needs_slurm
@pytest.mark.timeout(1800)
def test_a_chain_that_loses_a_job_and_a_node_makes_the_same_bytes(tmp_path):
    alone = project(tmp_path / "alone", train={"epochs": EPOCHS}, data={"batches": 2})
    assert snakemake(alone, "--cores", "2").returncode == 0
    folder = repository(tmp_path / "cluster", train={"epochs": EPOCHS}, data={"batches": 2})
    name_partition(folder)
    with subprocess.Popen(
        ["snakemake", *OPTIONS],
        cwd=folder,
        env=environment(folder),
        stdout=(tmp_path / "said").open("w"),
        stderr=subprocess.STDOUT,
    ) as chain:
        try:
            log = folder / "logs/train.log"
            cancelled, _ = job_of("train", chain)
            wait_for(log, "epoch 2 of", chain)
            subprocess.run(["scancel", cancelled], check=True)
            wait_for(log, "resumed at epoch", chain)
            retried, node = job_of("train", chain)
            os.kill(int(Path(SLURM, f"{node}.pid").read_text()), signal.SIGKILL)
            resumed = log.read_text()
            chain.wait()
        finally:
            chain.kill()
    print((tmp_path / "said").read_text())
    # Snakemake's report is written by another Snakemake, whose log is the last.
    said = "".join(path.read_text() for path in sorted((folder / ".snakemake/log").iterdir()))
    assert chain.returncode == 0
    assert retried != cancelled
    # The cancelled job was tried again with twice the memory, the dead node's on the other node.
    assert re.findall(r"^rule train:.*?mem_mb=(\d+)", said, re.M | re.S)[-1] == "32000"
    history = subprocess.run(
        ["scontrol", "--oneliner", "show", "job", retried], capture_output=True, text=True
    ).stdout
    print(history)
    assert "JobState=COMPLETED" in history
    assert "Restarts=1" in history
    assert f"BatchHost={node}" not in history
    assert log.read_text() != resumed
    assert "resumed at epoch" in log.read_text()
    assert outputs(folder) == outputs(alone)
    commit(folder)
    assert stale(folder) == planned(folder) == set()
