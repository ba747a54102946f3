"""Labels, overlays, probabilities and object tables of new images."""

import fcntl
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

from darkfield.data.axes import Asked
from darkfield.data.listing import Made, Source
from darkfield.data.reading import How, folder_ranges, read, scale
from darkfield.engine.imports import code_digest, modules
from darkfield.files import (
    UserError,
    atomic,
    one_line,
    remove,
    sha256,
    stacked,
    write_csv,
    wrong_name,
)
from darkfield.network.predictor import Predictor, certainty_of, classes_of
from darkfield.network.tiles import ROWS
from darkfield.objects.confidence import EVIDENCE, counts, described, evidence
from darkfield.objects.exchange import has_size, size_tags, write_objects
from darkfield.objects.table import Found, find
from darkfield.progress import progress
from darkfield.report.as_trained import as_before, as_trained, trained_scale, zoom_to
from darkfield.report.label_file import is_label, read_label, write_label
from darkfield.report.overlays import paint
from darkfield.report.palette import class_colours
from darkfield.report.unfamiliar import warning

TABLES = ("objects.csv", "counts.csv")
AS_TRAINED = Asked()
NOTHING: dict[str, Any] = {  # was seen
    **dict.fromkeys(EVIDENCE, ()),
    **{"unlikeness": None, "how": How("", "", None, None, "")},
}
log = logging.getLogger("darkfield")


def label_files(
    sources: Sequence[Source],
    predictor: Predictor,
    out: Path,
    *,
    asked: Asked = AS_TRAINED,
    folder: Sequence[Source] = (),
    also: Collection[str] = (),
    um_per_pixel: float | None = None,
    rescale: bool = False,
    two_borders: bool = False,
) -> list[str]:
    """Write what a model makes of images into the folder `out`.

    For each image: NAME.png, a palette image (H, W) of class indices; overlays/NAME.jpg; and what
    `also` names of listing.ON_REQUEST: probabilities, float32 (C, H, W), or objects in the files of
    other programs (objects.exchange). For these sources together: counts.csv, one row per image,
    and objects.csv, one row per object. `asked` is how pictures are to be read; what it leaves open
    is as in training. `folder` are all pictures whose range of values counts, if there are more
    than `sources`. `um_per_pixel` is for files that do not say it; `rescale` brings pictures to
    that of the model before they pass through the network; `two_borders` is as in object_table.

    An existing label is kept if it was made from the same picture, read in the same way, by the
    same model and code; any other is made again. Images that cannot be read, and labels that
    somebody has edited, do not stop the others: the function returns one line for each. Raises
    UserError if another run is writing to `out`, or if the model cannot rescale.
    """
    known = predictor.spec.reading
    asked = as_trained(asked, known)
    ranges = folder_ranges([(s.path, s.part) for s in folder or sources], asked, known.ranges)
    to_scale = trained_scale(predictor.spec) if rescale else None
    read_as = {"asked": asked, "rescaled": rescale and [to_scale, um_per_pixel]}
    read_as = json.loads(json.dumps(read_as))  # as the record of a label has it
    with claimed(out):
        for former in (*TABLES, "index.html"):  # they describe the old labels
            remove(out / former)
        spec, classes, made_by = predictor.spec, predictor.classes, maker(predictor)
        colours, kinds, clear = class_colours(spec), spec.kinds, spec.background_index
        digest = lru_cache(maxsize=1)(picture_digest)  # the pages of a file follow each other

        def rows(
            found: dict[str, Found],
            seen: dict[str, Any],
            indices: np.ndarray,
            name: Path,
            um: float | None,
            um_from: str,
        ) -> tuple[pd.DataFrame, pd.DataFrame]:
            """What is found in the class indices (H, W) of an image, as its rows of TABLES."""
            how = indices, classes, kinds, spec.calibration
            of = pd.DataFrame({key: seen[key] for key in EVIDENCE})
            objects = described(found, of, *how, um, two_borders=two_borders)
            row = counts(objects, *how)
            row["warning"] = warning(seen["unlikeness"])
            row["read"] = seen["how"].read
            row["um_per_pixel"], row["um_from"] = um or np.nan, um_from
            if um:
                objects["um_from"] = um_from
            for table in (objects, row):
                table.insert(0, "image", str(name))
            return objects, row

        # For no image: gives the columns if no image has a label.
        blank = np.zeros((1, 1), np.uint8)
        no_objects = find(blank, classes, kinds), NOTHING, blank, Path()
        tables: list[Sequence[pd.DataFrame]] = [
            [t[:0] for t in rows(*no_objects, um_per_pixel, "")]
        ]
        columns = [list(table) for table in rows(*no_objects, 1, "")]
        problems: list[str] = []
        labelled: set[Path] = set()
        for path, part, name in progress(sources, "image"):
            made = Made(out, name)
            stack = made.path("probabilities") if "probabilities" in also else None
            made_of = {"picture": digest(path), "part": part, **read_as, **made_by}
            try:
                if reason := wrong_name(name.name):
                    raise ValueError(reason)
                indices, record = read_label(made.label) if made.label.exists() else (None, {})
                seen = record.pop("seen", NOTHING)
                whole = record == made_of and made.overlay.exists()
                if whole:
                    how = How(**seen["how"])
                    um, um_from = scale(how, um_per_pixel)
                    whole = as_before(how, ranges) and (
                        stack is None or (stack.exists() and has_size(stack, um))
                    )
                if not whole or indices is None:
                    image, _, how = read(path, part, asked, ranges)
                    um, um_from = scale(how, um_per_pixel)
                    zoom = zoom_to(to_scale, um, image) if to_scale else 1
                    # Label removed first, written last: where it exists, all its files do.
                    made.remove()
                    indices, certainty, far = label_image(predictor, image, stack, um, zoom)
                    found = find(indices, classes, kinds)
                    of = evidence(found, indices, classes, certainty, image)
                    seen = of.to_dict("list") | {"unlikeness": far and round(far, 3)}
                    write_overlay(made.overlay, image, indices, list(colours.values()), clear)
                    kept = made_of | {"seen": seen | {"how": how._asdict()}}
                    write_label(made.label, indices, list(colours.values()), kept)
                else:
                    found = find(indices, classes, kinds)
                tables_of = rows(found, seen | {"how": how}, indices, name, um, um_from)
                write_objects(made, also, tables_of[0], found, colours, um)
            except ValueError as error:
                problems.append(one_line(f"{path}: {error}"))
                continue
            labelled.add(made.label)
            tables.append(tables_of)
        for table, parts, order in zip(TABLES, zip(*tables, strict=True), columns, strict=True):
            some = set().union(*parts)  # of some images more is known
            write_csv(out / table, stacked(parts).reindex(columns=[c for c in order if c in some]))
        if others := sum(map(is_label, set(out.rglob("*.png")) - labelled)):
            log.warning("%s: the tables do not cover %d labels of other images there", out, others)
    return [*dict.fromkeys(problems)]  # of a damaged film, one for all its frames


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
    predictor: Predictor,
    image: np.ndarray,
    probabilities: Path | None,
    um_per_pixel: float | None,
    zoom: float,
) -> tuple[np.ndarray, np.ndarray, float | None]:
    """`Predictor.labels_and_certainty` of an image, uint8 (H, W, 3), and its `unlikeness`.

    It passes through the network enlarged by `zoom`, as `Predictor.zoomed`. If a TIFF
    `probabilities` is given, these are written to it, one band of rows after the other.
    """
    size = image.shape[:2]
    classes, certainty, top = np.empty(size, np.uint8), np.empty(size, np.float16), 0
    shape = (len(predictor.classes), *size)
    with (
        tiff(probabilities, shape, um_per_pixel) if probabilities else nullcontext() as stack,
        predictor.unlikeness() as unlikeness,
    ):
        for part in predictor.zoomed(image, zoom):
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
