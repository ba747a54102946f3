"""In how many batches the pictures are worked does not change a byte of the results."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from project import noise, planned, project, set_params, snakemake
from skimage.io import imsave

from darkfield.data import fields
from darkfield.data.synthetic import scene
from darkfield.files import read_csv

# Where the pixels lie is what batches change, and how long it took.
BY_BATCH = ("data/pixels", "data/resized")
SNAKEMAKE_REPORT = "snakemake-report.html"


def digests(folder):
    """SHA-256 of every result."""
    files = (p for part in ("data", "results") for p in (folder / part).rglob("*") if p.is_file())
    names = {p: str(p.relative_to(folder)) for p in sorted(files) if p.name != SNAKEMAKE_REPORT}
    apart = tuple(f"{name}/" for name in BY_BATCH)
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path, name in names.items()
        if not name.startswith(apart)
    }


@pytest.mark.long
def test_results_do_not_depend_on_the_number_of_batches(tmp_path):
    found = {}
    for batches in (1, 3, 16):
        folder = project(
            tmp_path / str(batches),
            synthesize={"images": 70},
            data={"batches": batches},
            train={"threads": 1, "epochs": 1},
            overlays={"images": 8},
        )
        done = snakemake(folder, "--cores", "2")
        assert done.returncode == 0, done.stdout
        found[batches] = digests(folder)
        assert planned(folder) == set()
        for name in BY_BATCH:
            assert len(list((folder / name / "masks").iterdir())) == batches
        assert not (folder / "data/batches").exists() and not (folder / "results/batches").exists()
    assert len(found[1]) > 100
    assert found[1] == found[3] == found[16]

    # Fewer than before: what is left of the others would be taken for pictures by DVC.
    set_params(folder, data={"batches": 3})
    assert snakemake(folder, "--cores", "2", "data/resized.csv").returncode == 0
    assert len(list((folder / "data/resized/masks").iterdir())) == 3


@pytest.mark.long
def test_fields_among_many_pictures_do_not_depend_on_the_number_of_batches(tmp_path):
    """So many that an index proposes pairs to compare; every twentieth field is there twice."""
    for part in ("images", "masks"):
        (tmp_path / "own" / part).mkdir(parents=True)
    for i in range(fields.ALL_PAIRS + 1):
        image, mask, _ = scene(np.random.default_rng(i), 96, 120)
        crops = {"": np.s_[:, :100], "-right": np.s_[:, 20:]} if i % 20 == 0 else {"": np.s_[:]}
        for name, crop in crops.items():
            imsave(tmp_path / f"own/images/{i:03}{name}.png", image[crop], check_contrast=False)
            imsave(tmp_path / f"own/masks/{i:03}{name}.png", mask[crop], check_contrast=False)
    found = []
    for batches in (1, 3):
        data = {"root": str(tmp_path / "own"), "batches": batches, "check_masks": False}
        folder = project(tmp_path / str(batches), data=data)
        done = snakemake(folder, "--cores", "2", "data/split.csv")
        assert done.returncode == 0, done.stdout
        found.append(read_csv(folder / "data/split.csv"))
    assert found[0].equals(found[1])
    group_of = dict(zip(found[0]["image"], found[0]["group"], strict=True))
    pairs = [name for name in group_of if name.endswith("-right")]
    together = [group_of[name] == group_of[name.removesuffix("-right")] for name in pairs]
    assert len(together) == 16
    assert sum(together) >= 15


@pytest.mark.long
def test_problems_of_all_batches_are_reported_together(tmp_path):
    folder = project(tmp_path / "project", data={"root": "noise", "batches": 2})
    noise(folder / "noise")
    for name in ("images/03.png", "masks/18.png"):  # one in each batch
        Path(folder, "noise", name).write_text("no picture")
    (folder / "noise/masks/05.png").unlink()
    done = snakemake(folder, "--cores", "2", "data/flattened_masks.csv")
    assert done.returncode != 0
    log = (folder / "logs/flatten_masks.log").read_text()
    for words in ("03.png: cannot be read", "18.png: cannot be read", "05.png: has no mask"):
        assert words in done.stdout
        assert words in log
    assert "3 problems" in done.stdout.splitlines()[-1]
    assert not (folder / "data/flattened_masks").exists()
    shutil.rmtree(folder / "noise")
    noise(folder / "noise")
    done = snakemake(folder, "--cores", "2", "data/flattened_masks.csv")
    assert done.returncode == 0, done.stdout
    assert len(list((folder / "data/flattened_masks").glob("*.png"))) == 20
