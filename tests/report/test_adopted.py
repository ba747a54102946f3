"""Corrected pictures become part of a folder to train on: all of them, or nothing is changed."""

import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from conftest import REPOSITORY
from PIL import Image
from toy import model_folder

from darkfield.cli import run_correct, run_masks, run_predict
from darkfield.data.instances import read_numbers
from darkfield.data.synthetic import scene
from darkfield.files import UserError, read_json, sha256, write_json
from darkfield.objects.repainted import Painted
from darkfield.params import Params
from darkfield.report.adopted import adopt
from darkfield.report.corrected import save, state
from darkfield.report.corrections import predicted, predictions

DATA = Params().data


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A model and its OUT of three pictures, 0 and 1 corrected; not to be changed."""
    folder = tmp_path_factory.mktemp("made")
    for name in ("in", "model"):
        (folder / name).mkdir()
    model_folder(folder / "model", "native")
    for seed in range(3):
        picture, *_ = scene(np.random.default_rng(seed), 48, 64, 2)
        Image.fromarray(picture).save(folder / f"in/{seed}.png")
    run_predict([str(folder / "in")], folder / "out", folder / "model")
    for number in (0, 1):
        correct(folder, folder / "out", number, rows=4)
    return folder


def correct(made, out, number, rows):
    """Paint the first rows of a picture as background, the last as erythrocyte."""
    of = predictions(out, made / "model")
    (place,) = (each for each in of.places if each.name == str(number))
    into = out / "corrected"
    found = predicted(of, place)
    before = state(into, place, found)
    indices = before.indices.copy()
    indices[:rows], indices[-1] = 0, 1
    save(into, of, place, found, before, Painted(indices, before.numbers))


@pytest.fixture
def out(made, tmp_path):
    """A copy that may be changed."""
    return shutil.copytree(made / "out", tmp_path / "out")


def pixels(path):
    return np.asarray(Image.open(path))


def contents(folder):
    """All files of a folder by name; none if there is no folder."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in paths}


def refused(out, into, data=DATA):
    """The lines of a refusal, after which everything is as it was."""
    before = contents(into.parent)
    with pytest.raises(UserError) as error:
        adopt(out, into, data)
    assert contents(into.parent) == before
    return str(error.value).splitlines()


def test_a_new_folder_has_pictures_masks_objects_and_their_origin(made, tmp_path):
    mine, corrected = tmp_path / "data/mine", made / "out/corrected"
    (mine / "images").mkdir(parents=True)  # as some make it first
    assert adopt(made / "out", mine, DATA) == [f"{mine}: added: 2, replaced: 0, the same: 0"]
    assert sorted(contents(mine)) == [
        "corrected.json",
        *(f"{kind}/{n}.png" for kind in ("images", "instances", "masks") for n in (0, 1)),
    ]
    for name in "01":
        assert (pixels(mine / f"images/{name}.png") == pixels(made / f"in/{name}.png")).all()
        mask = pixels(mine / f"masks/{name}.png")
        assert (mask == pixels(corrected / f"masks/{name}.png")).all() and not mask[:4].any()
        read_numbers(mine / f"instances/{name}.png", mask)
    records = read_json(mine / "corrected.json")
    assert list(records) == ["0", "1"]
    assert records["0"] == {
        "file": str(made / "in/0.png"),
        "picture": sha256(made / "in/0.png"),
        "changed_px": read_json(corrected / "corrected.json")["0"]["changed_px"],
        "predicted_by": {
            "weights": sha256(made / "model/model.safetensors"),
            "model": sha256(made / "model/model.json"),
        },
        "classes": DATA.classes,
        "mask": sha256(mine / "masks/0.png"),
        "instances": sha256(mine / "instances/0.png"),
    }
    assert not [path for path in mine.parent.iterdir() if path != mine]


def test_newer_masks_replace_adopted_ones_and_all_else_stays(made, out, tmp_path):
    mine = tmp_path / "mine"
    adopt(out, mine, DATA)
    (mine / "notes").mkdir()
    (mine / "notes/a.txt").write_text("mine")
    Image.new("RGB", (9, 7)).save(mine / "images/own.png")
    Image.new("L", (9, 7)).save(mine / "masks/own.png")
    before = contents(mine)
    assert adopt(out, mine, DATA) == [f"{mine}: added: 0, replaced: 0, the same: 2"]
    assert contents(mine) == before
    correct(made, out, 1, rows=9)
    correct(made, out, 2, rows=1)
    assert adopt(out, mine, DATA) == [
        "replaced by a newer mask: 1",
        f"{mine}: added: 1, replaced: 1, the same: 1",
    ]
    after = contents(mine)
    changed = {name for name in after if after[name] != before.get(name)}
    new = {f"{kind}/2.png" for kind in ("images", "instances", "masks")}
    assert changed == {"corrected.json", "masks/1.png", "instances/1.png", *new}
    assert before.keys() < after.keys()
    assert not pixels(mine / "masks/1.png")[:9].any()
    assert read_json(mine / "corrected.json")["1"]["mask"] == sha256(mine / "masks/1.png")


def test_a_mask_that_was_not_adopted_or_was_changed_since_is_not_overwritten(made, out, tmp_path):
    mine = tmp_path / "data/mine"
    adopt(out, mine, DATA)
    Image.new("L", (64, 48)).save(mine / "masks/0.png")
    (mine / "instances/0.png").unlink()
    records = read_json(mine / "corrected.json")
    write_json(mine / "corrected.json", {"0": records["0"]})
    correct(made, out, 1, rows=9)
    assert refused(out, mine) == [
        f"{mine}/masks/{name}.png: is another mask of {name}, and not as one was adopted; remove "
        "it with its picture to adopt the correction"
        for name in "01"
    ]


def test_names_and_pictures_that_are_taken_are_all_told_and_nothing_is_written(out, tmp_path):
    mine = tmp_path / "data/mine"
    adopt(out, mine, DATA)
    for kind in ("images", "masks", "instances"):
        (mine / kind / "0.png").rename(mine / kind / "zero.png")
    shutil.copy(mine / "images/zero.png", mine / "images/1.png")  # which is another picture now
    corrected = out / "corrected"
    assert refused(out, mine) == [
        f"{corrected}/images/0.png: is in {mine} as 1 already; remove one of the two",
        f"{corrected}/images/1.png: is not the picture 1 of {mine}; rename one of them",
    ]


def test_masks_get_the_values_and_the_suffix_of_the_folder(out, tmp_path):
    values = {"0": "background", "200": "spirochaete", "100": "erythrocyte", "7": "ignore"}
    data = DATA.model_copy(
        update={
            "classes": {"spirochaete": 1, "erythrocyte": 2, "background": 0},
            "mask_values": values,
        }
    )
    mine = tmp_path / "mine"
    for kind in ("images", "masks"):
        (mine / kind).mkdir(parents=True)
    Image.new("RGB", (9, 7)).save(mine / "images/own.tif")
    Image.new("L", (9, 7)).save(mine / "masks/own_mask.png")
    adopt(out, mine, data)
    theirs, ours = pixels(out / "corrected/masks/0.png"), pixels(mine / "masks/0_mask.png")
    assert (ours == np.array([0, 100, 200])[theirs]).all()
    record = read_json(mine / "corrected.json")["0"]
    assert record["classes"] == {"spirochaete": 200, "erythrocyte": 100, "background": 0}
    # A folder that has adopted can be adopted in turn, by anyone with other values.
    shutil.rmtree(mine / "images")
    shutil.copytree(out / "corrected/images", mine / "images")
    (mine / "masks/own_mask.png").unlink()
    adopt(mine, tmp_path / "again", DATA)
    assert (pixels(tmp_path / "again/masks/0.png") == theirs).all()


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"classes": {"background": 0, "cell": 1}},
            r"corrected.json: has the classes background, erythrocyte, spirochaete, but data.cl",
        ),
        (
            {"mask_values": {"0": "background", "#ff0000": "erythrocyte", "1": "spirochaete"}},
            r"data.mask_values has no grey value for erythrocyte, as masks of classes need",
        ),
        (
            {"mask_values": {"0": "background", "instances": "erythrocyte"}},
            r"data.mask_values has no grey value for background, erythrocyte, spirochaete",
        ),
        ({"range": (0, 4095)}, r"data.range would change corrected pictures"),
    ],
)
def test_data_that_the_corrections_do_not_fit(made, tmp_path, changes, line):
    with pytest.raises(UserError, match=line):
        adopt(made / "out", tmp_path / "mine", DATA.model_copy(update=changes))
    assert not list(tmp_path.iterdir())


def test_folders_that_it_cannot_be(out, tmp_path, monkeypatch):
    (tmp_path / "data/empty").mkdir(parents=True)
    (line,) = refused(tmp_path / "data/empty", tmp_path / "data/mine")
    assert line.startswith(f"{tmp_path}/data/empty: holds no corrected masks; make some with")
    corrected = out / "corrected"
    (line,) = refused(out, corrected)
    assert line == f"{corrected}: is where these corrections are; name another folder"
    monkeypatch.chdir(tmp_path)
    (line,) = refused(out, tmp_path / "data/synthetic")
    assert "is drawn by the chain" in line
    (line,) = refused(out, tmp_path)
    assert "is the working folder" in line
    records = read_json(corrected / "corrected.json")
    del records["1"], records["0"]["classes"]
    write_json(corrected / "corrected.json", records)
    assert refused(out, tmp_path / "data/mine") == [
        f"{corrected}/corrected.json: does not tell the classes of {name}; open it in darkfield "
        "correct, and save it again (Shift-PageDown)"
        for name in "01"
    ]


def test_objects_that_are_not_known_leave_no_empty_folder(made, out, tmp_path):
    """The chain takes an empty instances/ for a mistake."""
    mine = tmp_path / "mine"
    adopt(out, mine, DATA)
    for number in (0, 1):
        correct(made, out, number, rows=5)
    shutil.rmtree(out / "corrected/instances")
    assert "replaced: 2" in adopt(out, mine, DATA)[-1]
    assert sorted(path.name for path in mine.iterdir()) == ["corrected.json", "images", "masks"]


def test_pixels_to_ignore_need_a_value(made, tmp_path):
    root = tmp_path / "root"
    for kind in ("images", "masks"):
        shutil.copytree(made / f"out/corrected/{kind}", root / kind)
    mask = pixels(root / "masks/0.png").copy()
    mask[0, 0] = 255
    Image.fromarray(mask).save(root / "masks/0.png")
    said = "has pixels to ignore; name a value for them in data.mask_values"
    assert refused(root, tmp_path / "data/mine") == [f"{root}/masks/0.png: {said}"]
    named = DATA.model_copy(update={"mask_values": DATA.mask_values | {"9": "ignore"}})
    adopt(root, tmp_path / "mine", named)
    assert pixels(tmp_path / "mine/masks/0.png")[0, 0] == 9


def test_what_another_program_saved(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where no params.yaml is
    run_correct(made / "out", made / "model", "labelme", tmp_path / "labelme")
    run_masks(tmp_path / "labelme", tmp_path / "root", [])
    lines = adopt(tmp_path / "root", tmp_path / "mine", DATA)
    assert "has no corrected.json: its masks are taken for indices of data.classes" in lines[0]
    assert lines[1:] == [f"{tmp_path}/mine: added: 3, replaced: 0, the same: 0"]
    assert (pixels(tmp_path / "mine/masks/2.png") == pixels(made / "out/2.png")).all()
    record = read_json(tmp_path / "mine/corrected.json")["2"]
    assert record["file"] == str(tmp_path / "root/images/2.png") and "predicted_by" not in record


def test_the_command(made, tmp_path):
    (tmp_path / "params.yaml").write_bytes((REPOSITORY / "params.yaml").read_bytes())
    command = ["darkfield", "adopt", str(made / "out"), "--into", "data/mine"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "data/mine: added: 2, replaced: 0, the same: 0",
        "to train on it, run darkfield use finetune, and set data.root: data/mine in params.yaml",
    ], done.stderr


KILLED = """
import os, signal, sys
from pathlib import Path
from darkfield import files
from darkfield.params import Params
from darkfield.report import adopted

def put(part, path):
    if sys.argv[3] == "after":
        files.put(part, path)
    os.kill(os.getpid(), signal.SIGKILL)

adopted.put = put
adopted.adopt(Path(sys.argv[1]), Path(sys.argv[2]), Params().data)
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_the_last_moment_it_leaves_all_or_nothing(made, out, tmp_path, when):
    mine = tmp_path / "data/mine"
    adopt(out, mine, DATA)
    before = contents(mine)
    correct(made, out, 2, rows=1)
    done = subprocess.run([sys.executable, "-c", KILLED, out, mine, when], env=os.environ)
    assert done.returncode == -signal.SIGKILL
    assert (contents(mine) == before) == (when == "before")
    assert ("masks/2.png" in contents(mine)) == (when == "after")
