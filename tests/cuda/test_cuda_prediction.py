"""Prediction on a GPU: the CPU's, within what is said here, and the same bytes each time."""

import numpy as np
import pytest
import torch
from toy import toy_dataset

from darkfield.measure.evaluation import confusions
from darkfield.network.build import build
from darkfield.network.predictor import Predictor
from darkfield.network.teacher import taught_by, teachers
from darkfield.network.training import save_weights
from darkfield.network.watched import watched
from darkfield.recipe import Model

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in ((32, 48), (70, 50))]


def predictor(folder, device, precision="fp32", **predict):
    found = Predictor(folder, device, precision, 2)
    return found.varied(predict=found.spec.predict.model_copy(update=predict))


@pytest.mark.parametrize("tta", [False, "flip", True])
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-4), ("bf16", 0.05)])
def test_probabilities_are_the_cpus(model, images, tta, precision, tolerance):
    here, there = predictor(model, "cpu", tta=tta), predictor(model, "cuda", precision, tta=tta)
    for image in images:
        expected, found = here.probabilities(image), there.probabilities(image)
        assert np.abs(found - expected).max() < tolerance
        assert (there.labels(image) == found.argmax(axis=0)).mean() > 0.999
        assert (found == there.probabilities(image)).all()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_monte_carlo_draws_the_same_each_time(model, images, precision):
    there = predictor(model, "cuda", precision, monte_carlo=3)
    there.network.dropout.p = 0.5
    state = torch.cuda.get_rng_state()
    found = [there.probabilities(images[1]) for _ in range(2)]
    assert (found[0] == found[1]).all()
    assert torch.equal(state, torch.cuda.get_rng_state())
    assert (found[0] != predictor(model, "cuda", precision).probabilities(images[1])).any()


def test_labels_certainty_and_features_are_the_cpus(model, images):
    seen = []
    for device in ("cpu", "cuda"):
        one = predictor(model, device)
        with watched(one.network) as features:
            labels, certainty = one.labels_and_certainty(images[1])
            seen.append((labels, certainty, features()))
    (labels, certainty, features), (found, sure, watched_there) = seen
    assert (found == labels).mean() > 0.999
    assert sure == pytest.approx(certainty, abs=2e-3)  # float16
    assert watched_there == pytest.approx(features, rel=1e-3, abs=1e-4)


def test_every_checkpoint_is_measured_as_on_the_cpu(model, tmp_path):
    dataset = toy_dataset(size=(32, 48))
    checkpoints = [tmp_path / f"{seed}.safetensors" for seed in range(2)]
    for seed, path in enumerate(checkpoints):
        torch.manual_seed(seed)
        save_weights(build(Model(name="segnet"), 3), path)
    of = checkpoints, dataset.images, dataset.masks, [0, 1, 2]
    here, there = (confusions(predictor(model, device), *of) for device in ("cpu", "cuda"))
    assert there.sum() == here.sum() == 2 * 4 * 32 * 48
    assert np.abs(there - here).sum() <= 2e-3 * here.sum()
    assert (there == confusions(predictor(model, "cuda"), *of)).all()


def test_teachers_are_the_cpus(model, images):
    classes, batch = {"background": 0, "erythrocyte": 1, "spirochaete": 2}, images[0][None]
    batch = torch.from_numpy(batch).permute(0, 3, 1, 2)
    size = Predictor(model, "cpu").spec.image_size
    here, there = (
        taught_by(teachers([model], classes, size, device), "fp32")(batch.to(device)).cpu()
        for device in map(torch.device, ("cpu", "cuda"))
    )
    assert torch.allclose(here, there, atol=1e-4)
