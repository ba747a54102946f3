"""Draw docs/notebook.png, and print its table: python docs/notebook_claim.py

What the notebook's recipe reaches in the notebook's own measure, on its random split and on one by
fields of view. Reads what `make compare PRESETS=notebook-random SEEDS=1,2,3` and the same of
notebook-fields have left.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from darkfield.files import read_csv
from darkfield.measure.intervals import percentiles, resampled
from darkfield.measure.metrics import dice, overlap_accuracy

RUNS = Path("results/compare")
CLASSES = {"erythrocyte": (1, (0.85, 0.88)), "spirochaete": (2, (0.84, 0.84))}  # the notebook's own
EPOCH = 35  # that the notebook chose
LINES = {  # of which test images, and of which split: colour
    "random split": "#D55E00",
    "random split, fields trained on": "#CC79A7",
    "random split, other fields": "#E69F00",
    "split by field of view": "#0072B2",
}


def trainings(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Matrices (seeds, epochs, images, C, C) of the test images; their fields; which are met.

    Those are the images whose field of view has others in the training split.
    """
    folders = sorted((RUNS / name).glob("seed-*"))
    split = read_csv(folders[0] / "data/split.csv")
    test = (split["split"] == "test").to_numpy()
    confusions = [
        np.load(folder / "results/evaluation/confusions.npy", mmap_mode="r")[:, test]
        for folder in folders
    ]
    met = split["group"].isin(split["group"][split["split"] == "train"])
    return np.array(confusions), split["group"][test].to_numpy(), met[test].to_numpy()


def accuracy(matrices: np.ndarray, c: int) -> np.ndarray:
    """The mean overlap accuracy of class c: (seeds, epochs) of (seeds, epochs, images, C, C)."""
    values = overlap_accuracy(matrices)[..., c]
    return np.asarray(values.mean(axis=-1))


def limits(matrices: np.ndarray, fields: np.ndarray, c: int) -> np.ndarray:
    """95 % of one epoch's mean over seeds, (seeds, images, C, C), by bootstrap over fields."""
    by_image = overlap_accuracy(matrices)[..., c].mean(axis=0)
    return percentiles(resampled(lambda rows: by_image[rows].mean(keepdims=True), fields))[0]


random, random_fields, met = trainings("notebook-random")
grouped, grouped_fields, _ = trainings("notebook-fields")
every = np.ones(len(met), dtype=bool)
parts = dict(
    zip(
        LINES,
        [
            *((random[:, :, these], random_fields[these]) for these in (every, met, ~met)),
            (grouped, grouped_fields),
        ],
        strict=True,
    )
)

figure = Figure((9, 3.8), layout="constrained")
panels = figure.subplots(1, len(CLASSES), sharey=True)
for axes, (name, (c, claimed)) in zip(panels, CLASSES.items(), strict=True):
    axes.axhspan(*claimed, color="0.6", lw=2, label="what the notebook says")
    for label, (matrices, _) in parts.items():
        values = accuracy(matrices, c)
        epochs = np.arange(1, values.shape[1] + 1)
        axes.fill_between(epochs, values.min(0), values.max(0), color=LINES[label], alpha=0.2, lw=0)
        axes.plot(epochs, values.mean(0), color=LINES[label], lw=1.4, label=label)
    axes.axvline(EPOCH, color="0.6", lw=0.8, ls=":")
    axes.set(title=name, xlabel="epoch", ylim=(0, 1))
panels[0].set(ylabel="overlap accuracy on test images")
handles, labels = panels[0].get_legend_handles_labels()
figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False)
figure.savefig(Path(__file__).with_name("notebook.png"), dpi=120)

print(
    "| test images | | " + " | ".join(f"{name}: overlap accuracy, Dice" for name in CLASSES) + " |"
)
print("|---" * (2 + len(CLASSES)) + "|")
for label, (matrices, fields) in parts.items():
    cells = []
    for c, _ in CLASSES.values():
        at = matrices[:, EPOCH - 1]
        values, (low, high) = accuracy(matrices, c)[:, EPOCH - 1], limits(at, fields, c)
        of_all = dice(at.sum(axis=1))[..., c]
        spread = f"{values.mean():.3f} ± {values.std(ddof=1):.3f} [{low:.3f}, {high:.3f}]"
        cells.append(f"{spread}, {of_all.mean():.3f} ± {of_all.std(ddof=1):.3f}")
    print(f"| {label} | {len(fields)} | {' | '.join(cells)} |")
found = dice(random.sum(axis=2))[..., 2] > 0.01  # (seeds, epochs)
first = ", ".join(str(np.argmax(row) + 1) if row.any() else "never" for row in found)
print(f"Epoch in which spirochaetes appear (Dice above 0.01), by seed: {first}.")
