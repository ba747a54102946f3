"""A model folder becomes a predictor: any picture comes back at its size, whichever way it goes."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import LONG
from torch.nn import functional as F
from toy import Blur, model_folder

import darkfield
from darkfield.data.images import resize_image
from darkfield.files import UserError, read_json, write_json
from darkfield.network.build import build
from darkfield.network.predictor import Predictor, classes_of
from darkfield.network.training import save_weights
from darkfield.objects.calibration import Calibration
from darkfield.objects.table import object_table
from darkfield.recipe import Model
from darkfield.sections import Predict

CPU = "cpu", "fp32", 2
NAMES = {"background": 0, "erythrocyte": 1, "spirochaete": 2}


def blur(folder, **spec):
    """A predictor whose network is a filter, whatever the weights."""
    predictor = Predictor(folder, *CPU).varied(**spec)
    predictor.network = Blur()
    return predictor


def picture(*size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def test_labels_probabilities_and_objects_are_of_one_prediction(model):
    predictor, image = darkfield.Predictor(model, *CPU), picture(70, 50)
    labels, probabilities = predictor.labels(image), predictor.probabilities(image)
    assert (labels.shape, labels.dtype) == ((70, 50), np.uint8)
    assert (probabilities.shape, probabilities.dtype) == ((3, 70, 50), np.float32)
    assert (probabilities.argmax(axis=0) == labels).all()
    assert probabilities.sum(axis=0) == pytest.approx(1, abs=1e-5)
    table = object_table(labels, predictor.classes, predictor.spec.kinds, 0.5)
    found = predictor.objects(image, um_per_pixel=0.5)
    assert found.drop(columns="confidence").equals(table)
    assert found["confidence"].isna().all()  # of a model without a calibration


def test_calibration_changes_probabilities_and_no_label(model):
    predictor, image = Predictor(model, *CPU), picture(70, 50)
    calibration = Calibration(temperatures=(0.5, 2, 4), images=1)
    cooled = predictor.varied(calibration=calibration)
    labels, before = predictor.labels(image), predictor.probabilities(image)
    after = cooled.probabilities(image)
    assert (cooled.labels(image) == labels).all() and (after.argmax(axis=0) == labels).all()
    for c, temperature in enumerate(calibration.temperatures):
        expected = before[:, labels == c] ** (1 / temperature)
        expected /= expected.sum(axis=0)
        assert after[:, labels == c] == pytest.approx(expected, abs=1e-4)


def test_certainty_is_the_probability_of_the_label(model):
    predictor, image = Predictor(model, *CPU), picture(70, 50)
    labels, certainty = predictor.labels_and_certainty(image)
    assert (labels == predictor.labels(image)).all()
    assert certainty == pytest.approx(predictor.probabilities(image).max(axis=0), abs=1e-3)


def test_importing_the_package_does_not_load_torch():
    program = "import sys, darkfield; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
    with pytest.raises(AttributeError, match="no attribute 'predictor_'"):
        _ = darkfield.predictor_


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3))]
)
def test_what_is_no_picture_is_refused(model, wrong):
    with pytest.raises(ValueError, match=r"an array of uint8 \(H, W, 3\), not "):
        Predictor(model, *CPU).labels(wrong)


@pytest.mark.parametrize("tta", [False, True])
@pytest.mark.parametrize("size", [(40, 50), (150, 33), LONG((1300, 20))])
def test_any_picture_comes_back_at_its_size(model, size, tta):
    predictor = Predictor(model, *CPU)
    predictor = predictor.varied(predict=predictor.spec.predict.model_copy(update={"tta": tta}))
    bands = list(predictor.bands(picture(*size)))
    assert torch.cat(bands, dim=1).shape == (3, *size)
    assert max(band.shape[1] for band in bands) <= 512
    assert predictor.labels(picture(*size)).shape == size


def test_a_resized_picture_comes_back_bilinearly(tmp_path):
    predictor, image = blur(model_folder(tmp_path, [32, 32])), picture(150, 50)
    (one,) = predictor.logits([resize_image(image, [32, 32])])
    whole = F.interpolate(one[None], (150, 50), mode="bilinear", align_corners=False)[0]
    assert torch.allclose(torch.cat(list(predictor.bands(image)), dim=1), whole, atol=1e-5)


def test_pictures_that_are_resized_already_have_the_same_labels(tmp_path):
    """Several at once, as evaluation takes them; their own sizes say at which they are wanted."""
    predictor = Predictor(model_folder(tmp_path, [24, 32]), *CPU)
    sizes = [(24, 32), (50, 10), (7, 300)]
    images = [picture(*size, seed=i) for i, size in enumerate(sizes)]
    resized = [resize_image(image, [24, 32]) for image in images]
    together = list(predictor.resized_labels(resized, sizes))
    for image, labels in zip(images, together, strict=True):
        assert (predictor.labels(image) == labels).mean() > 0.99  # a batch rounds otherwise


def test_native_pictures_have_no_other_size(tmp_path):
    predictor = blur(model_folder(tmp_path, "native"), predict=Predict(tile=(64, 64)))
    images = [picture(40, 50), picture(70, 33)]
    labels = predictor.resized_labels(images, [image.shape[:2] for image in images])
    for image, found in zip(images, labels, strict=True):
        assert (found == predictor.labels(image)).all()


def test_classes_are_uint8_indices():
    out = torch.tensor([[[0.0, 5.0]], [[1.0, 2.0]], [[0.5, 9.0]]])
    assert classes_of(out).tolist() == [[1, 2]]
    assert classes_of(out).dtype == np.uint8


def test_weights_of_another_network_are_refused(model, tmp_path):
    save_weights(build(Model(name="segnet", notebook_head=True), 3), tmp_path / "a.safetensors")
    with pytest.raises(UserError, match=r"a\.safetensors: damaged, or weights of another model"):
        Predictor(model, *CPU).load(tmp_path / "a.safetensors")


def test_a_checkpoint_and_settings_replace_those_of_the_folder(model, tmp_path):
    """As of a training, whose model.json has no such section yet."""
    folder = tmp_path / "train"
    folder.mkdir()
    spec = read_json(model / "model.json")
    predict = spec.pop("predict")
    write_json(folder / "model.json", spec)
    with pytest.raises(UserError, match="no such file"):
        Predictor(folder, *CPU)
    weights = shutil.copy(model / "model.safetensors", tmp_path / "0001.safetensors")
    predictor = Predictor(folder, *CPU, weights=weights, predict=Predict(**predict))
    image = picture(40, 50)
    assert (predictor.labels(image) == Predictor(model, *CPU).labels(image)).all()
