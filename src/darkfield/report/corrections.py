"""What `darkfield predict` left, with its pictures, to be corrected in other programs."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from darkfield.data.axes import Asked
from darkfield.data.images import is_picture, write_png
from darkfield.data.listing import Made
from darkfield.data.reading import How, folder_ranges, read
from darkfield.files import UserError, atomic, one_line, read_csv, sha256
from darkfield.network.spec import SPEC, WEIGHTS, ModelSpec, read_spec
from darkfield.objects.drawings import Shapes, shapes, write_drawings
from darkfield.objects.table import find
from darkfield.report.label_file import read_label
from darkfield.report.palette import class_colours
from darkfield.report.ranking import ranking


class Predicted(NamedTuple):
    """A picture as the network saw it, uint8 RGB (H, W, 3), and what it made of it.

    indices: the class of each pixel, uint8 (H, W). drawn: the objects that these form. classes: the
    model's, by name.
    """

    image: np.ndarray
    indices: np.ndarray
    drawn: Shapes
    classes: dict[str, int]


class Place(NamedTuple):
    """Where a picture is that was labelled, its label, and its probabilities, if they were kept.

    name: of the picture in one folder of all: that of its label, its folders' names included.
    """

    name: str
    file: Path
    label: Path
    probabilities: Path


class Predictions(NamedTuple):
    """The pictures of a folder OUT, those to correct first first, and the model that labelled it.

    made_by: what labels say of that model: SHA-256 of its files.
    """

    out: Path
    model: Path
    spec: ModelSpec
    made_by: dict[str, str]
    places: list[Place]


def places(out: Path) -> tuple[pd.DataFrame, list[Place]]:
    """The counts.csv of what `darkfield predict` or `snakemake predict` left, and its pictures.

    No picture is read. Raises UserError if it is no such folder.
    """
    if not (out / "counts.csv").is_file():
        raise UserError(f"{out}: holds no counts.csv; name a folder that darkfield predict wrote")
    counts = read_csv(out / "counts.csv")
    if "file" not in counts:
        raise UserError(f"{out}: does not say where its pictures are; run darkfield predict again")
    if counts.empty:
        raise UserError(f"{out}: its counts.csv lists no pictures; run darkfield predict again")
    images = [Path(image) for image in counts["image"]]
    of_chain = not Made(out, images[0]).label.exists()
    made = [Made(out / "labels" if of_chain else out, image) for image in images]
    found = [
        Place(flat(image), Path(file), of.label, of.path("probabilities"))
        for image, file, of in zip(images, counts["file"], made, strict=True)
    ]
    if twice := [name for name, n in Counter(place.name for place in found).items() if n > 1]:
        raise UserError(*(f"{name}: several pictures would have this name" for name in twice))
    return counts, found


def ranked(out: Path) -> tuple[pd.DataFrame, list[Place]]:
    """The `ranking` of a folder's pictures, and these, the most worth correcting first.

    If an earlier version wrote the folder, there is no ranking, and the pictures are in the order
    of counts.csv. Raises UserError as `places`.
    """
    counts, found = places(out)
    table = ranking(counts, read_csv(out / "objects.csv"), [place.label for place in found])
    return table, [found[row] for row in table.index] or found


def predictions(out: Path, model: Path, first: int | None = None) -> Predictions:
    """What `predict` left in a folder, the most worth correcting first; no picture is read.

    `first` limits their number. Raises UserError as `places`, or if there is no such model.
    """
    _, found = ranked(out)
    made_by = {"weights": sha256(model / WEIGHTS), "model": sha256(model / SPEC)}
    return Predictions(out, model, read_spec(model), made_by, found[:first])


def predicted(of: Predictions, place: Place) -> Predicted:
    """A picture and its label; ValueError if either is missing or has changed, or cannot be read.

    Raises UserError if another model has made the label.
    """
    indices, record = read_label(place.label)
    if any(record[key] != digest for key, digest in of.made_by.items()):
        raise UserError(f"{of.out}: is not the work of {of.model}; name its model with --model")
    if not place.file.is_file():
        raise ValueError("no such file; work in the folder in which predict was run")
    if sha256(place.file) != record["picture"]:
        raise ValueError("is another picture than predict saw; run predict again")
    found = find(indices, of.spec.classes, of.spec.kinds)
    image = as_seen(place.file, record)
    drawn = shapes(f"{place.name}.png", indices, of.spec.classes, found)
    return Predicted(image, indices, drawn, of.spec.classes)


def as_seen(file: Path, record: dict[str, Any]) -> np.ndarray:
    """A picture, uint8 RGB (H, W, 3), read again as the record of its label says."""
    how = How(**record["seen"]["how"])
    asked = Asked._make(tuple(v) if isinstance(v, list) else v for v in record["asked"])
    own = {how.dtype: how.limits} if how.limits else {}
    return read(file, record["part"], asked, folder_ranges([], asked, own)).image


def flat(image: Path) -> str:
    """A picture's name in one folder: a/b becomes a_b, and a.tif, one of two a, a_tif."""
    name = "_".join(image.parts)
    return "_".join(name.rsplit(".", 1)) if is_picture(Path(name)) else name


def export(out: Path, model: Path, program: str, into: Path, first: int | None = None) -> None:
    """Write the predictions of a folder as `write_drawings`, into a new folder, with the pictures.

    `first` is as in `predictions`. Raises UserError with all that is wrong; then nothing is
    written.
    """
    if into.exists():
        raise UserError(f"{into}: is there already, perhaps with corrections; name another --into")
    of = predictions(out, model, first)
    problems: list[str] = []
    with atomic(into) as part:
        part.mkdir()

        def drawn() -> Iterator[Shapes]:
            for place in of.places:
                try:
                    each = predicted(of, place)
                except ValueError as error:
                    problems.append(one_line(f"{place.file}: {error}"))
                    continue
                write_png(part / each.drawn.picture, each.image)
                yield each.drawn

        write_drawings(part, program, drawn(), class_colours(of.spec))
        if problems:
            raise UserError(*problems)
