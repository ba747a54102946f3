"""`darkfield correct`: from predictions to programs, and by `darkfield masks` to a data root."""

import shutil

import numpy as np
import pytest
import tifffile
from conftest import REPOSITORY
from PIL import Image

from darkfield.arguments import PROGRAMS, parser
from darkfield.cli import run_correct, run_masks, run_predict
from darkfield.data.synthetic import scene
from darkfield.files import UserError, read_csv, read_json, write_json
from darkfield.params import Params
from darkfield.report.corrections import export

MODEL = REPOSITORY / "models/darkfield"  # one that finds something


@pytest.fixture(scope="module")
def predictions(tmp_path_factory):
    """A folder `in` of pictures, one below, one of three pages and 12 bits, and `out` of labels."""
    folder = tmp_path_factory.mktemp("predictions")
    (folder / "in/deep").mkdir(parents=True)
    (folder / "in/deep/two.d").mkdir()
    scenes = [scene(np.random.default_rng(seed), 48, 64, 2)[0] for seed in range(6)]
    for name, picture in zip(("one", "deep/two", "same", "deep/two.d/x"), scenes, strict=False):
        Image.fromarray(picture).save(folder / f"in/{name}.png")
    Image.fromarray(scenes[4]).save(folder / "in/same.tif")
    pages = [page[..., 1].astype(np.uint16) * 16 for page in scenes[:3]]
    tifffile.imwrite(folder / "in/pages.tif", np.stack(pages), metadata={"axes": "TYX"})
    run_predict([str(folder / "in")], folder / "out", MODEL)
    return folder


@pytest.fixture
def own(predictions, tmp_path):
    """Where `predictions` may be changed."""
    return shutil.copytree(predictions, tmp_path / "own")


NAMES = {
    **{"one": "one", "deep/two": "deep_two", "deep/two.d/x": "deep_two.d_x"},
    **{"same.png": "same_png", "same.tif": "same_tif"},
    **{f"pages_t{n:03}": f"pages_t{n:03}" for n in (1, 2, 3)},
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_predictions_become_masks_again(program, predictions, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)  # where no params.yaml is
    out = predictions / "out"
    run_correct(out, MODEL, program, tmp_path / program)
    assert f"darkfield masks {tmp_path / program}" in capsys.readouterr().out
    run_masks(tmp_path / program, tmp_path / "root", [])
    counts = read_csv(out / "counts.csv")
    assert sorted(counts["image"]) == sorted(NAMES)
    for name, alone in NAMES.items():
        label = np.asarray(Image.open(out / f"{name}.png"))
        mask = np.asarray(Image.open(tmp_path / f"root/masks/{alone}.png"))
        np.testing.assert_array_equal(mask, label)
        assert label.any()
        numbers = np.asarray(Image.open(tmp_path / f"root/instances/{alone}.png"))
        assert ((numbers > 0) == (mask > 0)).all()
        picture = Image.open(tmp_path / f"root/images/{alone}.png")
        assert picture.mode == "RGB" and picture.size == label.shape[::-1]
    one = [Image.open(p) for p in (tmp_path / "root/images/one.png", predictions / "in/one.png")]
    assert (np.asarray(one[0]) == np.asarray(one[1])).all()


@pytest.mark.parametrize("background", ["background", None])
def test_a_background_of_any_index_becomes_itself_again(
    background, predictions, tmp_path, monkeypatch, capsys
):
    classes = {"spirochaete": 0, "erythrocyte": 1, "background": 2}
    spec = read_json(MODEL / "model.json") | {"classes": classes, "background": background}
    model = shutil.copytree(MODEL, tmp_path / "model")
    write_json(model / "model.json", spec)
    data = Params().data.model_copy(update={"classes": classes, "background": background})
    monkeypatch.setattr("darkfield.cli.own_data", lambda: data)
    run_predict([str(predictions / "in/one.png")], tmp_path / "out", model)
    run_correct(tmp_path / "out", model, "labelme", None)
    run_masks(tmp_path / "out/labelme", tmp_path / "root", [])
    ignored = '"255": "ignore"' in capsys.readouterr().out
    assert ignored == (background is None)
    label, mask = (
        np.asarray(Image.open(tmp_path / path)) for path in ("out/one.png", "root/masks/one.png")
    )
    assert len(np.unique(label)) > 1
    np.testing.assert_array_equal(mask, label)


def test_the_default_folder_is_in_that_of_the_predictions(own):
    run_correct(own / "out", MODEL, "cvat", None)
    assert (own / "out/cvat/annotations.xml").is_file()
    with pytest.raises(UserError, match=r"cvat: is there already, perhaps with corrections"):
        run_correct(own / "out", MODEL, "cvat", None)
    # What is there is no picture, and no label, of another run.
    run_predict([str(own / "in")], own / "out", MODEL)
    assert len(read_csv(own / "out/counts.csv")) == len(NAMES)
    assert (own / "out/cvat/annotations.xml").is_file()


def test_the_layout_of_snakemake_predict(predictions, own):
    out = own / "results"
    shutil.copytree(own / "out", out / "labels")
    for table in ("counts.csv", "objects.csv"):
        (out / "labels" / table).rename(out / table)
    export(out, MODEL, "labelme", own / "labelme")
    assert len([*(own / "labelme").glob("*.json")]) == len(NAMES)


def problems_of(folder, model=MODEL, **how):
    with pytest.raises(UserError) as error:
        export(folder / "out", model, "labelme", folder / "labelme", **how)
    assert not (folder / "labelme").exists()
    return str(error.value).splitlines()


def test_all_that_is_wrong_is_told_and_nothing_written(own):
    run_predict([str(own / "in")], own / "out", MODEL)  # the pictures are in another folder now
    (own / "in/one.png").unlink()
    Image.new("RGB", (64, 48)).save(own / "in/same.png")
    Image.new("L", (64, 48)).save(own / "out/deep/two.png")
    assert problems_of(own) == [
        f"{own}/in/deep/two.png: {own}/out/deep/two.png is not as predict wrote it; move it "
        "elsewhere, or choose another --out",
        f"{own}/in/one.png: no such file; work in the folder in which predict was run",
        f"{own}/in/same.png: is another picture than predict saw; run predict again",
    ]


@pytest.mark.parametrize("model", ["native"], indirect=True)
def test_the_model_must_be_that_of_the_predictions(own, model):
    (line,) = problems_of(own, model)
    assert line == f"{own}/out: is not the work of {model}; name its model with --model"


def test_folders_that_predict_did_not_write(own):
    counts = read_csv(own / "out/counts.csv")
    counts.drop(columns="file").to_csv(own / "out/counts.csv", index=False)
    assert problems_of(own) == [
        f"{own}/out: does not say where its pictures are; run darkfield predict again"
    ]
    (own / "out/counts.csv").unlink()
    assert problems_of(own) == [
        f"{own}/out: holds no counts.csv; name a folder that darkfield predict wrote"
    ]


def test_names_in_one_folder(own):
    shutil.copy(own / "in/deep/two.png", own / "in/deep_two.png")
    run_predict([str(own / "in")], own / "out", MODEL)
    assert problems_of(own) == ["deep_two: several pictures would have this name"]


def test_the_options():
    of = parser().parse_args(["correct", "OUT", "--to", "labelme"])
    assert (of.program, of.into) == ("labelme", None)
    with pytest.raises(SystemExit):
        parser().parse_args(["correct", "OUT", "--to", "paint"])
