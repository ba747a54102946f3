"""`darkfield predict`: every picture gets a label image and counts, bad ones are reported."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import roifile
import tifffile
from conftest import REPOSITORY
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from darkfield.arguments import ON_REQUEST, parser
from darkfield.cli import RUN, run_predict
from darkfield.data import listing
from darkfield.data.synthetic import scene
from darkfield.files import UserError, read_json, write_json
from darkfield.network.predictor import Predictor
from darkfield.report import labelling, labels
from darkfield.report.unfamiliar import warned, warning

SIZES = {"one": (40, 60), "deep/two": (33, 17), "three": (64, 70)}


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    for name, size in SIZES.items():
        path = tmp_path / f"in/{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)
    return tmp_path / "in"


def test_labels_overlays_and_counts_of_each(model, pictures, tmp_path):
    out = tmp_path / "out"
    run_predict([str(pictures)], out, model)
    for name, size in SIZES.items():
        label = Image.open(out / f"{name}.png")
        assert label.mode == "P"
        assert label.size == size[::-1]
        assert set(np.unique(label)) <= {0, 1, 2}
        assert Image.open(out / f"overlays/{name}.jpg").size == size[::-1]
    assert len(list(out.rglob("*.png"))) == len(SIZES)
    counts = pd.read_csv(out / "counts.csv", index_col="image")
    objects = pd.read_csv(out / "objects.csv")
    assert sorted(counts.index) == sorted(SIZES)
    assert counts["erythrocytes"].sum() == (objects["class"] == "erythrocyte").sum()
    assert counts["spirochaetes"].sum() == (objects["class"] == "spirochaete").sum()
    assert "area_um2" not in objects
    page = (out / "index.html").read_text(encoding="utf-8")
    assert all(f'"overlays/{name}.jpg"' in page for name in SIZES)

    found = Predictor(model, "cpu", "fp32").labels(np.asarray(Image.open(pictures / "one.png")))
    same = np.asarray(Image.open(out / "one.png")) == found
    assert same.mean() > 0.98  # bf16 moves a few


def test_probabilities_agree_with_the_labels(model, pictures, tmp_path):
    out = tmp_path / "out"
    run_predict([str(pictures)], out, model, also=["probabilities"], um_per_pixel=0.1)
    for name, size in SIZES.items():
        stack = tifffile.imread(out / f"probabilities/{name}.tif")
        assert stack.shape == (3, *size)
        assert stack.sum(axis=0) == pytest.approx(1, abs=1e-5)
        assert (stack.argmax(axis=0) == np.asarray(Image.open(out / f"{name}.png"))).all()
    assert "area_um2" in pd.read_csv(out / "objects.csv")


def test_the_options_are_the_files_that_can_be_asked_for():
    assert ON_REQUEST.keys() == {*listing.ON_REQUEST, "instances"}  # these by class


def test_objects_go_to_the_files_of_other_programs(pictures, tmp_path):
    out, every = tmp_path / "out", ["instances", "geojson", "rois"]
    model = REPOSITORY / "models/darkfield"  # one that finds some
    for seed, (name, size) in enumerate(SIZES.items(), 3):
        picture, *_ = scene(np.random.default_rng(seed), *size, 2)
        Image.fromarray(picture).save(pictures / f"{name}.png")
    run_predict([str(pictures)], out, model, also=every, um_per_pixel=0.1)
    objects = pd.read_csv(out / "objects.csv", dtype={"image": str})
    assert {"erythrocyte", "spirochaete"} == set(objects["class"])
    for name, size in SIZES.items():
        rows = objects[objects["image"] == name]
        features = read_json(out / f"geojson/{name}.geojson")["features"]
        areas = [feature["properties"]["measurements"]["area_um2"] for feature in features]
        assert areas == pytest.approx(rows["area_um2"].tolist())
        assert len(roifile.roiread(out / f"rois/{name}.zip")) == len(rows)
        for kind in ("erythrocyte", "spirochaete"):
            numbers = tifffile.imread(out / f"instances/{kind}/{name}.tif")
            assert numbers.shape == size
            found = np.bincount(numbers.ravel())[1:]
            assert found.tolist() == rows.loc[rows["class"] == kind, "area_px"].tolist()
    # A picture that has changed leaves no file of the former one.
    Image.new("RGB", (9, 9)).save(pictures / "one.png")
    run_predict([str(pictures)], out, model)
    for made in ("geojson/{}.geojson", "rois/{}.zip", "instances/erythrocyte/{}.tif"):
        assert not (out / made.format("one")).exists()
        assert (out / made.format("three")).exists()


def test_the_size_of_a_pixel_is_that_of_the_last_run(model, pictures, tmp_path):
    out, one = tmp_path / "out", [str(pictures / "one.png")]
    sizes = []
    for um in (None, 0.1, 0.2):
        run_predict(one, out, model, also=["probabilities", "instances"], um_per_pixel=um)
        for made in ("probabilities/one.tif", "instances/spirochaete/one.tif"):
            with tifffile.TiffFile(out / made) as file:
                sizes += re.findall(r'PhysicalSizeX="(.*?)"', file.ome_metadata)
    assert sizes == ["0.1", "0.1", "0.2", "0.2"]


def test_what_was_made_on_request_is_measured_as_the_tables_are(pictures, tmp_path):
    out, one = tmp_path / "out", [str(pictures / "one.png")]
    model = REPOSITORY / "models/darkfield"  # one that finds some
    picture, *_ = scene(np.random.default_rng(3), 96, 128, 2)
    Image.fromarray(picture).save(pictures / "one.png")
    run_predict(one, out, model, also=["geojson"], um_per_pixel=0.1)
    label = (out / "one.png").stat().st_mtime_ns
    run_predict(one, out, model, um_per_pixel=0.5)
    features = read_json(out / "geojson/one.geojson")["features"]
    areas = [feature["properties"]["measurements"]["area_um2"] for feature in features]
    assert areas == pytest.approx(pd.read_csv(out / "objects.csv")["area_um2"].tolist())
    assert areas and (out / "one.png").stat().st_mtime_ns == label
    run_predict(one, out, model, also=["probabilities"], um_per_pixel=0.5)
    run_predict(one, out, model, um_per_pixel=0.1)
    assert not (out / "probabilities/one.tif").exists()  # its pixels have another size


def files(out):
    """Every file's bytes and time stamp, by its path."""
    paths = sorted(path for path in out.rglob("*") if path.is_file())
    return {str(p.relative_to(out)): (p.read_bytes(), p.stat().st_mtime_ns) for p in paths}


def contents(out):
    return {name: data for name, (data, _) in files(out).items()}


def rows(out):
    return pd.read_csv(out / "counts.csv", dtype={"image": str}).set_index("image")


def swap(one, other):
    """Two files under each other's name, of one time stamp."""
    os.utime(other, ns=(one.stat().st_mtime_ns,) * 2)
    spare = one.with_name("spare")
    one.rename(spare)
    other.rename(one)
    spare.rename(other)


def test_it_continues_where_it_stopped(model, pictures, tmp_path, monkeypatch):
    """Killed before the last label is written: what was finished is kept, the rest is made."""
    out, write = tmp_path / "out", labelling.write_label

    def killed(path, *rest):
        if path.name == "three.png":
            raise SystemExit
        write(path, *rest)

    run_predict([str(pictures)], tmp_path / "whole", model)
    run_predict([str(pictures / "one.png")], out, model)
    with monkeypatch.context() as patch:
        patch.setattr(labelling, "write_label", killed)
        with pytest.raises(SystemExit):
            run_predict([str(pictures)], out, model)
    for name in ("counts.csv", "index.html"):
        assert not (out / name).exists()  # it would be of other labels
    before = files(out)
    run_predict([str(pictures)], out, model)
    after = files(out)
    assert {"one.png", "deep/two.png"} <= before.keys() and "three.png" not in before
    assert all(after[name] == before[name] for name in before if "three" not in name)
    assert contents(out) == contents(tmp_path / "whole")
    assert set(rows(out).index) == set(SIZES)


def test_a_label_belongs_to_the_bytes_of_its_picture(model, pictures, tmp_path):
    """Pictures under each other's name, and one that keeps its size and time stamp."""
    out = tmp_path / "out"
    run_predict([str(pictures)], out, model, also=["probabilities"])
    kept = files(out)
    swap(pictures / "one.png", pictures / "three.png")
    run_predict([str(pictures)], out, model, also=["probabilities"])
    assert files(out)["deep/two.png"] == kept["deep/two.png"]
    run_predict([str(pictures)], tmp_path / "fresh", model, also=["probabilities"])
    assert contents(out) == contents(tmp_path / "fresh")
    assert Image.open(out / "one.png").size == SIZES["three"][::-1]
    assert (rows(out).loc["one"] == rows(tmp_path / "fresh").loc["one"]).sum() > 3


def test_two_folders_of_equal_names_into_one(model, pictures, tmp_path, caplog):
    out, second = tmp_path / "out", tmp_path / "second"
    rng = np.random.default_rng(9)
    second.mkdir()
    Image.fromarray(rng.integers(0, 256, (50, 50, 3), dtype=np.uint8)).save(second / "one.png")
    run_predict([str(pictures)], out, model)
    first = files(out)
    run_predict([str(second)], out, model)
    run_predict([str(second)], tmp_path / "fresh", model)
    assert contents(out).items() >= contents(tmp_path / "fresh").items()
    assert list(rows(out).index) == ["one"]
    # The other labels stay where they are, and it is said that no table has them.
    assert {name for name in first if files(out).get(name) == first[name]} == {
        *("deep/two.png", "three.png", "overlays/deep/two.jpg", "overlays/three.jpg")
    }
    assert f"{out}: the tables do not cover 2 labels of other images there" in caplog.text


def test_pages_that_change_places(model, tmp_path):
    rng = np.random.default_rng(0)
    stack = rng.integers(0, 256, (2, 40, 40, 3), dtype=np.uint8)
    path, out = tmp_path / "in.tif", tmp_path / "out"
    for pages in (stack, stack[::-1]):
        tifffile.imwrite(path, pages, photometric="rgb")
        run_predict([str(path)], out, model)
        run_predict([str(path)], tmp_path / f"fresh{pages[0, 0, 0, 0]}", model)
        assert contents(out) == contents(tmp_path / f"fresh{pages[0, 0, 0, 0]}")


def test_a_changed_model_makes_its_labels_again(model, pictures, tmp_path):
    out = tmp_path / "out"
    run_predict([str(pictures)], out, model)
    first = contents(out)
    other = shutil.copytree(model, tmp_path / "other")
    spec = read_json(model / "model.json")
    write_json(other / "model.json", spec | {"mean": [0.9, 0.1, 0.1]})
    run_predict([str(pictures)], out, other)
    run_predict([str(pictures)], tmp_path / "fresh", other)
    assert contents(out) == contents(tmp_path / "fresh") != first


def test_a_label_is_kept_only_as_long_as_all_code_that_made_it_is_the_same():
    """The code that reads pictures, too, of any kind; not that of tables and pages."""
    package = REPOSITORY / "src/darkfield"
    files = {path.relative_to(package).as_posix() for path in labelling.code()}
    assert files >= {
        *("report/labelling.py", "report/label_file.py", "report/overlays.py"),
        *("data/reading.py", "data/depth.py", "data/tiff.py", "data/raster.py", "data/zeiss.py"),
        *("network/predictor.py", "objects/table.py", "objects/confidence.py"),
    }
    assert not {"report/labels.py", "report/predictions.py", "cli.py"} & files


def test_what_a_label_lacks_is_made_and_what_is_not_of_it_is_removed(model, pictures, tmp_path):
    """Probabilities of a picture that was replaced do not come back later."""
    out = tmp_path / "out"
    run_predict([str(pictures)], out, model, also=["probabilities"])
    swap(pictures / "one.png", pictures / "three.png")
    run_predict([str(pictures)], out, model)
    assert {path.name for path in (out / "probabilities").rglob("*.tif")} == {"two.tif"}
    (out / "overlays/one.jpg").unlink()
    run_predict([str(pictures)], out, model, also=["probabilities"])
    run_predict([str(pictures)], tmp_path / "fresh", model, also=["probabilities"])
    assert contents(out) == contents(tmp_path / "fresh")


def test_a_kill_between_overlay_and_label(model, pictures, tmp_path, monkeypatch):
    """The picture comes back that the last whole label was of: its overlay is not the other's."""
    out, one = tmp_path / "out", pictures / "one.png"
    run_predict([str(one)], out, model)
    first, picture = contents(out), one.read_bytes()
    one.write_bytes((pictures / "three.png").read_bytes())
    with monkeypatch.context() as patch:
        patch.setattr(labelling, "write_label", lambda *_: sys.exit())
        with pytest.raises(SystemExit):
            run_predict([str(one)], out, model)
    assert contents(out) != first
    one.write_bytes(picture)
    run_predict([str(one)], out, model)
    assert contents(out) == first


@pytest.mark.parametrize("text", ["darkfield", None], ids=["edited", "another program's"])
def test_labels_that_predict_did_not_write_are_reported_and_left_alone(
    model, pictures, tmp_path, text
):
    out = tmp_path / "out"
    run_predict([str(pictures)], out, model)
    with Image.open(out / "one.png") as label:
        label.load()
    label.putpixel((3, 3), 1 - bool(label.getpixel((3, 3))))
    info = PngInfo()
    if text:
        info.add_text(text, label.info[text])
    label.save(out / "one.png", pnginfo=info)
    edited = (out / "one.png").read_bytes()
    with pytest.raises(UserError, match=r"one.png: .*out/one.png is not as predict wrote it; move"):
        run_predict([str(pictures)], out, model)
    assert (out / "one.png").read_bytes() == edited
    assert set(rows(out).index) == {*SIZES} - {"one"}


def test_tables_of_no_picture_have_their_columns_alone(model, pictures, tmp_path):
    out = tmp_path / "out"
    run_predict([str(pictures)], out, model, um_per_pixel=0.5)
    before = pd.read_csv(out / "counts.csv")
    for path in pictures.rglob("*.png"):
        path.write_text("no picture")
    with pytest.raises(UserError, match="cannot be read"):
        run_predict([str(pictures)], out, model, um_per_pixel=0.5)
    counts, objects = (pd.read_csv(out / f"{name}.csv") for name in ("counts", "objects"))
    assert counts.empty and objects.empty
    assert "0 pictures" in (out / "index.html").read_text(encoding="utf-8")
    assert list(counts) == list(before) and "area_um2" in objects


def test_an_older_model_of_other_classes_finds_their_components(model, pictures, tmp_path):
    other = shutil.copytree(model, tmp_path / "other")
    classes = {"background": 0, "red_cell": 1, "worm": 2}
    write_json(other / "model.json", read_json(model / "model.json") | {"classes": classes})
    run_predict([str(pictures)], tmp_path / "out", other, also=["instances"])
    assert list(rows(tmp_path / "out")) == [
        *("red_cells", "red_cells_low", "red_cells_high", "worms", "worms_low", "worms_high"),
        *("mean_diameter_px_red_cell", "mean_diameter_px_worm"),
        *(f"coverage_{name}" for name in classes),
        *("warning", "read", "um_per_pixel", "um_from", "file"),
    ]
    objects = pd.read_csv(tmp_path / "out/objects.csv", dtype={"image": str})
    assert set(objects["class"]) <= {"red_cell", "worm"} and len(objects)
    assert not {"length_px", "width_px", "distance_px"} & {*objects}
    for name in SIZES:
        indices = np.asarray(Image.open(tmp_path / f"out/{name}.png"))
        for kind, index in list(classes.items())[1:]:
            numbers = tifffile.imread(tmp_path / f"out/instances/{kind}/{name}.tif")
            assert ((numbers > 0) == (indices == index)).all()
            of = objects[(objects["image"] == name) & (objects["class"] == kind)]
            assert numbers.max() == len(of)


@pytest.mark.skipif(sys.platform != "linux", reason="only there processes are forked")
def test_many_processes_give_what_one_gives(model, pictures, tmp_path, monkeypatch):
    """Enough pictures for two; one cannot be read."""
    for seed in range(5):
        picture, *_ = scene(np.random.default_rng(seed), 40, 60, 2)
        Image.fromarray(picture).save(pictures / f"scene{seed}.png")
    (pictures / "broken.png").write_bytes(b"no picture")
    by, new = tmp_path / "by", labelling.new
    by.mkdir()

    def noted(source, *rest):
        (by / f"{os.getpid()}").touch()
        return new(source, *rest)

    monkeypatch.setattr(labelling, "new", noted)
    for out, processes in (("one", 0), ("two", 2)):
        monkeypatch.setattr(labels, "worth", lambda *_, n=processes: n)
        with pytest.raises(UserError, match=r"broken\.png: ") as caught:
            run_predict([str(pictures)], tmp_path / out, model)
        assert len(str(caught.value).splitlines()) == 1
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert len(list(by.iterdir())) == 3  # this one, and the two


def test_a_bad_picture_does_not_stop_the_others(model, pictures, tmp_path):
    (pictures / "bad.png").write_text("no picture")
    command = [Path(sys.executable).with_name("darkfield"), "predict", pictures, "--model", model]
    done = subprocess.run([*command, "--out", tmp_path / "out"], capture_output=True, text=True)
    assert done.returncode == 1
    reason = done.stderr.strip().splitlines()[-1]
    assert "bad.png: cannot be read" in reason
    assert "Traceback" not in done.stderr
    assert len(list((tmp_path / "out").rglob("*.png"))) == len(SIZES)
    assert "bad.png: cannot be read" in (tmp_path / "out/index.html").read_text(encoding="utf-8")


def test_the_first_line_says_which_model_it_is_and_which_others_are_here(
    model, pictures, tmp_path, monkeypatch, capsys
):
    spec = read_json(model / "model.json")
    for folder, more in {
        "models/darkfield": {"trained_on": {"a": 1, "b": 2}, "data": "Two of mine. And more."},
        "models/other": {},
        "results/model": {"trained_on": {"a": 1}},
    }.items():
        shutil.copytree(model, tmp_path / folder)
        write_json(tmp_path / folder / "model.json", spec | more)
    monkeypatch.chdir(tmp_path)
    of = "segnet for background, erythrocyte, spirochaete; trained on"
    for arguments, first in {
        (): f"models/darkfield: {of} 2 images (Two of mine); "
        "also here: --model models/other, --model results/model",
        ("--model", "results/model"): f"results/model: {of} 1 image; "
        "also here: --model models/darkfield, --model models/other",
        ("--model", str(model)): f"{model}: {of} images that it does not list; "
        "also here: --model models/darkfield, --model models/other, --model results/model",
    }.items():
        options = vars(parser().parse_args(["predict", str(pictures), "--out", "out", *arguments]))
        RUN[options.pop("command")](**options)
        assert capsys.readouterr().err.splitlines()[0] == first


def test_what_is_no_model_is_reported_in_a_line(pictures, tmp_path):
    with pytest.raises(UserError) as error:
        run_predict([str(pictures)], tmp_path / "out", tmp_path / "none")
    assert [line.partition(": ")[2] for line in str(error.value).splitlines()] == [
        "no such file; --model must name a model folder"
    ] * 2
    broken = tmp_path / "broken"
    broken.mkdir()
    write_json(broken / "model.json", {"classes": {"background": 0}, "model": {"name": "segnet"}})
    (broken / "model.safetensors").write_bytes(b"rubbish")
    with pytest.raises(UserError, match="not a model that this version can read"):
        run_predict([str(pictures)], tmp_path / "out", broken)
    assert not (tmp_path / "out").exists()


def test_the_shipped_model_says_how_sure_it_is_and_what_it_does_not_know(tmp_path, capsys):
    """The same from labels that are kept, in which the network's evidence is stored."""
    picture = scene(np.random.default_rng(3), 120, 160)[0]
    (tmp_path / "in").mkdir()
    for name, pixels in (("darkfield", picture), ("inverted", 255 - picture)):
        Image.fromarray(pixels).save(tmp_path / f"in/{name}.png")
    out, model = tmp_path / "out", REPOSITORY / "models/darkfield"
    run_predict([str(tmp_path / "in")], out, model)
    assert "of 2 pictures are unlike those that the model knows" in capsys.readouterr().err
    tables = [(out / name).read_bytes() for name in ("counts.csv", "objects.csv")]
    counts = pd.read_csv(out / "counts.csv", index_col="image")
    assert counts.loc["inverted", "warning"].startswith(
        "unlike the pictures that the model knows ("
    )
    objects = pd.read_csv(out / "objects.csv")
    objects = objects[objects["image"] == "darkfield"]
    assert len(objects) and objects["confidence"].between(0, 1).all()
    row = counts.loc["darkfield"]
    for name in ("erythrocyte", "spirochaete"):
        of = objects[(objects["class"] == name) & objects["counted"]]
        assert row[f"{name}s_low"] <= row[f"{name}s"] == len(of) <= row[f"{name}s_high"]
    run_predict([str(tmp_path / "in")], out, model)
    assert [(out / name).read_bytes() for name in ("counts.csv", "objects.csv")] == tables


def test_a_message_names_some_of_the_pictures_with_a_warning():
    table = pd.DataFrame({"image": [*"abcdefgh"], "warning": ["far"] * 6 + ["", None]})
    assert warned(table).startswith("6 of 8 pictures are unlike")
    assert "nothing: a, b, c, d, e and 1 more; see warning" in warned(table)
    assert warned(table[6:]) == ""
    assert warning(None) == warning(1.0) == ""
    assert warning(1.26) == "unlike the pictures that the model knows (1.3 times the limit)"
