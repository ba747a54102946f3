"""Measure what a few corrected pictures teach: python docs/few_pictures.py choice|look START

A model of the folder START is trained on by presets/finetune.yaml, with 5 to 40 pictures of the
public data set that it has not seen, and measured on others. `choice`: pictures that `darkfield
rank` lists first, against as many at random, three trainings of each. `look`: pictures as another
microscope might show them, enlarged three times, dimmer and of a warmer colour.

Works in a project whose data.root is the public data set and whose image_size is native, after
`snakemake data/resized.csv data/split.csv`. What was measured is kept in results/few_pictures and
not measured again.
"""

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from safetensors.torch import save_file

from darkfield import presets
from darkfield.classes import class_names
from darkfield.data.augment import augmentation
from darkfield.data.dataset import DarkfieldDataset, image_view, target_transform
from darkfield.data.listing import sources
from darkfield.data.pixels import Pictures, network_sizes
from darkfield.data.synthetic import training_pair
from darkfield.data.trained_on import seen
from darkfield.files import atomic, read_csv, stacked
from darkfield.measure.calibration import Tables, fit
from darkfield.measure.intervals import percentiles, resampled
from darkfield.measure.metrics import confusion, dice, iou
from darkfield.measure.object_scores import match_table, outside_void
from darkfield.measure.objects import Compared, compare_seen, nothing
from darkfield.measure.reliability import nothing as no_pixels
from darkfield.measure.reliability import pixel_table
from darkfield.network.build import build, start_from
from darkfield.network.device import setup
from darkfield.network.predictor import Predictor
from darkfield.network.spec import SPEC, WEIGHTS, load_spec, save_spec
from darkfield.network.training import train
from darkfield.objects.calibration import Calibration
from darkfield.objects.confidence import described, evidence
from darkfield.objects.table import find
from darkfield.params import Params
from darkfield.report.corrections import ranked
from darkfield.report.labels import label_files
from darkfield.sections import Predict
from darkfield.validation import check, load, merged

OUT = Path("results/few_pictures")
Pair = tuple[np.ndarray, np.ndarray]  # image, uint8 (H, W, 3), and class indices, uint8 (H, W)


class Truth(NamedTuple):
    """The fields of view of test pictures (images,), and numbers of objects (images, classes)."""

    fields: np.ndarray
    counts: np.ndarray


class Measured(NamedTuple):
    """Confusion matrices (images, C, C), and numbers of objects (images, classes)."""

    matrices: np.ndarray
    counts: np.ndarray


RECIPE = check(merged(Params().plain(), presets.read("finetune")))


def as_it_is(image: np.ndarray, mask: np.ndarray) -> Pair:
    """A picture as it is."""
    return image, mask


def enlarged(image: np.ndarray, mask: np.ndarray) -> Pair:
    """Its middle third, three times as large, at half to a quarter of the brightness, reddish."""
    h, w = mask.shape
    middle = slice(h // 3, h - h // 3), slice(w // 3, w - w // 3)
    by_class = np.eye(3, dtype=np.float32)[mask[middle]]
    indices = cv2.resize(by_class, (w, h), interpolation=cv2.INTER_LINEAR).argmax(2)
    large = cv2.resize(image[middle], (w, h), interpolation=cv2.INTER_CUBIC)
    warm = large[..., ::-1] * np.array([0.5, 0.35, 0.25])
    return warm.round().astype(np.uint8), indices.astype(np.uint8)


def trained_on(start: Path, given: Sequence[Pair], seed: int, folder: Path) -> None:
    """Train a model on with some pictures, into a model folder; every fifth calibrates it."""
    pairs = [pair for i, pair in enumerate(given) if i % 5 != 4]
    spec, cfg = load_spec(start / SPEC), RECIPE.train.model_copy(update={"seed": seed})
    scenes = round(len(pairs) * cfg.scenes / (1 - cfg.scenes))
    images, masks = zip(*pairs, strict=True)
    dataset = DarkfieldDataset(
        [*map(str, range(len(pairs))), *["scene"] * scenes],
        images,
        masks,
        image_view,
        target_transform,
        augmentation(RECIPE.augment, cfg.crop, 0),
        partial(training_pair, RECIPE.synthesize.plain(), spec.classes),
    )
    device, precision = setup(cfg.device, cfg.precision, cfg.threads)
    torch.manual_seed(seed)
    model = build(RECIPE.model, len(spec.classes))
    start_from(model, start / WEIGHTS, list(range(len(spec.classes))))
    train(
        model,
        dataset,
        cfg,
        folder / "state",
        mean=spec.mean,
        std=spec.std,
        class_weights=cfg.class_weights,
        device=device,
        precision=precision,
    )
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / WEIGHTS)
    now = {"weights_sha256": None, "predict": Predict()}
    save_spec(folder / SPEC, spec.model_copy(update=now))
    calibration = calibrated(Predictor(folder, threads=cfg.threads), given[4::5])
    save_spec(folder / SPEC, spec.model_copy(update=now | {"calibration": calibration}))


def calibrated(predictor: Predictor, pairs: Sequence[Pair]) -> Calibration | None:
    """The calibration of a model's objects by pictures; pixels are left as they are."""
    classes, kinds = predictor.classes, predictor.spec.kinds
    found = [nothing(classes, kinds)]
    for i, (image, mask) in enumerate(pairs):
        parts = compare_seen(image, predictor.labels_and_certainty(image), mask, classes, kinds)
        found.append(Compared(*(part.assign(image=str(i)) for part in parts)))
    objects, pairs_near, outlines = map(stacked, zip(*found, strict=True))
    objects, pairs_near = outside_void(match_table(objects, pairs_near), pairs_near)
    pixels = pixel_table(no_pixels(len(classes)), "val", list(classes))
    return fit(Tables(objects, pairs_near, outlines, pixels), class_names(classes))


def labelled(predictor: Predictor, image: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """The class indices of a picture, and how many objects of each class that is looked for."""
    labels, certainty = predictor.labels_and_certainty(image)
    spec, found = predictor.spec, find(labels, predictor.classes, predictor.spec.kinds)
    of = evidence(found, labels, predictor.classes, certainty, image)
    objects = described(found, of, labels, predictor.classes, spec.kinds, spec.calibration)
    return labels, [int(objects["counted"][objects["class"] == name].sum()) for name in spec.kinds]


def counted(mask: np.ndarray) -> list[int]:
    """How many objects of each class that is looked for a mask has."""
    found = find(mask, RECIPE.data.classes, RECIPE.objects)
    return [int(of.labels.max()) for of in found.values()]


def measured(name: str, model: Callable[[], Path], pairs: Sequence[Pair]) -> Measured:
    """What a model makes of pictures, one view; what `model` returns is its folder."""
    path = OUT / f"{name}.npz"
    if not path.exists():
        began = time.monotonic()
        folder = model()
        seconds = time.monotonic() - began
        predictor = Predictor(folder, threads=RECIPE.train.threads, predict=Predict())
        labels, counts = zip(*(labelled(predictor, image) for image, _ in pairs), strict=True)
        matrices = [
            confusion(mask, label, len(predictor.classes))
            for label, (_, mask) in zip(labels, pairs, strict=True)
        ]
        with atomic(path) as part, part.open("wb") as file:
            np.savez(file, matrices=matrices, counts=counts, seconds=seconds)
    found = np.load(path)
    total = found["matrices"].sum(0)
    told = f"{name}: {iou(total).mean():.3f}, {dice(total).round(3)}, {found['seconds']:.0f} s"
    print(told, flush=True)
    return Measured(found["matrices"], found["counts"])


def row(
    label: str, arms: Sequence[Measured], others: Sequence[Sequence[Measured]], truth: Truth
) -> str:
    """A line of a table: means and deviations over trainings, and the mIoU minus that of others."""

    def miou(trainings: Sequence[Measured], rows: np.ndarray) -> np.ndarray:
        return np.array([iou(each.matrices[rows].sum(0)).mean() for each in trainings])

    def differences(rows: np.ndarray) -> np.ndarray:
        return miou(arms, rows).mean() - np.array([miou(other, rows).mean() for other in others])

    every = np.arange(len(truth.fields))
    scores = miou(arms, every)
    by_class = np.array([dice(each.matrices.sum(0))[1:] for each in arms]).mean(0)
    bias = np.array([each.counts.sum(0) for each in arms]).mean(0) / truth.counts.sum(0) - 1
    limits = percentiles(resampled(differences, truth.fields))
    gains = (
        f"{gain:+.3f} [{low:+.3f}, {high:+.3f}]"
        for gain, (low, high) in zip(differences(every), limits, strict=True)
    )
    spread = f" ± {scores.std(ddof=1):.3f}" if len(scores) > 1 else ""
    dices, biases = (
        ", ".join(f"{x:{form}}" for x in of) for form, of in ((".3f", by_class), ("+.0%", bias))
    )
    return f"| {' | '.join([label, f'{scores.mean():.3f}{spread}', dices, biases, *gains])} |"


what, start = sys.argv[1], Path(sys.argv[2])
OUT.mkdir(parents=True, exist_ok=True)
table = read_csv("data/flattened_masks.csv").merge(read_csv("data/split.csv"), on="image")
sizes = network_sizes(table, "native")
images, masks = (
    Pictures(sorted(Path("data/resized", kind).glob("*.npy")), sizes)
    for kind in ("images", "masks")
)
unknown = ~seen(table, load_spec(start / SPEC).trained_on or {})


def pairs(rows: Sequence[int], shown: Callable[[np.ndarray, np.ndarray], Pair]) -> list[Pair]:
    """Some pictures, as `shown`."""
    return [shown(np.asarray(images[i]), np.asarray(masks[i])) for i in rows]


def tuned(
    name: str, rows: Sequence[int], shown: Callable[..., Pair], seed: int
) -> Callable[[], Path]:
    """What trains a model on with these pictures, when it is called."""

    def make() -> Path:
        trained_on(start, pairs(rows, shown), seed, OUT / name)
        return OUT / name

    return make


def of(*splits: str) -> list[int]:
    """The rows of the pictures of these splits that the model has not seen."""
    return [int(i) for i in table.index[unknown & table["split"].isin(splits)]]


def at_random(seed: int) -> list[int]:
    """The pool in an order of its own for each seed."""
    return list(map(int, np.random.default_rng(seed).permutation(pool)))


def as_ranked() -> list[int]:
    """The pool in the order of `darkfield rank`."""
    row_of = dict(zip(table["image"], table.index, strict=True))
    root, out = Path(load(Path("params.yaml"))["data"]["root"]), OUT / "predicted"
    asked = [s for s in sources([str(root / "images")], out) if row_of[str(s.name)] in pool]
    label_files(asked, Predictor(start), out)
    return [int(row_of[image]) for image in ranked(out)[0]["image"]]


pool, seeds = of("train"), (1, 2, 3)
if what == "choice":
    held_out, shown, numbers = of("test"), as_it_is, (10, 20, 40)
    first = as_ranked()
    orders = {"ranked": lambda seed: first, "at random": at_random}
else:
    held_out, shown, numbers = of("val", "test"), enlarged, (5, 10, 20)
    orders = {"at random": at_random}
tests = pairs(held_out, shown)
arms = {("before", 0): [measured(f"{what}-before", lambda: start, tests)]}
for seed in seeds:
    for n in numbers:
        for order, rows in orders.items():
            name = f"{what}-{order.replace(' ', '-')}-{n}-{seed}"
            make = tuned(name, rows(seed)[:n], shown, seed)
            arms.setdefault((order, n), []).append(measured(name, make, tests))

truth = Truth(table["group"][held_out].to_numpy(), np.array([counted(mask) for _, mask in tests]))
print(
    "| pictures | mIoU | Dice erythrocyte, spirochaete | bias of their counts | minus mIoU before "
    "| minus at random |"
)
print("|---|---|---|---|---|---|")
for (order, n), found in arms.items():
    others = [arms["before", 0], arms["at random", n] if n else found]
    print(row(f"{n}, {order}" if n else order, found, others, truth))
