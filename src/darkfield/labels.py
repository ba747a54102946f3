"""New pictures to label pictures, one after the other."""

from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from darkfield.device import setup
from darkfield.files import UserError, atomic
from darkfield.images import read_image, resize_image, write_png
from darkfield.listing import Source
from darkfield.prediction import classes_of, load, predict


def label_files(sources: Sequence[Source], model: Path, out: Path) -> None:
    """Write OUT/NAME.png, 8-bit class indices (H, W), of each picture by the model of a folder.

    What is there already is kept, so that a run that was stopped goes on. Pictures that cannot be
    read do not stop the others; raises UserError with all of them in the end.
    """
    device, precision = setup("auto", "auto", torch.get_num_threads())
    network, spec = load(model, device)
    size = spec["image_size"]
    problems = []
    for path, name in tqdm(sources, "predict", unit="image", disable=None):
        target = out / f"{name}.png"
        if target.exists():
            continue
        try:
            image = read_image(path)
        except ValueError as error:
            problems.append(f"{path}: {error}")
            continue
        seen = image if size == "native" else resize_image(image, size)
        (logits,) = predict(network, [seen], [image.shape[:2]], spec, device, precision)
        with atomic(target) as part:
            write_png(part, classes_of(logits))
    if problems:
        raise UserError(*problems)
