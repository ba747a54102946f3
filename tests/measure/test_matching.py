"""Classes match by name: neither the order of keys nor the numbering of a model counts."""

import shutil

import pytest

from darkfield.classes import class_names, matched
from darkfield.files import UserError, read_json, write_json
from darkfield.network.predictor import Predictor
from darkfield.report.palette import BLACK, class_colours

DATA = {"background": 0, "erythrocyte": 1, "spirochaete": 2}


def test_names_come_in_the_order_of_their_index():
    sorted_by_a_tool = {"spirochaete": 2, "background": 0, "erythrocyte": 1}
    assert class_names(sorted_by_a_tool) == ["background", "erythrocyte", "spirochaete"]


def test_each_class_of_a_model_finds_its_name_in_the_data():
    model = {"spirochaete": 1, "erythrocyte": 2, "background": 0}
    assert matched(model, DATA, "models/a") == [0, 2, 1]


@pytest.mark.parametrize("model", [{"background": 0, "erythrocyte": 1}, {**DATA, "platelet": 3}])
def test_a_missing_or_an_extra_name_is_refused_with_both_sides(model):
    with pytest.raises(UserError) as error:
        matched(model, DATA, "models/a")
    for names in (model, DATA):
        assert ", ".join(names) in str(error.value)


def test_a_model_may_have_its_background_anywhere(model, tmp_path):
    shutil.copytree(model, tmp_path / "model")
    spec = read_json(model / "model.json")
    spec["classes"] = {"erythrocyte": 0, "background": 1, "spirochaete": 2}
    write_json(tmp_path / "model/model.json", spec)
    spec = Predictor(tmp_path / "model", "cpu").spec
    assert spec.background_index == 1
    assert class_colours(spec)["background"] == BLACK
