"""Measure what a few corrected pictures teach: python docs/few_pictures.py WHAT START

A model of the folder START is trained on as presets/finetune.yaml says, with 5 to 40 pictures that
it has not seen, and measured on others, three trainings of each. WHAT these are:

choice    the public data set; pictures that `darkfield rank` lists first, and as many at random
look      the same as another microscope might show it: three times larger, dimmer, warmer
scenes    synthetic scenes, eight times as large as by default, dimmer, warmer

The first two work in a project whose data.root is the public data set and whose image_size is
native, after `snakemake data/resized.csv data/split.csv`. What was measured is kept in
results/few_pictures and not measured again.
"""

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
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


class Task(NamedTuple):
    """What is measured: numbers of pictures to learn from, out of a pool, and those to test on.

    Pictures have numbers, of which `pair` makes what a model sees. `fields` are the fields of view
    of those held out, `ranked` is the pool in the order of `darkfield rank`, if that is measured.
    """

    numbers: tuple[int, ...]
    pool: list[int]
    held_out: list[int]
    fields: np.ndarray
    pair: Callable[[int], Pair]
    ranked: Sequence[int] = ()


class Truth(NamedTuple):
    """The fields of view of test pictures (images,), and numbers of objects (images, classes)."""

    fields: np.ndarray
    counts: np.ndarray


class Measured(NamedTuple):
    """Confusion matrices (images, C, C), and numbers of objects (images, classes)."""

    matrices: np.ndarray
    counts: np.ndarray


HEADER = """\
| pictures | mIoU | Dice erythrocyte, spirochaete | bias of their counts | minus mIoU before | \
minus at random |
|---|---|---|---|---|---|"""
RECIPE = check(merged(Params().plain(), presets.read("finetune")))
LARGE = {"size": [2 * side for side in RECIPE.synthesize.size], "magnification": [8, 8]}


def warm(image: np.ndarray, mask: np.ndarray) -> Pair:
    """A picture at half to a quarter of the brightness, reddish where it was bluish."""
    return (image[..., ::-1] * np.array([0.5, 0.35, 0.25])).round().astype(np.uint8), mask


def enlarged(image: np.ndarray, mask: np.ndarray) -> Pair:
    """The middle third of a picture, three times as large, and `warm`."""
    h, w = mask.shape
    middle = slice(h // 3, h - h // 3), slice(w // 3, w - w // 3)
    by_class = np.eye(3, dtype=np.float32)[mask[middle]]
    indices = cv2.resize(by_class, (w, h), interpolation=cv2.INTER_LINEAR).argmax(2)
    large = cv2.resize(image[middle], (w, h), interpolation=cv2.INTER_CUBIC)
    return warm(large, indices.astype(np.uint8))


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
    model = build(spec.model.model_copy(update={"encoder_weights": None}), len(spec.classes))
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
    tables, start = Tables(objects, pairs_near, outlines, pixels), predictor.spec.calibration
    return fit(tables, class_names(classes), start and start.objects)


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
    """A line of a table: means and deviations, or lowest and highest, over trainings.

    Then the mIoU minus that of `others`, with intervals over fields of view.
    """

    def miou(trainings: Sequence[Measured], rows: np.ndarray) -> np.ndarray:
        return np.array([iou(each.matrices[rows].sum(0)).mean() for each in trainings])

    def differences(rows: np.ndarray) -> np.ndarray:
        return miou(arms, rows).mean() - np.array([miou(other, rows).mean() for other in others])

    every = np.arange(len(truth.fields))
    scores = miou(arms, every)
    by_class = np.array([dice(each.matrices.sum(0))[1:] for each in arms]).mean(0)
    bias = np.array([each.counts.sum(0) for each in arms]) / truth.counts.sum(0) - 1
    limits = percentiles(resampled(differences, truth.fields))
    gains = (
        f"{gain:+.3f} [{low:+.3f}, {high:+.3f}]"
        for gain, (low, high) in zip(differences(every), limits, strict=True)
    )
    spread = f" ± {scores.std(ddof=1):.3f}" if len(scores) > 1 else ""
    dices = ", ".join(f"{x:.3f}" for x in by_class)
    biases = ", ".join(
        " to ".join(f"{x:+.0%}" for x in sorted({low, high}))
        for low, high in zip(bias.min(0), bias.max(0), strict=True)
    )
    return f"| {' | '.join([label, f'{scores.mean():.3f}{spread}', dices, biases, *gains])} |"


def of_scenes(start: Path) -> Task:
    """The task "scenes"."""
    classes = load_spec(start / SPEC).classes
    pair = partial(training_pair, RECIPE.synthesize.plain() | LARGE, classes)
    pool, held_out = list(range(100)), list(range(100, 140))
    return Task((5, 10, 20), pool, held_out, np.array(held_out), lambda row: warm(*pair(row)))


def of_data_set(what: str, start: Path) -> Task:
    """The tasks "choice" and "look"; what the model was trained on takes no part."""
    table = read_csv("data/flattened_masks.csv").merge(read_csv("data/split.csv"), on="image")
    sizes = network_sizes(table, "native")
    images, masks = (
        Pictures(sorted(Path("data/resized", kind).glob("*.npy")), sizes)
        for kind in ("images", "masks")
    )
    split = table["split"].where(~seen(table, load_spec(start / SPEC).trained_on or {}))
    pool = [*table.index[split == "train"]]
    look = what == "look"
    held_out = [*table.index[split.isin(["val", "test"] if look else ["test"])]]

    def pair(row: int) -> Pair:
        found = np.asarray(images[row]), np.asarray(masks[row])
        return enlarged(*found) if look else found

    task = Task((5, 10, 20), pool, held_out, table["group"][held_out].to_numpy(), pair)
    if look:
        return task
    row_of = dict(zip(table["image"], table.index, strict=True))
    root, out = Path(load(Path("params.yaml"))["data"]["root"]), OUT / "predicted"
    asked = [s for s in sources([str(root / "images")], out) if row_of[str(s.name)] in pool]
    label_files(asked, Predictor(start), out)
    first = [int(row_of[image]) for image in ranked(out)[0]["image"]]
    return task._replace(numbers=(10, 20, 40), ranked=first)


def main(what: str, start: Path) -> None:
    """Measure, and print a table."""
    OUT.mkdir(parents=True, exist_ok=True)
    task = of_scenes(start) if what == "scenes" else of_data_set(what, start)
    unseen = [task.pair(row) for row in task.held_out]

    def tuned(name: str, rows: Sequence[int], seed: int) -> Path:
        trained_on(start, [task.pair(row) for row in rows], seed, OUT / name)
        return OUT / name

    arms = {("before", 0): [measured(f"{what}-before", lambda: start, unseen)]}
    for seed in (1, 2, 3):
        drawn = [*map(int, np.random.default_rng(seed).permutation(task.pool))]
        orders = {"ranked": task.ranked, "at random": drawn}
        for n, (order, rows) in product(task.numbers, orders.items()):
            if rows:
                name = f"{what}-{order.replace(' ', '-')}-{n}-{seed}"
                found = measured(name, partial(tuned, name, rows[:n], seed), unseen)
                arms.setdefault((order, n), []).append(found)

    truth = Truth(task.fields, np.array([counted(mask) for _, mask in unseen]))
    print(HEADER)
    for (order, n), found in arms.items():
        others = [arms["before", 0], arms["at random", n] if n else found]
        print(row(f"{n}, {order}" if n else order, found, others, truth))


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("choice", "look", "scenes"):
        sys.exit(f"Which measurement, and which model?\n\n{__doc__}")
    main(sys.argv[1], Path(sys.argv[2]))
