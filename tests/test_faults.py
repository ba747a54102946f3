"""Every write of a small run fails once, in its rule's own process: the end has the same bytes.

How: tests/faults/sitecustomize.py.
"""

import hashlib
import subprocess
from collections import Counter

import hostile
import pytest
from conftest import REPOSITORY
from project import PARTS, RULES, environment, project, run, snakemake

TINY = {
    "synthesize": {"images": 8, "size": [32, 32]},
    "image_size": [32, 32],
    "train": {"epochs": 1, "threads": 1},
    "overlays": {"images": 1},
}
LINK = {"overlays", "split_index"}  # write links and folders, and else nothing but their log
FULL = "the disk is full; free some space and run the same command again"


def outputs(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for part in ("data", "results", "out")
        for path in sorted((folder / part).rglob("*"))
        if path.is_file() and path.name != "snakemake-report.html"  # says how long it took
    }


def faulty(folder, ledger, *command):
    """Run a command in whose processes each write fails once."""
    settings = environment(folder)
    settings["PYTHONPATH"] = f"{settings['PYTHONPATH']}:{REPOSITORY / 'tests/faults'}"
    settings |= {"FAULTS": str(ledger), "FAULTS_BELOW": str(folder)}
    settings |= {"PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command,
        cwd=folder,
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def survived(done, folder, whole, ledger):
    """How often which kind of write failed: the end is the same, and each time it was said why."""
    assert done.returncode == 0, done.stdout
    assert outputs(folder) == outputs(whole)
    assert "Traceback" not in done.stdout
    faults = [line.split(" ", 2) for line in ledger.read_text().splitlines()]
    # A copy takes the place of a link.
    silent = sum(how == "os.link" or (who in LINK and how == "write") for who, how, _ in faults)
    assert done.stdout.count(FULL) == len(faults) - silent
    return faults


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_every_write_of_the_chain_may_fail(tmp_path):
    whole, folder = (project(tmp_path / name, **TINY) for name in ("whole", "project"))
    assert snakemake(whole, "--cores", "1").returncode == 0
    ledger = tmp_path / "ledger"
    done = faulty(folder, ledger, "snakemake", "--cores", "1")
    faults = survived(done, folder, whole, ledger)
    assert {who for who, *_ in faults} == RULES | PARTS
    print(f"{len(faults)} faults in the chain survived:", Counter(how for _, how, _ in faults))


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("model", ["native"], indirect=True)
def test_every_write_of_a_prediction_may_fail(model, tmp_path):
    whole, folder, ledger = (tmp_path / name for name in ("whole", "project", "ledger"))
    for place in (whole, folder):
        (place / "in").mkdir(parents=True)
        (place / "in/a.png").write_bytes(hostile.GOOD)
    command = ("darkfield", "predict", "in", "--out", "out", "--model", str(model))
    assert run(whole, *command).returncode == 0
    done = faulty(folder, ledger, *command)
    faults = survived(done, folder, whole, ledger)
    print(f"{len(faults)} faults in a prediction survived:", Counter(how for _, how, _ in faults))
