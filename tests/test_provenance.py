"""model.json's provenance changes with the bytes that it stands for."""

import torch

from darkfield.provenance import provenance, versions


def test_each_part_follows_its_bytes(tmp_path):
    files = [tmp_path / name for name in ("manifest", "split", "code.py")]
    for file in files:
        file.write_text("a")

    def now():
        manifest, split, code = files
        return provenance(manifest, split, [code], versions("timm"), torch.device("cpu"))

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
