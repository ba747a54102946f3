"""`darkfield doctor` in a sound project, a broken one, and none at all."""

import sys
from collections import defaultdict
from pathlib import Path

from project import project, run

DARKFIELD = str(Path(sys.executable).with_name("darkfield"))


def doctor(folder):
    done = run(folder, DARKFIELD, "doctor")
    found = defaultdict(str)
    for line in done.stdout.splitlines():
        what, rest = line[2:].split(maxsplit=1)
        found[what] += rest
    return done.returncode, found


def test_a_sound_project(tmp_path):
    code, found = doctor(project(tmp_path / "project"))
    assert code == 0
    assert {"Python", "darkfield", "torch", "device", "precision", "memory", "disk"} <= found.keys()
    assert found["params"].startswith("segnet, 2 epochs")
    assert "not a DVC repository" in found["DVC"]
    assert "needs one: make run" in found["models"]


def test_unfinished_trainings_are_reported_with_their_size(tmp_path):
    folder = project(tmp_path / "project")
    assert "trainings" not in doctor(folder)[1]
    for name, size in (("a", 3_000_000), ("b", 4_000_000)):
        (folder / ".snakemake/darkfield-train" / name).mkdir(parents=True)
        (folder / ".snakemake/darkfield-train" / name / "state.pt").write_bytes(bytes(size))
    assert doctor(folder)[1]["trainings"].startswith("2 unfinished, 7 MB in .snakemake/darkfield")


def test_what_stops_everything_is_reported(tmp_path):
    folder = project(tmp_path / "project", data={"root": "nowhere"})
    code, found = doctor(folder)
    assert code == 1
    assert "nowhere/images: no such folder" in found["data"]
    params = (folder / "params.yaml").read_text().replace("epochs: 2", "epoches: 2")
    (folder / "params.yaml").write_text(params)
    code, found = doctor(folder)
    assert code == 1
    assert "did you mean 'epochs'?" in found["params"]


def test_outside_a_project(tmp_path):
    (tmp_path / "empty").mkdir()
    code, found = doctor(tmp_path / "empty")
    assert code == 0
    assert found["project"].startswith("no params.yaml here")
