"""model.json: read as it was written, by this version or an earlier one; else refused."""

import pytest
from conftest import REPOSITORY
from toy import model_folder

from darkfield.files import UserError, read_json, write_json
from darkfield.network.spec import ModelSpec, described, load_spec, read_spec, save_spec
from darkfield.sections import Predict

SHIPPED = REPOSITORY / "models/darkfield"


def test_what_is_written_is_what_was_read(tmp_path):
    """Nothing is lost, and no default is added to what is known."""
    spec = read_spec(SHIPPED)
    save_spec(tmp_path / "model.json", spec)
    assert read_json(tmp_path / "model.json") == read_json(SHIPPED / "model.json")
    assert described(spec).startswith("unet for background, erythrocyte, spirochaete; trained on")
    bare = load_spec(model_folder(tmp_path, [32, 32]) / "model.json")
    assert bare.plain() == read_json(tmp_path / "model.json")
    assert described(bare).endswith("trained on images that it does not list")


def test_earlier_versions_wrote_none_and_had_other_settings(tmp_path):
    old = read_json(SHIPPED / "model.json")
    old["model"]["encoder_weights"] = "none"
    old["train"] |= {"pretrained_weights": "none", "crop": "none", "class_weights": "none"}
    old["train"]["momentum"] = 0.9
    del old["train"]["workers"]
    write_json(tmp_path / "model.json", old)
    spec = load_spec(tmp_path / "model.json")
    assert spec.model.encoder_weights is None
    assert (spec.train.pretrained_weights, spec.train.crop, spec.train.class_weights) == (None,) * 3
    assert not {"momentum", "workers"} & spec.plain()["train"].keys()


def test_earlier_versions_knew_kinds_by_name(tmp_path):
    old = read_json(SHIPPED / "model.json")
    del old["background"], old["objects"]
    write_json(tmp_path / "model.json", old)
    spec = load_spec(tmp_path / "model.json")
    assert spec.kinds == {"erythrocyte": "blob", "spirochaete": "filament"}
    assert (spec.background_index, spec.looked_for) == (0, ["erythrocyte", "spirochaete"])
    assert spec.plain() == old


def test_a_calibration_is_of_objects_that_are_told_apart_alike():
    spec = read_spec(SHIPPED)
    assert spec.calibration_of(spec.kinds) == spec.calibration
    known = spec.calibration_of(spec.kinds | {"spirochaete": "component"})
    assert known.objects == {"erythrocyte": spec.calibration.objects["erythrocyte"]}
    assert known.temperatures == spec.calibration.temperatures
    assert spec.model_copy(update={"calibration": None}).calibration_of(spec.kinds) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mean": [0.1, 0.2]}, "mean.2: Field required"),
        ({"std": [0.1, 0.2, -1]}, "std.2: Input should be greater"),
        ({"classes": {"background": 0, "cell": 2}}, "classes must count 0, 1, 2, ..."),
        ({"classes": {"sky": 0, "road": 1}}, "classes lacks background, which other keys name"),
        ({"colours": {"road": "#123456"}}, "classes lacks road, which other keys name"),
        ({"objects": {"erythrocyte": "ring"}}, "objects.erythrocyte: Input should be 'blob'"),
        (
            {"calibration": {"temperatures": [1], "images": 1}},
            "calibration.temperatures must be one for each class",
        ),
        ({"image_size": "large"}, "image_size"),
        ({"model": {"name": "unet3d"}}, "model.name: Input should be 'segnet'"),
        ({"model": {"name": "segnet", "depth": 3}}, "model.depth: Extra inputs"),
        ({"predict": {"overlap": 2}}, "predict.overlap"),
    ],
)
def test_what_is_no_model_json_is_refused(tmp_path, change, words):
    path = model_folder(tmp_path, [32, 32]) / "model.json"
    write_json(path, read_json(path) | change)
    with pytest.raises(UserError, match="not a model that this version can read") as error:
        read_spec(tmp_path)
    assert words in str(error.value)


def test_a_training_says_how_to_predict(tmp_path):
    path = model_folder(tmp_path, [32, 32]) / "model.json"
    spec = read_json(path)
    del spec["predict"]
    write_json(path, spec)
    with pytest.raises(UserError, match="no predict"):
        read_spec(tmp_path)
    assert read_spec(tmp_path, predict=Predict(tta=True)).predict.tta
    with pytest.raises(ValueError, match="frozen"):
        ModelSpec.model_validate(spec).epoch = 3
