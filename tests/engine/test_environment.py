"""A GPU is found by its driver's files, without torch; it is reserved only where it is used."""

import re

import pytest
from project import project, run

from darkfield.engine.environment import has_gpu

NOWHERE = {"PATH": ""}


@pytest.mark.parametrize("name", ["nvidia0", "nvidia12", "dxg", "kfd"])
def test_a_driver_is_a_gpu(tmp_path, name):
    (tmp_path / name).touch()
    assert has_gpu(NOWHERE, tmp_path)
    assert has_gpu(NOWHERE | {"CUDA_VISIBLE_DEVICES": "1"}, tmp_path)
    for hidden in ("", "-1"):
        assert not has_gpu(NOWHERE | {"CUDA_VISIBLE_DEVICES": hidden}, tmp_path)


def test_no_driver_no_gpu(tmp_path):
    (tmp_path / "nvidia-caps").mkdir()
    assert not has_gpu(NOWHERE, tmp_path)
    assert not has_gpu(NOWHERE | {"CUDA_VISIBLE_DEVICES": "0"}, tmp_path)
    (tmp_path / "nvidia-smi").touch(mode=0o755)
    assert has_gpu({"PATH": str(tmp_path)}, tmp_path)


RESERVE = {"train", "evaluate_batch", "objects_batch", "overlays_batch", "html_report"}


@pytest.mark.parametrize(
    ("device", "visible", "reserved"),
    [
        ("auto", "", {}),
        ("cpu", "0", {}),
        ("cuda", "", {"train": 2} | dict.fromkeys(RESERVE - {"train"}, 1)),
    ],
)
def test_gpus_are_reserved_where_they_are_used(tmp_path, device, visible, reserved):
    train = {"device": device, "processes": 2}
    folder = project(tmp_path / "project", data={"batches": 2}, train=train)
    settings = ["env", f"CUDA_VISIBLE_DEVICES={visible}"]
    in_full = "--workflow-profile", "none"  # with Snakemake's own logger
    done = run(folder, *settings, "snakemake", "--dry-run", *in_full, "--resources", "gpu=4")
    assert done.returncode == 0, done.stdout
    jobs = re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)+)", done.stdout, re.M)
    assert {rule for rule, _ in jobs} >= RESERVE
    assert [rule for rule, _ in jobs].count("evaluate_batch") == 2
    gpus = {rule: int((re.findall(r"\bgpu=(\d+)", text) or [0])[0]) for rule, text in jobs}
    assert {rule: n for rule, n in gpus.items() if n} == reserved
