"""What the page of a run is made of, on pictures of noise."""

import numpy as np
import pandas as pd

from darkfield.files import stacked
from darkfield.measure import before_after, metrics, object_scores, reliability
from darkfield.measure.calibration import Tables, apply, fit
from darkfield.measure.objects import compare
from darkfield.measure.selection import split_metrics
from darkfield.network.spec import ModelSpec
from darkfield.recipe import Augment, Model, Train
from darkfield.report import gallery
from darkfield.sections import Predict

CLASSES = {"background": 0, "erythrocyte": 1, "spirochaete": 2}
KINDS = {"erythrocyte": "blob", "spirochaete": "filament"}
SPEC = ModelSpec(
    model=Model(),
    classes=CLASSES,
    image_size=(32, 48),
    mean=(0.2, 0.2, 0.3),
    std=(0.2, 0.2, 0.2),
    precision="fp32",
    train=Train(batch_size=8, seed=1, class_weights=None, dice_weight=1),
    augment=Augment(flip=False),
    predict=Predict(),
    provenance={
        "data": "d" * 64,
        "split": "s" * 64,
        "code": "c" * 64,
        "versions": {"torch": "2.11"},
        "hardware": "a CPU",
    },
)


def of_classes(names, background=None, **facts):
    """The model.json of a model with these classes."""
    classes = {name: k for k, name in enumerate(names)}
    return SPEC.model_copy(update={"classes": classes, "background": background, **facts})


def objects(names, splits, truths, predictions):
    """The tables and scores of the objects of val and test, as calibrated."""
    nothing = np.zeros((1, 1), np.uint8)
    parts = [[part[:0].assign(image="") for part in compare(nothing, nothing, CLASSES, KINDS)]]
    sums = {split: reliability.nothing(3) for split in ("test", "val")}
    for name, split, drawn, predicted in zip(names, splits, truths, predictions, strict=True):
        if split != "train":
            parts.append([p.assign(image=name) for p in compare(predicted, drawn, CLASSES, KINDS)])
            logits = 3.0 * (np.arange(3)[:, None, None] == predicted)
            sums[split] += reliability.tally(logits.astype(np.float32), drawn)
    tables = [stacked(rows) for rows in zip(*parts, strict=True)]
    pixels = stacked([reliability.pixel_table(each, s, list(CLASSES)) for s, each in sums.items()])
    seen = object_scores.match_table(*tables[:2]).assign(probability=0.9, sharpness=5.0)
    found = Tables(seen, tables[1], object_scores.image_table(*tables), pixels)
    calibrated = apply(found, fit(found, list(CLASSES)), list(CLASSES))
    images = calibrated.images
    of = images["image"].map(dict(zip(names, splits, strict=True)))
    test = images[of == "test"]
    tested = calibrated.objects["image"].isin(test["image"])
    return {
        "objects": calibrated.objects,
        "object_images": images,
        "pixels": calibrated.pixels,
        "object_scores": {
            "test": object_scores.by_class(test, KINDS) or None,
            "val": object_scores.by_class(images[of == "val"], KINDS) or None,
            "interval_95": object_scores.intervals(test, test["image"], KINDS),
            "familiarity": {"images": len(test), "marked": 0},
            "reliability": reliability.by_class(
                calibrated.objects[tested], test, calibrated.pixels, list(CLASSES), "background"
            ),
        },
    }


def gains(names, splits, first, second):
    """before_after.csv and before_after_images.csv, of matrices (images, C, C) before and after."""
    test = splits == "test"
    rows = pd.DataFrame({"image": np.array(names)[test], "group": np.flatnonzero(test)})
    none = pd.DataFrame({"image": [], "class": []})
    both = [before_after.tested(rows, m[test], list(CLASSES), none) for m in (first, second)]
    return {
        "gain": before_after.scores(*both),
        "gain_images": before_after.of_images(*both),
    }


def arguments(names=tuple("abcdef"), splits=("test", "test", "test", "train", "train", "val")):
    """What `page` asks for: a picture of 40 x 60 pixels a name, two epochs, the second selected."""
    rng = np.random.default_rng(0)
    n, splits = len(names), np.array(splits)
    images = rng.integers(0, 256, (n, 40, 60, 3), dtype=np.uint8)
    truths, predictions = rng.integers(0, 3, (2, n, 40, 60), dtype=np.uint8)
    both = [[metrics.confusion(t, p, 3) for t, p in zip(truths, g, strict=True)]
            for g in (np.zeros_like(truths), predictions)]  # fmt: skip
    matrices = np.array(both)
    scores = {s: split_metrics(matrices[1, splits == s], list(CLASSES)) for s in ("test", "val")}
    parts = {s: splits == s for s in ("train", "val", "test")} | {"all": splits != ""}
    test = np.flatnonzero(splits == "test")
    shown = test[gallery.worst_first(matrices[1, test])] if len(test) else []
    return {
        "scores": {"epoch": 2, **scores},
        "spec": SPEC,
        "settings": {
            "data": {"root": "data/mine", "classes": CLASSES},
            "split": {"strategy": "grouped", "file": None, "group_by": None},
            "select": {"epoch": "best"},
        },
        "counts": {
            "images": {s: int(rows.sum()) for s, rows in parts.items()},
            **{
                key: {
                    s: dict(zip(CLASSES, f(truths[rows]), strict=True)) for s, rows in parts.items()
                }
                for key, f in (
                    ("pixels", lambda t: np.bincount(t.ravel(), minlength=3).tolist()),
                    ("images_with", lambda t: [len(t)] * 3),
                )
            },
        },
        "table": pd.DataFrame(
            {"image": names, "group": range(n), "split": splits, "height": 40, "width": 60}
        ),
        "history": pd.DataFrame({"epoch": [1, 2], "loss": [1.0, 0.5]}),
        "epochs": metrics.table(matrices, splits, list(CLASSES)),
        "matrices": matrices[1],
        **objects(names, splits, truths, predictions),
        **dict(zip(("gain", "gain_images"), before_after.nothing(), strict=True)),
        "pictures": {
            i: gallery.pictures(images[i], truths[i], predictions[i], SPEC) for i in shown
        },
    }
