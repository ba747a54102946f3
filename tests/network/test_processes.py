"""Work is shared out among processes; the results and the failures are those of one."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from darkfield.files import UserError
from darkfield.network.processes import in_order, worth

CPU = torch.device("cpu")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only there processes are forked")
ABANDONED = """
import os, sys, time
from darkfield.network.processes import in_order

def work(item):
    open(os.path.join(sys.argv[1], str(os.getpid())), "w")
    time.sleep(2)

list(in_order(work, range(9), 2))
"""


@pytest.mark.parametrize("processes", [0, pytest.param(2, marks=LINUX)])
def test_results_are_in_order_whichever_is_ready_first(processes):
    def work(item):
        time.sleep(0.2 * (item == 0))
        return item**2, os.getpid()

    results, by = zip(*in_order(work, range(6), processes), strict=True)
    assert results == tuple(i**2 for i in range(6))
    assert len(set(by)) == max(processes, 1) and (os.getpid() in by) == (not processes)


@LINUX
def test_each_process_has_one_thread():
    """Libraries that have used several here, whose threads a fork does not copy, do not wait."""

    def work(_):
        distances = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        return float(distances.sum()), float((images @ images).sum()), torch.get_num_threads()

    mask = np.random.default_rng(0).integers(0, 2, (1500, 1500), dtype=np.uint8)
    images = torch.from_numpy(mask).double()  # whose sums are exact
    (*sums, threads), found = work(0), set(in_order(work, range(4), 2))
    assert threads > 1 or torch.get_num_threads() == 1
    assert found == {(*sums, 1)}


@pytest.mark.parametrize("processes", [0, pytest.param(2, marks=LINUX)])
def test_what_work_raises_is_raised_here_in_its_turn(processes):
    def work(item):
        if item >= 2:
            raise UserError(f"{item}: wrong", "and more")
        return item

    results = in_order(work, range(6), processes)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(UserError, match="2: wrong\nand more") as caught:
        next(results)
    if processes:
        assert "raise UserError" in caught.value.__notes__[0]  # where it was raised


@LINUX
def test_a_killed_process_is_reported_in_a_line():
    def work(item):
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(UserError, match=r"was killed, probably for lack of memory; .* continues"):
        list(in_order(work, range(4), 2))


@LINUX
@pytest.mark.long
def test_processes_end_when_the_command_is_killed(tmp_path):
    command = subprocess.Popen([sys.executable, "-c", ABANDONED, tmp_path])
    while len(found := list(tmp_path.iterdir())) < 2:
        time.sleep(0.1)
    command.kill()
    command.wait()
    end = time.monotonic() + 60
    while any(Path("/proc", path.name).exists() for path in found) and time.monotonic() < end:
        time.sleep(0.5)
    assert not [path.name for path in found if Path("/proc", path.name).exists()]


def test_a_few_pictures_are_not_worth_a_process(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    monkeypatch.setattr(sys, "platform", "linux")
    wanted = {1: 0, 7: 0, 8: 2, 13: 3, 16: 4, 1000: 4}
    assert {items: worth(items, CPU) for items in wanted} == wanted
    assert worth(1000, torch.device("cuda")) == 0
    monkeypatch.setattr(sys, "platform", "darwin")
    assert worth(1000, CPU) == 0
