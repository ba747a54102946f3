"""Predictions are brought to the size of the mask; matrices count every native pixel."""

import numpy as np
import torch

from darkfield.files import write_json
from darkfield.measure.evaluation import confusions, curves
from darkfield.measure.metrics import table
from darkfield.network.build import build
from darkfield.network.predictor import Predictor
from darkfield.network.training import save_weights
from darkfield.recipe import Model

SPEC = {
    "model": {"name": "segnet", "notebook_head": False},
    "classes": {"background": 0, "erythrocyte": 1, "spirochaete": 2},
    "image_size": [24, 32],
    "mean": [0.2, 0.2, 0.2],
    "std": [0.2, 0.2, 0.2],
    "predict": {"tile": [32, 32], "overlap": 0.25, "tta": False},
}


def opened(folder, weights):
    write_json(folder / "model.json", SPEC)
    return Predictor(folder, "cpu", "fp32", weights=weights)


def save_constant(path, favourite):
    """A checkpoint whose model predicts one class everywhere."""
    model = build(Model(name="segnet"), 3)
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
    predictor = opened(tmp_path, checkpoints[0])
    shown = []

    def show(epoch, of_epoch):
        shown.append((epoch, of_epoch.tolist()))

    matrices = confusions(predictor, checkpoints, images, masks, [0, 1, 2], show)
    assert matrices.shape == (2, len(sizes), 3, 3)
    assert shown == [(1, matrices[0].tolist()), (2, matrices[1].tolist())]
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
    weights = tmp_path / "weights.safetensors"
    save_weights(build(Model(name="segnet"), 3), weights)
    predictor = opened(tmp_path, weights)
    usual, other = (
        confusions(predictor, [weights], images, truths, to)
        for to, truths in (
            ([0, 1, 2], masks),
            ([0, 2, 1], [np.choose(m, [0, 2, 1]) for m in masks]),
        )
    )
    assert (usual == other).all()
    assert (usual.sum(axis=-1)[0, 0] == np.bincount(masks[0].ravel())).all()


def test_the_curves_of_an_epoch_are_those_of_the_table():
    """But for the background; a class may be named like a mean."""
    rng = np.random.default_rng(0)
    matrices = rng.integers(0, 9, (2, 5, 3, 3))
    splits, classes = ["val", "test", "val", "train", "test"], ["sky", "miou", "spirochaete"]
    found = curves(2, matrices[1], splits, classes, "sky")
    of_epoch = table(matrices, splits, classes).query("epoch == 2")
    ious = {(row["split"], row["class"]): row["iou"] for _, row in of_epoch.iterrows()}
    assert found == {
        "epoch": 2,
        **{f"miou/{s}": np.mean([ious[s, c] for c in classes]) for s in ("train", "val", "test")},
        **{f"iou/miou/{s}": ious[s, "miou"] for s in ("train", "val", "test")},
        **{f"iou/spirochaete/{s}": ious[s, "spirochaete"] for s in ("train", "val", "test")},
    }
    assert "iou/sky/val" in curves(2, matrices[1], splits, classes, None)
