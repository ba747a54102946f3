"""New pictures are read, scaled and resized as those that the model was trained on."""

import numpy as np
import pandas as pd
import pytest
import tifffile
from conftest import REPOSITORY
from PIL import Image

from darkfield.arguments import parser
from darkfield.cli import run_predict
from darkfield.data.axes import Asked
from darkfield.data.raster import MOST_PIXELS
from darkfield.data.synthetic import scene
from darkfield.files import UserError, read_csv, read_json, write_json
from darkfield.network.predictor import Predictor
from darkfield.network.spec import SPEC, Reading, load_spec, reading
from darkfield.report.as_trained import as_trained, of_other_scale, uncalibrated, zoom_to
from darkfield.shipped import MODEL

NATIVE = pytest.mark.parametrize("model", ["native"], indirect=True)
PICTURE, *_ = scene(np.random.default_rng(3), 96, 128, 2)


@pytest.fixture
def folder(tmp_path):
    """The same scene as 8 bits, as 12 bits in 16 and as an OME-TIFF with a scale."""
    (tmp_path / "in").mkdir()
    Image.fromarray(PICTURE).save(tmp_path / "in/eight.png")
    deep = PICTURE.astype(np.uint16) * 16
    tifffile.imwrite(tmp_path / "in/twelve.tif", deep, photometric="rgb")
    sizes = {f"PhysicalSize{axis}": 0.2 for axis in "XY"}
    options = {"ome": True, "photometric": "rgb", "metadata": {"axes": "YXS", **sizes}}
    tifffile.imwrite(tmp_path / "in/scaled.tif", PICTURE, **options)
    return tmp_path / "in"


def told(model, **facts):
    """The model, which says these facts about the pictures it was trained on."""
    spec = read_json(model / "model.json") | {"reading": facts}
    write_json(model / "model.json", spec)
    return model


@NATIVE
def test_what_is_said_of_each_picture(model, folder, tmp_path, capsys):
    out = tmp_path / "out"
    run_predict([str(folder)], out, told(model))
    counts = read_csv(out / "counts.csv").set_index("image")
    assert counts["read"]["eight"] == "8 bits"
    assert counts["read"]["twelve"].endswith(" (the folder's 0.1 to 99.9 %)")
    assert counts["um_per_pixel"].fillna(0).to_dict() == {"eight": 0, "scaled": 0.2, "twelve": 0}
    assert counts["um_from"]["scaled"] == "OME PhysicalSizeX"
    objects = read_csv(out / "objects.csv").set_index("image")
    scaled = objects[objects.index == "scaled"]
    assert scaled["area_um2"].tolist() == pytest.approx((scaled["area_px"] * 0.04).tolist())
    assert set(scaled["um_from"]) <= {"OME PhysicalSizeX"}
    assert objects["area_um2"][objects.index != "scaled"].isna().all()
    said = capsys.readouterr().err
    assert "read: 2 pictures: 8 bits; 1 picture: " in said
    assert "counts of erythrocyte, spirochaete are not calibrated" in said


@NATIVE
def test_the_range_of_the_model_gives_the_pixels_of_training(model, folder, tmp_path):
    out = tmp_path / "out"
    run_predict([str(folder)], out, told(model, ranges={"uint16": [0, 255 * 16]}))
    labels = [np.asarray(Image.open(out / f"{name}.png")) for name in ("eight", "twelve", "scaled")]
    assert (labels[0] == labels[1]).all()
    assert (labels[0] == labels[2]).all()
    counts = read_csv(out / "counts.csv").set_index("image")
    assert counts["read"]["twelve"] == "0 to 4080 (the model's)"


@NATIVE
def test_labels_are_kept_until_a_picture_is_read_otherwise(model, folder, tmp_path):
    out = tmp_path / "out"

    def made(**options):
        run_predict([str(folder)], out, told(model), **options)
        return {path.stem: path.stat().st_mtime_ns for path in out.glob("*.png")}

    first = made()
    assert made() == first
    assert made(um_per_pixel=0.2) == first  # the tables change, the labels do not
    other = made(limits=(0, 4080))
    assert all(other[name] != first[name] for name in first)
    # Another range of the folder touches those that it is for.
    again = made()
    (folder / "new.tif").write_bytes((folder / "twelve.tif").read_bytes())
    tifffile.imwrite(folder / "new.tif", PICTURE.astype(np.uint16) * 32, photometric="rgb")
    changed = made()
    assert {name for name in again if changed[name] != again[name]} == {"twelve"}


@NATIVE
def test_a_scale_that_contradicts_the_file_is_a_problem_of_that_picture(model, folder, tmp_path):
    with pytest.raises(UserError) as error:
        run_predict([str(folder)], tmp_path / "out", told(model), um_per_pixel=0.5)
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"{folder}/scaled.tif: says 0.2 micrometres per pixel (OME Phys")
    counts = read_csv(tmp_path / "out/counts.csv").set_index("image")
    assert counts["um_per_pixel"].to_dict() == {"eight": 0.5, "twelve": 0.5}
    assert set(counts["um_from"]) == {"asked"}


@NATIVE
def test_a_name_that_cannot_be_used_stops_nothing_but_itself(model, folder, tmp_path):
    (folder / "new\nline.png").write_bytes((folder / "eight.png").read_bytes())
    with pytest.raises(UserError, match=r"^[^\n]*new\\nline.png: has a control character[^\n]*$"):
        run_predict([str(folder)], tmp_path / "out", told(model))
    assert len(read_csv(tmp_path / "out/counts.csv")) == 3


@NATIVE
def test_time_points_have_names_of_their_own(model, tmp_path):
    film = np.stack([PICTURE[..., 0]] * 2)
    tifffile.imwrite(tmp_path / "a.tif", film, imagej=True, metadata={"axes": "TYX"})
    run_predict([str(tmp_path / "a.tif")], tmp_path / "out", told(model))
    assert read_csv(tmp_path / "out/counts.csv")["image"].tolist() == ["a_t001", "a_t002"]


@NATIVE
def test_rescaled_pictures_pass_as_large_as_in_training(model, folder, tmp_path):
    said = told(model, um_per_pixel=0.1)
    run_predict([str(folder / "scaled.tif")], tmp_path / "out", said, rescale=True)
    label = np.asarray(Image.open(tmp_path / "out/scaled.png"))
    assert label.shape == PICTURE.shape[:2]
    predictor = Predictor(said)
    double = np.asarray(Image.fromarray(PICTURE).resize((256, 192), Image.Resampling.BILINEAR))
    assert (label == predictor.labels(double)[::2, ::2]).mean() > 0.9
    bands = zip(predictor.zoomed(PICTURE, 1), predictor.bands(PICTURE), strict=True)
    assert all((one == other).all() for one, other in bands)


@NATIVE
def test_what_cannot_be_rescaled(model, folder, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(UserError, match="the model does not say what size of a pixel it was train"):
        run_predict([str(folder)], out, told(model), rescale=True)
    with pytest.raises(UserError, match=r"eight.png: does not say how large its pixels are"):
        run_predict([str(folder)], out, told(model, um_per_pixel=0.1), rescale=True)
    resized = told(model, um_per_pixel=0.1)
    spec = read_json(resized / "model.json") | {"image_size": [64, 96]}
    write_json(resized / "model.json", spec)
    with pytest.raises(UserError, match="the model resizes every picture to 96x64 anyway"):
        run_predict([str(folder)], out, resized, rescale=True)
    with pytest.raises(ValueError, match=r"rescaled by 1\.2e\+08, has more than"):
        zoom_to(0.1, 0.1 * MOST_PIXELS, PICTURE)


def test_pictures_of_another_scale_are_told():
    counts = pd.DataFrame({"um_per_pixel": [0.1, 0.149, 0.151, 0.3, np.nan, 0.05]})
    assert of_other_scale(counts, 0.1) == (
        "3 of 6 pictures have 0.05 to 0.3 micrometres per pixel, the model was trained on 0.1, so "
        "that their counts may mean nothing; --rescale brings them to the model's"
    )
    assert of_other_scale(counts[:2], 0.1) == ""
    assert of_other_scale(counts, None) == ""


def test_counts_that_are_not_calibrated_are_told():
    model = load_spec(REPOSITORY / MODEL / SPEC)
    assert list(uncalibrated(model)) == []
    one = {"erythrocyte": model.calibration.objects["erythrocyte"]}
    half = model.calibration.model_copy(update={"objects": one})
    (line,) = uncalibrated(model.model_copy(update={"calibration": half}))
    assert line.startswith("counts of spirochaete are not calibrated")
    borrowed = one["erythrocyte"].model_copy(update={"spread": None})
    half = half.model_copy(update={"objects": {"erythrocyte": borrowed}})
    lines = list(uncalibrated(model.model_copy(update={"calibration": half})))
    assert lines[0].startswith("counts of spirochaete are not calibrated")
    assert lines[1].startswith("counts of erythrocyte have no interval")
    (line,) = uncalibrated(model.model_copy(update={"calibration": None}))
    assert line.startswith("counts of erythrocyte, spirochaete are not calibrated")


def test_what_is_not_asked_is_as_in_training():
    known = Reading(channels=(2,), z=3, limits=(0, 4095), dtypes=("uint16",))
    assert as_trained(Asked(), known) == Asked((2,), 3, (0, 4095), ("uint16",))
    assert as_trained(Asked((1,), 1, (0, 9)), known) == Asked((1,), 1, (0, 9), ())
    assert as_trained(Asked(), Reading()) == Asked()


def test_what_a_model_keeps_of_its_pictures():
    table = pd.DataFrame(
        {
            "split": ["train", "train", "test"],
            "dtype": ["uint16", "uint8", "uint16"],
            "folder_low": [3.0, None, 3.0],
            "folder_high": [900.0, None, 900.0],
            "um_per_pixel": [0.1, None, 0.7],
        }
    )
    assert reading(table, Asked()) == Reading(ranges={"uint16": (3, 900)}, um_per_pixel=0.1)
    asked = reading(table, Asked(channels=(1,), limits=(0, 4095)))
    assert (asked.limits, asked.dtypes) == ((0, 4095), ("uint16", "uint8"))
    assert reading(table.assign(um_per_pixel=np.nan), Asked()).um_per_pixel is None


def test_the_options_of_the_command():
    line = "predict in --out out --channels 3,FITC,1 --z 2 --range 0 4095 --rescale"
    given = vars(parser().parse_args(line.split()))
    assert given["channels"] == (3, "FITC", 1)
    assert (given["z"], given["limits"], given["rescale"]) == (2, [0, 4095], True)
    with pytest.raises(UserError, match="--range: 0 is not below inf, both finite"):
        run_predict([], None, None, limits=(0, float("inf")))
    with pytest.raises(UserError, match="--range: 9 is not below 3"):
        run_predict([], None, None, limits=(9, 3))


@pytest.mark.parametrize("wrong", ["--channels 1,2", "--z 0", "--range 1"])
def test_options_that_mean_nothing_are_refused(wrong):
    with pytest.raises(SystemExit):
        parser().parse_args(f"predict in --out out {wrong}".split())
