"""model.json's provenance changes with the bytes that it stands for."""

from pathlib import Path

import pytest
import torch

from darkfield.engine.provenance import hardware, provenance, versions

CPU = Path("/proc/cpuinfo")


def test_each_part_follows_its_bytes(tmp_path):
    files = [tmp_path / name for name in ("manifest", "split", "code")]
    for file in files:
        file.write_text("a")

    def now():
        manifest, split, code = files
        return provenance(manifest, split, code.read_text(), versions("timm"), torch.device("cpu"))

    first = now()
    assert now() == first
    for file, key in zip(files, ("data", "split", "code"), strict=True):
        file.write_text("b")
        changed = {k for k, v in now().items() if v != first[k]}
        assert changed == {key}
        file.write_text("a")


def test_versions_name_the_libraries_that_a_model_uses():
    assert {"torch", "python", "timm"} <= versions("timm").keys()
    assert "timm" not in versions()


@pytest.mark.skipif(
    not CPU.exists() or "flags" not in CPU.read_text(), reason="not an x86 CPU under Linux"
)
def test_a_cpu_with_matrix_instructions_is_distinguished_from_one_without():
    """The same training gives mean IoU 0.849 on the one, 0.872 on the other."""
    assert ("AMX" in hardware(torch.device("cpu"))) == ("amx_tile" in CPU.read_text().split())
