"""What was corrected in napari: saved apart from the predictions, and found again."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from conftest import REPOSITORY
from PIL import Image

from darkfield.cli import run_correct, run_predict
from darkfield.data.instances import read_numbers
from darkfield.data.synthetic import scene
from darkfield.files import UserError, read_csv, read_json, write_csv, write_json
from darkfield.objects.repainted import Painted
from darkfield.report.corrected import save, state
from darkfield.report.corrections import predicted, predictions

MODEL = REPOSITORY / "models/darkfield"  # one that finds something


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three pictures of random scenes, and OUT; not to be changed."""
    tmp_path = tmp_path_factory.mktemp("made")
    (tmp_path / "in").mkdir()
    for seed in range(3):
        picture, *_ = scene(np.random.default_rng(seed), 60, 80, 3)
        Image.fromarray(picture).save(tmp_path / f"in/{seed}.png")
    run_predict([str(tmp_path / "in")], tmp_path / "out", MODEL, also=["probabilities"])
    return tmp_path


def of(folder, kind, name="0"):
    return np.asarray(Image.open(folder / f"{kind}/{name}.png"))


def test_a_corrected_picture_is_found_again_and_its_prediction_is_kept(made, tmp_path):
    into, found = tmp_path / "into", predictions(made / "out", MODEL)
    place = found.places[0]
    one = predicted(found, place)
    before = state(into, place, one)
    assert (before.indices == one.indices).all() and (before.numbers == one.drawn.numbers).all()
    label = place.label.read_bytes()
    indices = one.indices.copy()
    indices[:5, :7] = 2
    saved = save(into, found, place, one, before, Painted(indices, before.numbers))
    assert (of(into, "masks") == indices).all()
    assert (of(into, "images") == of(made, "in")).all()
    assert (read_numbers(into / "instances/0.png", indices) == saved.numbers).all()
    again = state(into, place, one)
    assert all((a == b).all() for a, b in zip(again, saved, strict=True))
    record = read_json(into / "corrected.json")["0"]
    assert record["changed_px"] == (indices != one.indices).sum() > 0
    assert record["file"] == str(made / "in/0.png")
    # Neither does this change what predict wrote, nor predict what was corrected.
    assert place.label.read_bytes() == label
    run_predict([str(made / "in")], made / "out", MODEL)
    assert place.label.read_bytes() == label and (of(into, "masks") == indices).all()


def test_corrections_of_another_picture_of_that_name_are_not_shown(made, tmp_path):
    into, found = tmp_path / "into", predictions(made / "out", MODEL)
    first, other = found.places[:2]
    one = predicted(found, first)
    before = state(into, first, one)
    save(into, found, first, one, before, before)
    with pytest.raises(ValueError, match="has corrections of another picture of this name"):
        state(into, other._replace(name=first.name), predicted(found, other))


def test_corrections_with_classes_in_another_order_are_not_shown(made, tmp_path):
    into, found = tmp_path / "into", predictions(made / "out", MODEL)
    place = found.places[0]
    one = predicted(found, place)
    before = state(into, place, one)
    save(into, found, place, one, before, before)
    names = reversed(found.spec.classes)
    other = one._replace(classes=dict(zip(names, found.spec.classes.values(), strict=True)))
    with pytest.raises(ValueError, match="corrections of it with the classes of another model"):
        state(into, place, other)
    record = read_json(into / "corrected.json")
    del record["0"]["classes"]  # of an earlier version
    write_json(into / "corrected.json", record)
    assert (state(into, place, other).indices == before.indices).all()


def test_a_correction_that_is_gone_or_damaged_is_told(made, tmp_path):
    into, found = tmp_path / "into", predictions(made / "out", MODEL)
    place = found.places[0]
    one = predicted(found, place)
    before = state(into, place, one)
    save(into, found, place, one, before, before)
    (into / "instances/0.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"instances/0\.png cannot be read \(damaged\); rest"):
        state(into, place, one)
    (into / "masks/0.png").unlink()
    with pytest.raises(ValueError, match=r"masks/0\.png cannot be read \(No such file"):
        state(into, place, one)


def test_what_the_model_has_no_class_for_is_refused(made, tmp_path):
    found = predictions(made / "out", MODEL)
    one = predicted(found, found.places[0])
    before = state(tmp_path, found.places[0], one)
    with pytest.raises(ValueError, match=r"has the class 3, which \S+ lacks"):
        save(
            tmp_path,
            found,
            found.places[0],
            one,
            before,
            Painted(np.full_like(one.indices, 3), before.numbers),
        )
    assert not list(tmp_path.iterdir())


def test_without_a_screen_it_says_so(made, monkeypatch):
    if sys.platform != "linux":
        pytest.skip("only there Qt ends the process")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match=r"napari needs a screen, and none is here.* with --to"):
        run_correct(made / "out", MODEL, None, None)


@pytest.mark.long
def test_a_user_paints_a_pixel_accepts_a_picture_and_leaves(made, tmp_path):
    """By mouse and keyboard, in a real window; see tests/painter.py."""
    if not find_spec("PyQt6"):
        pytest.skip("no napari with a window: pip install 'darkfield[napari]'")
    if not (xvfb := shutil.which("xvfb-run")):
        pytest.skip("no screen: apt-get install xvfb")
    out, into = shutil.copytree(made / "out", tmp_path / "out"), tmp_path / "into"
    counts = read_csv(out / "counts.csv")
    counts["file"] = counts["file"].str.replace("2.png", "gone.png")  # passed over, told at the end
    write_csv(out / "counts.csv", counts)
    command = [sys.executable, REPOSITORY / "tests/painter.py", out, MODEL, into]
    options = ("-a", "-s", "-screen 0 1400x900x24")
    napari = {"NAPARI_CONFIG": str(tmp_path / "napari.yaml"), "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(
        [xvfb, *options, *command],
        env=os.environ | napari,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "at most 2\npainted 1\n" in done.stdout, done.stdout + done.stderr
    assert "gone.png: no such file" in done.stderr
    record = read_json(into / "corrected.json")
    assert sorted(each["changed_px"] for each in record.values()) == [0, 1]
    for name in record:
        label = np.asarray(Image.open(made / f"out/{name}.png"))
        mask = of(into, "masks", name)
        at = np.argwhere(mask != label)
        assert len(at) == record[name]["changed_px"]
        read_numbers(into / f"instances/{name}.png", mask)
        if len(at):
            assert np.abs(at[0] - np.array(mask.shape) / 2).max() <= 2
