"""docs/notebook_claim.py, on matrices whose table is known."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

SCRIPT = Path(__file__).parent.parent / "docs/notebook_claim.py"


def leave(folder, found):
    """A training of 50 epochs on four images, of which three test, that finds part of class 2."""
    matrix = np.diag([800, 100, found])
    matrix[2, 0] = 100 - found
    (folder / "results/evaluation").mkdir(parents=True)
    np.save(folder / "results/evaluation/confusions.npy", np.tile(matrix, (50, 4, 1, 1)))
    split = {"image": list("abcd"), "group": [0, 0, 1, 2], "split": ["train", *["test"] * 3]}
    (folder / "data").mkdir()
    pd.DataFrame(split).to_csv(folder / "data/split.csv", index=False)


def test_the_table_and_the_figure(tmp_path):
    for seed, found in ((1, 0), (2, 50), (3, 100)):
        leave(tmp_path / f"results/compare/notebook-random/seed-{seed}", found)
        leave(tmp_path / f"results/compare/notebook-fields/seed-{seed}", 50)
    (tmp_path / "docs").mkdir()
    script = shutil.copy(SCRIPT, tmp_path / "docs")
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, *_, epochs = (line for line in done.stdout.splitlines() if "---" not in line)
    assert first.endswith("spirochaete: overlap accuracy, Dice |")
    # Accuracies are -0.1, 0.45 and 1; Dice is 0, 2/3 and 1.
    row = "0.450 ± 0.550 [0.450, 0.450], 0.556 ± 0.509 |"
    for part, images in (("random split", 3), ("random split, fields trained on", 1)):
        assert f"| {part} | {images} | 1.000 ± 0.000 [1.000, 1.000], 1.000 ± 0.000 | {row}" in (
            done.stdout
        )
    assert epochs.endswith("by seed: never, 1, 1.")
    assert Image.open(tmp_path / "docs/notebook.png").size == (1080, 456)
