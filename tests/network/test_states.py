"""A training removes the states that its stage has abandoned, and no others."""

import subprocess
import sys

from darkfield.network.states import STATES, claimed, remove_superseded, unfinished

LOG = "logs/train.log"


def left(name, log=LOG):
    """The state that a killed training left."""
    folder = STATES / name
    with claimed(folder, log):
        (folder / "state.pt").write_bytes(b"123")
    return folder


def test_older_states_of_the_same_stage_go(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    left("old")
    left("older")
    kept = {left("fold", "logs/folds/1/train.log"), left("mine")}
    (STATES / "unknown").mkdir()  # of a version that did not say whose it is
    left("later")  # begun, and killed, while this one ran
    remove_superseded(STATES / "mine")
    assert set(STATES.iterdir()) == kept | {STATES / "unknown", STATES / "later"}
    assert sorted(unfinished()) == [17, 17, 25]  # the state and the name of the log, bytes


def test_the_state_of_a_training_that_runs_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program = f"""
from darkfield.network.states import STATES, claimed
with claimed(STATES / "running", {LOG!r}):
    (STATES / "running/state.pt").touch()
    print("claimed", flush=True)
    input()
"""
    command = [sys.executable, "-c", program]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "claimed\n"
        mine = left("mine")
        remove_superseded(mine)
        assert (STATES / "running").exists()
        assert len(unfinished()) == 1
        other.kill()
        other.wait()
        assert len(unfinished()) == 2
        remove_superseded(mine)
        assert not (STATES / "running").exists()
