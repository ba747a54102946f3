"""Labels, overlays, probabilities and object tables of new images."""

import fcntl
import hashlib
import inspect
import json
import logging
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from darkfield.data.images import read_image
from darkfield.data.listing import Made, Source
from darkfield.engine.imports import code_digest, modules
from darkfield.files import UserError, atomic, one_line, remove, sha256, stacked, write_csv
from darkfield.network.predictor import Predictor, certainty_of, classes_of
from darkfield.network.tiles import ROWS
from darkfield.objects.confidence import EVIDENCE, counts, described, evidence
from darkfield.objects.exchange import has_size, size_tags, write_objects
from darkfield.objects.table import Found, find
from darkfield.progress import progress
from darkfield.report.overlays import paint
from darkfield.report.palette import class_colours, rgb
from darkfield.report.unfamiliar import warning

TABLES = ("objects.csv", "counts.csv")
RECORD = "darkfield"
NOTHING: dict[str, Any] = {**dict.fromkeys(EVIDENCE, ()), "unlikeness": None}  # was seen
log = logging.getLogger("darkfield")


def label_files(
    sources: Sequence[Source],
    predictor: Predictor,
    out: Path,
    *,
    also: Collection[str] = (),
    um_per_pixel: float | None = None,
    two_borders: bool = False,
) -> list[str]:
    """Write what a model makes of images into the folder `out`.

    For each image: NAME.png, a palette image (H, W) of class indices; overlays/NAME.jpg; and what
    `also` names of listing.ON_REQUEST: probabilities, float32 (C, H, W), or objects in the files of
    other programs (objects.exchange). For these sources together: counts.csv, one row per image,
    and objects.csv, one row per object; `um_per_pixel` and `two_borders` are as in object_table.

    An existing label is kept if it was made from the same file and page by the same model and code;
    any other is made again. Images that cannot be read, and labels that somebody has edited, do not
    stop the others: the function returns one line for each. Raises UserError if another run is
    writing to `out`.
    """
    with claimed(out):
        for former in (*TABLES, "index.html"):  # they describe the old labels
            remove(out / former)
        spec, classes, made_by = predictor.spec, predictor.classes, maker(predictor)
        colours, kinds, clear = class_colours(spec), spec.kinds, spec.background_index
        digest = lru_cache(maxsize=1)(picture_digest)  # the pages of a file follow each other

        def rows(
            found: dict[str, Found], seen: dict[str, Any], indices: np.ndarray, name: Path
        ) -> tuple[pd.DataFrame, pd.DataFrame]:
            """What is found in the class indices (H, W) of an image, as its rows of TABLES."""
            how = indices, classes, kinds, spec.calibration
            of = pd.DataFrame({key: seen[key] for key in EVIDENCE})
            objects = described(found, of, *how, um_per_pixel, two_borders=two_borders)
            row = counts(objects, *how)
            row["warning"] = warning(seen["unlikeness"])
            for table in (objects, row):
                table.insert(0, "image", str(name))
            return objects, row

        # For no image: gives the columns if no image has a label.
        blank = np.zeros((1, 1), np.uint8)
        nothing = rows(find(blank, classes, kinds), NOTHING, blank, Path())
        tables: list[Sequence[pd.DataFrame]] = [[table[:0] for table in nothing]]
        problems: list[str] = []
        labelled: set[Path] = set()
        for path, page, name in progress(sources, "image"):
            made = Made(out, name)
            stack = made.path("probabilities") if "probabilities" in also else None
            made_of = {"picture": digest(path), "page": page, **made_by}
            try:
                whole = made.overlay.exists() and (
                    stack is None or (stack.exists() and has_size(stack, um_per_pixel))
                )
                indices, record = read_label(made.label) if made.label.exists() else (None, {})
                seen = record.pop("seen", NOTHING)
                if indices is None or record != made_of or not whole:
                    image = read_image(path, page)
                    # Label removed first, written last: where it exists, all its files do.
                    made.remove()
                    indices, certainty, far = label_image(predictor, image, stack, um_per_pixel)
                    found = find(indices, classes, kinds)
                    of = evidence(found, indices, classes, certainty, image)
                    seen = of.to_dict("list") | {"unlikeness": far and round(far, 3)}
                    write_overlay(made.overlay, image, indices, list(colours.values()), clear)
                    kept = made_of | {"seen": seen}
                    write_label(made.label, indices, list(colours.values()), kept)
                else:
                    found = find(indices, classes, kinds)
                part = rows(found, seen, indices, name)
                write_objects(made, also, part[0], found, colours, um_per_pixel)
            except ValueError as error:
                problems.append(one_line(f"{path}: {error}"))
                continue
            labelled.add(made.label)
            tables.append(part)
        for table, parts in zip(TABLES, zip(*tables, strict=True), strict=True):
            write_csv(out / table, stacked(parts))
        if others := sum(map(is_label, set(out.rglob("*.png")) - labelled)):
            log.warning("%s: the tables do not cover %d labels of other images there", out, others)
    return problems


def maker(predictor: Predictor) -> dict[str, str]:
    """SHA-256 of what makes labels: the model's two files, and the code that runs it.

    The machine does not count: device and precision change a few pixels where classes meet.
    """
    source = Path(inspect.getfile(Predictor))
    return predictor.digests | {"code": code_digest([source, *modules(source)])}


def picture_digest(path: Path) -> str | None:
    """SHA-256 of a file; None if it cannot be read (reading the image will tell why)."""
    with suppress(OSError):
        return sha256(path) if path.is_file() else None
    return None


@contextmanager
def claimed(out: Path) -> Iterator[None]:
    """Make a folder and keep other runs out of it; raises UserError if another run uses it."""
    if out.exists() and not out.is_dir():
        raise UserError(f"{out}: is a file; --out must name a folder")
    out.mkdir(parents=True, exist_ok=True)
    handle = os.open(out, os.O_RDONLY)
    try:
        lock(handle, out)
        yield
    finally:
        os.close(handle)


def lock(handle: int, out: Path) -> None:
    """Lock an open folder until it is closed; raises UserError if another run has locked it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UserError(
            f"{out}: another run is writing to it; wait, or choose another --out"
        ) from error
    except OSError:
        pass  # a file system without locks


def label_image(
    predictor: Predictor, image: np.ndarray, probabilities: Path | None, um_per_pixel: float | None
) -> tuple[np.ndarray, np.ndarray, float | None]:
    """`Predictor.labels_and_certainty` of an image, uint8 (H, W, 3), and its `unlikeness`.

    If a TIFF `probabilities` is given, these are written to it, one band of rows after the other.
    """
    size = image.shape[:2]
    classes, certainty, top = np.empty(size, np.uint8), np.empty(size, np.float16), 0
    shape = (len(predictor.classes), *size)
    with (
        tiff(probabilities, shape, um_per_pixel) if probabilities else nullcontext() as stack,
        predictor.unlikeness() as unlikeness,
    ):
        for part in predictor.bands(image):
            rows = slice(top, top := top + part.shape[1])
            classes[rows], certainty[rows] = classes_of(part), certainty_of(part)
            if stack is not None:
                stack[:, rows] = predictor.softmax(part)
        return classes, certainty, unlikeness()


@contextmanager
def tiff(
    path: Path, shape: tuple[int, int, int], um_per_pixel: float | None
) -> Iterator[np.ndarray]:
    """A float32 array (C, H, W) in a TIFF that appears at `path` when the block ends."""
    import tifffile

    with atomic(path) as part:
        options = size_tags(path.name, "CYX", um_per_pixel)
        stack = tifffile.memmap(part, shape=shape, dtype=np.float32, **options)
        yield stack
        stack.flush()


def write_label(
    path: Path, indices: np.ndarray, colours: Sequence[str], made_of: dict[str, Any]
) -> None:
    """Write class indices, uint8 (H, W), as a PNG with a palette: viewers show it in colour.

    What they were made from, and their own SHA-256, are stored as JSON in a text chunk, RECORD.
    """
    picture = Image.fromarray(indices)
    picture.putpalette(np.concatenate([rgb(colour) for colour in colours]).tobytes())
    text = PngInfo()
    text.add_text(RECORD, json.dumps(made_of | {"indices": digest_of(indices)}))
    with atomic(path) as part:
        picture.save(part, pnginfo=text)


def read_label(path: Path) -> tuple[np.ndarray, dict[str, Any]]:
    """The class indices, uint8 (H, W), of a label, and what they were made from.

    Raises ValueError if `write_label` did not write it, or if it was changed since.
    """
    try:
        with Image.open(path) as picture:
            indices, record = np.asarray(picture), json.loads(picture.info[RECORD])
        intact = record.pop("indices") == digest_of(indices)
    except Exception:  # Pillow's decoders may raise nearly anything
        intact = False
    if not intact:
        raise ValueError(
            f"{path} is not as predict wrote it; move it elsewhere, or choose another --out"
        )
    return indices, record


def is_label(path: Path) -> bool:
    """Whether a PNG is a label written by predict; the PNG is not decoded."""
    with suppress(Exception), Image.open(path) as picture:
        return RECORD in picture.info
    return False


def digest_of(indices: np.ndarray) -> str:
    """SHA-256 of class indices, uint8 (H, W), and their shape."""
    digest = hashlib.sha256(repr(indices.shape).encode())
    digest.update(np.ascontiguousarray(indices).data)
    return digest.hexdigest()


def write_overlay(
    path: Path,
    image: np.ndarray,
    classes: np.ndarray,
    colours: Sequence[str],
    clear: int | None,
) -> None:
    """Write a JPEG of a picture (H, W, 3) under the colours of its classes (H, W), but `clear`."""
    painted = np.empty_like(image)
    for top in range(0, len(image), ROWS):  # paint needs a lot of memory
        rows = slice(top, top + ROWS)
        painted[rows] = paint(image[rows], classes[rows], colours, clear)
    with atomic(path) as part:
        Image.fromarray(painted).save(part, quality=90)
