"""A script that fails leaves its reason as the log's last line, and no traceback on the screen."""

import errno
import subprocess
import sys

import numpy as np
import pytest
import torch
from toy import script

from darkfield.engine.script import job, reasons
from darkfield.errors import explain
from darkfield.files import UserError


def test_a_users_mistake(tmp_path, capsys):
    with pytest.raises(SystemExit, match="1"), job(script(tmp_path / "logs/a.log")):
        raise UserError("masks/a.png: is broken")
    assert reasons(tmp_path / "logs/a.log") == ["masks/a.png: is broken"]
    assert capsys.readouterr().err == ""


def test_several_problems_are_all_reported_and_summed_up_last(tmp_path, capsys):
    with pytest.raises(SystemExit), job(script(tmp_path / "a.log")):
        raise UserError("one", "two")
    assert (tmp_path / "a.log").read_text().endswith("one\ntwo\n2 problems, the first: one\n")
    assert reasons(tmp_path / "a.log") == ["one", "two", "2 problems, the first: one"]
    assert capsys.readouterr().err == ""


def test_what_is_written_to_standard_error_goes_to_the_log(tmp_path, capsys):
    with job(script(tmp_path / "a.log")):
        print("said", file=sys.stderr)
    assert (tmp_path / "a.log").read_text() == "said\n"
    assert capsys.readouterr().err == ""


def test_a_bug_has_its_traceback_in_the_log_only(tmp_path, capsys):
    with pytest.raises(SystemExit), job(script(tmp_path / "a.log")):
        raise KeyError("x")
    text = (tmp_path / "a.log").read_text()
    assert "Traceback" in text
    assert text.splitlines()[-1] == "KeyError: 'x'"
    assert reasons(tmp_path / "a.log") == ["KeyError: 'x'"]
    assert capsys.readouterr().err == ""


def test_a_lack_of_memory_is_distinguished_from_errors_that_mention_memory(tmp_path):
    with pytest.raises(RuntimeError) as full:
        torch.empty(1 << 60)
    with pytest.raises(MemoryError) as too_large:
        np.empty(1 << 58)
    # The linker's, as test_machine.py::test_too_little_memory has it for real.
    library = ImportError("libvpx.so.11: failed to map segment from shared object")
    no_memory = OSError(errno.ENOMEM, "Cannot allocate memory", "a")
    ran_out = [full.value, too_large.value, no_memory, library]
    assert {explain(error) for error in ran_out} == {
        "out of memory: end other programs, or run fewer jobs at once (--cores)"
    }
    with pytest.raises(RuntimeError, match="memory") as bug:
        torch.zeros(1).expand(4).add_(1)
    assert explain(bug.value) is None
    assert explain(ValueError("will not allocate memory for fewer than 1 tile")) is None
    assert explain(ImportError("libGL.so.1: cannot open shared object file")) is None


def test_two_signals_at_once_are_one_line(tmp_path):
    program = """
import os, signal, sys
from types import SimpleNamespace
from darkfield.engine.script import job, reasons
both = {signal.SIGINT, signal.SIGTERM}
with job(SimpleNamespace(rule="a", params={}, wildcards={}, log=sys.argv[1:])):
    signal.pthread_sigmask(signal.SIG_BLOCK, both)
    for name in both:
        os.kill(os.getpid(), name)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, both)
    os.getpid()
"""
    command = [sys.executable, "-c", program, str(tmp_path / "rule.log")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == ""
    assert (tmp_path / "rule.log").read_text() == "stopped; the same command continues from here\n"
