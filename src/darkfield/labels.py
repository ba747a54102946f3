"""New pictures to label pictures, one after the other."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from darkfield.device import setup
from darkfield.files import UserError, atomic, read_json, sha256, write_json
from darkfield.images import read_image, write_png
from darkfield.listing import Source
from darkfield.prediction import bands, classes_of, load


def label_files(sources: Sequence[Source], model: Path, out: Path) -> None:
    """Write OUT/NAME.png, 8-bit class indices (H, W), of each picture by the model of a folder.

    What is there already is kept, so that a run that was stopped goes on. Pictures that cannot be
    read do not stop the others; raises UserError with all of them in the end, and at once if `out`
    holds what another model made.
    """
    device, precision = setup("auto", "auto", torch.get_num_threads())
    network, spec = load(model, device)
    same_model(model, out)
    problems = []
    for path, page, name in tqdm(sources, "predict", unit="image", disable=None):
        target = out / f"{name}.png"
        if target.exists():
            continue
        try:
            image = read_image(path, page)
        except ValueError as error:
            problems.append(f"{path}: {error}")
            continue
        parts = bands(network, image, spec, device, precision)
        label = np.concatenate([classes_of(part) for part in parts])
        with atomic(target) as part:
            write_png(part, label)
    if problems:
        raise UserError(*problems)


def same_model(model: Path, out: Path) -> None:
    """Note in OUT/model.json which model fills the folder; raises UserError if another one did."""
    digests = {file: sha256(model / file) for file in ("model.safetensors", "model.json")}
    note = out / "model.json"
    if note.exists() and read_json(note) != digests:
        raise UserError(f"{out}: holds what another model made; give --out another folder")
    write_json(note, digests)
