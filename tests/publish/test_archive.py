"""A zip is what goes into it, and nothing else: no time, no order, no owner."""

import os
import zipfile

from darkfield.publish.archive import write_zip


def test_equal_entries_are_equal_bytes(tmp_path):
    file = tmp_path / "é.bin"
    file.write_bytes(bytes(range(256)) * 100)
    write_zip(tmp_path / "one.zip", {"a/": "", "a/é.bin": file, "text": "tëxt"})
    file.chmod(0o600)
    os.utime(file, (1e9, 1e9))
    write_zip(tmp_path / "two.zip", {"text": "tëxt", "a/é.bin": file, "a/": ""})
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.namelist() == ["a/", "a/é.bin", "text"]
        assert archive.read("a/é.bin") == file.read_bytes()
        assert archive.read("text").decode() == "tëxt"
        archive.extractall(tmp_path / "out")
    assert (tmp_path / "out/a").is_dir()
