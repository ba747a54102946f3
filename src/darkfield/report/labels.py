"""Labels, overlays, probabilities and object tables of new images."""

import fcntl
import logging
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from darkfield.data.axes import Asked
from darkfield.data.listing import Made, Source
from darkfield.data.reading import How, folder_ranges
from darkfield.files import UserError, one_line, remove, sha256, stacked, write_csv
from darkfield.network.predictor import Predictor
from darkfield.network.processes import in_order, worth
from darkfield.network.spec import ModelSpec
from darkfield.objects.confidence import EVIDENCE, counts, described
from darkfield.objects.exchange import write_objects
from darkfield.objects.table import find
from darkfield.progress import progress
from darkfield.report.as_trained import as_trained, trained_scale
from darkfield.report.label_file import is_label
from darkfield.report.labelling import Label, Order, labelled, maker
from darkfield.report.palette import class_colours
from darkfield.report.unfamiliar import warning

TABLES = ("objects.csv", "counts.csv")
AS_TRAINED = Asked()
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
    spec, known = predictor.spec, predictor.spec.reading
    asked = as_trained(asked, known)
    ranges = folder_ranges([(s.path, s.part) for s in folder or sources], asked, known.ranges)
    to_scale = trained_scale(spec) if rescale else None
    order = Order(predictor, asked, ranges, um_per_pixel, to_scale, "probabilities" in also)
    tables: list[Sequence[pd.DataFrame]] = []
    problems: list[str] = []
    done: set[Path] = set()
    with claimed(out):
        for former in (*TABLES, "index.html"):  # they describe the old labels
            remove(out / former)
        made_by, colours = maker(order), class_colours(spec)
        digest = lru_cache(maxsize=1)(picture_digest)  # the pages of a file follow each other

        def tables_of(source: Source) -> Sequence[pd.DataFrame] | str:
            path, part, name = source
            made = Made(out, name)
            made_of = {"picture": digest(path), "part": part, **made_by}
            try:
                label = labelled(source, made, order, made_of)
                objects, row = rows(label, source, spec, two_borders=two_borders)
                wanted = {*also, *made.kinds()}  # beside a label that was kept, measured otherwise
                write_objects(made, wanted, objects, label.found, colours, label.um_per_pixel)
            except ValueError as error:
                return one_line(f"{path}: {error}")
            return objects, row

        processes = worth(len(sources), predictor.device)
        found = progress(in_order(tables_of, sources, processes), "image", len(sources))
        for source, result in zip(sources, found, strict=True):
            if isinstance(result, str):
                problems.append(result)
            else:
                done.add(Made(out, source.name).label)
                tables.append(result)
        write_tables(out, tables, spec, um_per_pixel)
        if others := sum(map(is_label, set(out.rglob("*.png")) - done)):
            log.warning("%s: the tables do not cover %d labels of other images there", out, others)
    return [*dict.fromkeys(problems)]  # of a damaged film, one for all its frames


def rows(
    label: Label, source: Source, spec: ModelSpec, *, two_borders: bool = False
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of TABLES of an image: one per object, and that of its counts."""
    how = label.indices, spec.classes, spec.kinds, spec.calibration
    of = pd.DataFrame({key: label.seen[key] for key in EVIDENCE})
    um = label.um_per_pixel
    objects = described(label.found, of, *how, um, two_borders=two_borders)
    row = counts(objects, *how)
    row["warning"] = warning(label.seen["unlikeness"])
    row["read"] = label.how.read
    row["um_per_pixel"], row["um_from"] = um or np.nan, label.um_from
    row["file"] = str(source.path)
    if um:
        objects["um_from"] = label.um_from
    for table in (objects, row):
        table.insert(0, "image", str(source.name))
    return objects, row


def write_tables(
    out: Path,
    tables: Sequence[Sequence[pd.DataFrame]],
    spec: ModelSpec,
    um_per_pixel: float | None,
) -> None:
    """Write TABLES of the `rows` of images; without any, with the columns that they would have."""
    nowhere = Source(Path(), "", Path())
    none = [table[:0] for table in rows(blank(spec, um_per_pixel), nowhere, spec)]
    columns = rows(blank(spec, 1), nowhere, spec)  # all, in their order
    for name, parts, every in zip(TABLES, zip(none, *tables, strict=True), columns, strict=True):
        some = set().union(*parts)  # of some images more is known
        write_csv(out / name, stacked(parts).reindex(columns=[c for c in every if c in some]))


def blank(spec: ModelSpec, um_per_pixel: float | None) -> Label:
    """The label of a picture without objects."""
    indices = np.zeros((1, 1), np.uint8)
    seen = {**dict.fromkeys(EVIDENCE, ()), "unlikeness": None}
    how = How("", "", None, None, "")
    return Label(indices, find(indices, spec.classes, spec.kinds), seen, how, um_per_pixel, "")


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
