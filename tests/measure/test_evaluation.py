"""Predictions are brought to the size of the mask; matrices count every native pixel."""

import numpy as np
import pytest
import torch

from darkfield.files import UserError
from darkfield.measure.evaluation import confusions
from darkfield.network.build import build
from darkfield.network.predictor import classes_of, load_model, load_weights, predict
from darkfield.network.training import save_weights

CPU = torch.device("cpu")
SPEC = {
    "model": {"name": "segnet", "notebook_head": False},
    "classes": {"background": 0, "erythrocyte": 1, "spirochaete": 2},
    "image_size": [24, 32],
    "mean": [0.2, 0.2, 0.2],
    "std": [0.2, 0.2, 0.2],
    "predict": {"tta": False},
}


def save_constant(path, favourite):
    """A checkpoint whose model predicts one class everywhere."""
    model = build("segnet", 3)
    torch.nn.init.zeros_(model.head.weight)
    with torch.no_grad():
        model.head.bias.copy_(torch.eye(3)[favourite])
    save_weights(model, path)


def test_matrices_of_native_pixels(tmp_path):
    rng = np.random.default_rng(0)
    sizes = [(40, 30), (17, 90), (24, 32)] * 7
    masks = [rng.integers(0, 3, size, dtype=np.uint8) for size in sizes]
    images = rng.integers(0, 256, (len(sizes), *SPEC["image_size"], 3), dtype=np.uint8)
    checkpoints = [tmp_path / f"{c}.safetensors" for c in (2, 0)]
    for path in checkpoints:
        save_constant(path, int(path.stem))
    options = {"device": CPU, "precision": "fp32", "of_data": [0, 1, 2]}
    matrices = confusions(checkpoints, images, masks, SPEC, **options)
    assert matrices.shape == (2, len(sizes), 3, 3)
    for k, favourite in enumerate((2, 0)):
        for i in range(len(sizes)):
            expected = np.zeros((3, 3), dtype=int)
            expected[:, favourite] = np.bincount(masks[i].ravel(), minlength=3)
            assert matrices[k, i].tolist() == expected.tolist()


def test_classes_of_the_masks_may_be_numbered_otherwise(tmp_path):
    """The same labels in another numbering give the same matrices, in the model's order."""
    rng = np.random.default_rng(0)
    masks = [rng.integers(0, 3, (40, 30), dtype=np.uint8) for _ in range(3)]
    images = rng.integers(0, 256, (3, *SPEC["image_size"], 3), dtype=np.uint8)
    torch.manual_seed(0)
    save_weights(build("segnet", 3), tmp_path / "weights.safetensors")
    options = {"device": CPU, "precision": "fp32"}
    usual, other = (
        confusions([tmp_path / "weights.safetensors"], images, truths, SPEC, **options, of_data=to)
        for to, truths in (
            ([0, 1, 2], masks),
            ([0, 2, 1], [np.choose(m, [0, 2, 1]) for m in masks]),
        )
    )
    assert (usual == other).all()
    assert (usual.sum(axis=-1)[0, 0] == np.bincount(masks[0].ravel())).all()


def test_logits_come_at_the_size_asked_for_whatever_the_batch():
    torch.manual_seed(0)
    model = load_model(SPEC, CPU)
    images = np.random.default_rng(0).integers(0, 256, (3, 24, 32, 3), dtype=np.uint8)
    sizes = [(24, 32), (50, 10), (7, 300)]
    together = list(predict(model, images, sizes, SPEC, CPU, "fp32"))
    assert [tuple(out.shape) for out in together] == [(3, *size) for size in sizes]
    for image, size, out in zip(images, sizes, together, strict=True):
        (alone,) = predict(model, [image], [size], SPEC, CPU, "fp32")
        assert torch.allclose(alone, out, atol=1e-4)


def test_classes_are_uint8_indices():
    out = torch.tensor([[[0.0, 5.0]], [[1.0, 2.0]], [[0.5, 9.0]]])
    assert classes_of(out).tolist() == [[1, 2]]
    assert classes_of(out).dtype == np.uint8


def test_weights_of_another_model_are_refused(tmp_path):
    save_weights(build("segnet", 3, notebook_head=True), tmp_path / "a.safetensors")
    with pytest.raises(UserError, match=r"a\.safetensors: damaged, or weights of another model"):
        load_weights(load_model(SPEC, CPU), tmp_path / "a.safetensors")
