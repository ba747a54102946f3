"""Teachers: the mean of what they see, whatever the order of their classes; who may teach."""

import pytest
import torch
from toy import model_folder

from darkfield.files import UserError, read_json, write_json
from darkfield.network.predictor import Predictor
from darkfield.network.teacher import taught_by, teachers

CPU = torch.device("cpu")
CLASSES = {"background": 0, "erythrocyte": 1, "spirochaete": 2}


def folder_of(path, **spec):
    folder = model_folder(path, [64, 64])
    write_json(folder / "model.json", read_json(folder / "model.json") | spec)
    return folder


@pytest.fixture
def images():
    torch.manual_seed(0)
    return torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)


def test_one_teaches_what_it_predicts(tmp_path, images):
    folder = folder_of(tmp_path, predict={"tta": True})
    taught = taught_by(teachers([folder], CLASSES, [64, 64], CPU), "fp32")(images)
    predictor = Predictor(folder, "cpu", "fp32", 2)
    for one, image in zip(taught, images, strict=True):
        predicted = predictor.probabilities(image.permute(1, 2, 0).numpy())
        assert one.numpy() == pytest.approx(predicted, abs=1e-5)
    taught.log_softmax(1).mul(torch.ones(1, requires_grad=True)).sum().backward()


def test_several_teach_their_mean_by_the_names_of_the_classes(tmp_path, images):
    for name in "ab":
        (tmp_path / name).mkdir()
    a = folder_of(tmp_path / "a")
    b = folder_of(tmp_path / "b", classes={"spirochaete": 0, "background": 1, "erythrocyte": 2})
    alone, other, both = (
        taught_by(teachers(folders, CLASSES, (64, 64), CPU), "fp32")(images)
        for folders in ([a], [b], [a, b])
    )
    assert torch.allclose(other, alone[:, [1, 2, 0]])
    assert torch.allclose(both, (alone + other) / 2)


def test_a_teacher_sees_pictures_as_its_pupil_does(tmp_path):
    with pytest.raises(UserError, match=r"image_size \(64, 64\), not native; change image_size"):
        teachers([folder_of(tmp_path)], CLASSES, "native", CPU)


def test_a_teacher_of_other_classes_is_refused(tmp_path):
    theirs, ours = "background, erythrocyte, spirochaete", "sky, road"
    said = f"model.json: has the classes {theirs}, but data.classes has {ours}; give both"
    with pytest.raises(UserError, match=said):
        teachers([folder_of(tmp_path)], {"sky": 0, "road": 1}, [64, 64], CPU)
