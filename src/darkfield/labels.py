"""New pictures to label pictures, overlays, probabilities, and counts of what is on them."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from tqdm import tqdm

from darkfield.files import (
    UserError,
    atomic,
    one_line,
    read_json,
    sha256,
    write_csv,
    write_json,
)
from darkfield.images import read_image
from darkfield.listing import Source
from darkfield.objects import count_table, object_table
from darkfield.overlays import class_colours, paint, rgb
from darkfield.prediction import ROWS, bands, classes_of, load


def label_files(
    sources: Sequence[Source],
    model: Path,
    out: Path,
    device: torch.device,
    precision: str,
    *,
    probabilities: bool = False,
    um_per_pixel: float | None = None,
) -> list[str]:
    """What the model of a folder says about pictures, into the folder `out`.

    NAME.png, a palette picture (H, W) whose indices are the classes; overlays/NAME.jpg; with
    `probabilities` those of the classes, float32 (C, H, W), as probabilities/NAME.tif; counts.csv,
    a row a picture, and objects.csv, a row an object, in micrometres too if `um_per_pixel` is
    given. Labels that are there already are kept, so that a run that was stopped goes on. Pictures
    that cannot be read do not stop the others: returns a line for each. Raises UserError if `out`
    holds what another model made, or another run writes to it.
    """
    network, spec = load(model, device)
    objects, counts, problems = [], [], []
    with claimed(out, model, probabilities):
        colours = class_colours(len(spec["classes"]))
        for path, page, name in tqdm(sources, "predict", unit="image", disable=None):
            label = out / f"{name}.png"
            try:
                if not label.exists():
                    image = read_image(path, page)
                    classes = label_image(
                        bands(network, image, spec, device, precision),
                        (len(spec["classes"]), *image.shape[:2]),
                        out / f"probabilities/{name}.tif" if probabilities else None,
                    )
                    write_overlay(out / f"overlays/{name}.jpg", image, classes, colours)
                    write_label(label, classes, colours)
                classes = np.asarray(Image.open(label))
            except ValueError as error:
                problems.append(one_line(f"{path}: {error}"))
                continue
            found = object_table(classes, spec["classes"], um_per_pixel)
            objects.append(named(found, name))
            counts.append(named(count_table(found, classes, spec["classes"]), name))
        for file, tables in (("objects.csv", objects), ("counts.csv", counts)):
            if tables:
                write_csv(out / file, pd.concat(tables, ignore_index=True))
    return problems


@contextmanager
def claimed(out: Path, model: Path, probabilities: bool) -> Iterator[None]:
    """Keep other runs out of a folder, and note in OUT/predict.json what fills it.

    Raises UserError if something else filled the folder, or another run is at it.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"{out}: is a file; --out names a folder")
    out.mkdir(parents=True, exist_ok=True)
    handle = os.open(out, os.O_RDONLY)
    try:
        lock(handle, out)
        note = out / "predict.json"
        files = {file: sha256(model / file) for file in ("model.safetensors", "model.json")}
        mine = {**files, "probabilities": probabilities}
        if note.exists() and read_json(note) != mine:
            raise UserError(
                f"{out}: holds what another model or other options made; give --out another folder"
            )
        write_json(note, mine)
        yield
    finally:
        os.close(handle)


def lock(handle: int, out: Path) -> None:
    """Lock an open folder, for as long as it is open; raises UserError if another run has."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UserError(f"{out}: another run writes to it; wait, or give --out another") from error
    except OSError:
        pass  # a file system without locks


def label_image(
    parts: Iterator[torch.Tensor], shape: tuple[int, int, int], probabilities: Path | None
) -> np.ndarray:
    """Class indices, uint8 (H, W), of logits in bands of rows, of `shape` (C, H, W) together.

    Their softmax goes to the TIFF `probabilities`, if given, as it comes.
    """
    classes, top = np.empty(shape[1:], np.uint8), 0
    with tiff(probabilities, shape) if probabilities else nullcontext() as stack:
        for part in parts:
            rows = slice(top, top := top + part.shape[1])
            classes[rows] = classes_of(part)
            if stack is not None:
                stack[:, rows] = part.softmax(dim=0).cpu().numpy()
    return classes


@contextmanager
def tiff(path: Path, shape: tuple[int, int, int]) -> Iterator[np.ndarray]:
    """A float32 array (C, H, W) in a TIFF that appears at `path` when the block has ended."""
    import tifffile

    with atomic(path) as part:
        kind = {"photometric": "minisblack", "metadata": {"axes": "CYX"}}
        stack = tifffile.memmap(part, shape=shape, dtype=np.float32, **kind)
        yield stack
        stack.flush()


def write_label(path: Path, classes: np.ndarray, colours: Sequence[str]) -> None:
    """Write class indices, uint8 (H, W), as a PNG of a palette: viewers show it in colours."""
    picture = Image.fromarray(classes)
    picture.putpalette(np.concatenate([rgb(colour) for colour in colours]).tobytes())
    with atomic(path) as part:
        picture.save(part)


def write_overlay(
    path: Path, image: np.ndarray, classes: np.ndarray, colours: Sequence[str]
) -> None:
    """Write a picture (H, W, 3) under the colours of its classes (H, W), as a JPEG."""
    painted = np.empty_like(image)
    for top in range(0, len(image), ROWS):  # paint takes much memory
        rows = slice(top, top + ROWS)
        painted[rows] = paint(image[rows], classes[rows], colours)
    with atomic(path) as part:
        Image.fromarray(painted).save(part, quality=90)


def named(table: pd.DataFrame, name: Path) -> pd.DataFrame:
    """A table with the picture's name as its first column."""
    table.insert(0, "image", str(name))
    return table
