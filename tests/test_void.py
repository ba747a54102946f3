"""Void pixels through the real chain: its numbers are those of a calculation without them."""

import numpy as np
import pytest
from PIL import Image
from project import project, run, snakemake

from darkfield.classes import VOID
from darkfield.data.synthetic import scene
from darkfield.files import read_csv, read_json
from darkfield.network.predictor import Predictor
from darkfield.objects.table import find

CLASSES = {"background": 0, "erythrocyte": 1, "spirochaete": 2, "debris": 3}
VALUES = {"0": "background", "1": "erythrocyte", "2": "spirochaete", "3": "debris", "7": "ignore"}


def draw(root):
    """Twenty scenes. The middle of each mask is void (7), the whole of the first two."""
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
    masks = {}
    for i in range(20):
        image, mask, _ = scene(np.random.default_rng(i), 64, 80)
        mask[16:40, 24:60] = 7
        mask[:, : 80 if i < 2 else 0] = 7
        for part, picture in (("images", image), ("masks", mask)):
            Image.fromarray(picture).save(root / part / f"{i:02}.png")
        masks[f"{i:02}"] = mask
    return masks


@pytest.mark.long
def test_the_chain_measures_what_is_not_void(tmp_path):
    masks = draw(tmp_path / "mine")
    folder = project(
        tmp_path / "project",
        data={"root": "../mine", "classes": CLASSES, "mask_values": VALUES},
        split={"strategy": "random", "train": 0.5, "val": 0.25, "test": 0.25, "seed": 1},
        image_size="native",
        train={
            "epochs": 2,
            "crop": [32, 32],
            "class_weights": None,
            "dice_weight": 1,
            "threads": 1,
        },
        augment={"foreground": 0.5},
        overlays={"images": 20},
    )
    done = snakemake(folder, "--cores", "2")
    assert done.returncode == 0, done.stdout

    flat = {n: np.asarray(Image.open(folder / f"data/flattened_masks/{n}.png")) for n in masks}
    assert all(
        (flat[name] == np.where(mask == 7, VOID, mask)).all() for name, mask in masks.items()
    )
    split = read_csv(folder / "data/split.csv").set_index("image")["split"]
    assert split["00"] == "test" and split["01"] == "train"
    counts = read_json(folder / "results/class_counts.json")
    pixels = np.bincount(np.concatenate([mask[mask != 7] for mask in masks.values()]), minlength=4)
    assert list(counts["pixels"]["all"].values()) == pixels.tolist()
    assert counts["images_with"]["all"]["background"] == 18

    predictor = Predictor(folder / "results/model", threads=1)
    images = {name: np.asarray(Image.open(tmp_path / f"mine/images/{name}.png")) for name in masks}
    labels = {name: predictor.labels(images[name]) for name in split.index[split == "test"]}
    both = np.zeros((3, 4))
    for name, predicted in labels.items():
        seen = masks[name] != 7
        for c in range(4):
            true, found = masks[name][seen] == c, predicted[seen] == c
            both[:, c] += (true & found).sum(), true.sum(), found.sum()
    shared, true, found = both
    scores = read_json(folder / "results/evaluation/scores.json")["test"]
    for c, name in enumerate(CLASSES):
        union = true[c] + found[c] - shared[c]
        assert scores[name]["iou"] == (shared[c] / union if union else None), name
    assert scores["debris"]["recall"] is None

    rows = read_csv(folder / "results/evaluation/images.csv").set_index("image")
    assert rows.loc["00"].drop(columns=["split", "class"]).isna().all(axis=None)
    assert scores["background"]["overlap_accuracy"] == pytest.approx(
        rows[(rows["split"] == "test") & (rows["class"] == "background")]["overlap_accuracy"].mean()
    )
    of = read_json(folder / "results/evaluation/object_scores.json")["test"]["erythrocyte"]

    def cells(name):
        return find(masks[name], CLASSES, predictor.spec.kinds)["erythrocyte"].labels.max()

    assert of["drawn"] == sum(map(cells, labels))
    assert "00" not in set(read_csv(folder / "results/found/outlines.csv")["image"])

    share = np.mean([mask == 7 for mask in masks.values()])
    assert f"{100 * share:.1f} % of all" in (folder / "results/validation.md").read_text()
    assert "void, not measured" in (folder / "results/report.html").read_text()
    assert len(list((folder / "results/overlays").rglob("0[01].png"))) == 2
    done = run(folder, "python", "-m", "darkfield.report.summary")
    assert done.returncode == 0 and "spirochaete" in done.stdout
