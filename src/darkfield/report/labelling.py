"""The label of one picture: kept from a former run if it still holds, made anew otherwise."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from darkfield.data.axes import Asked
from darkfield.data.listing import Made, Source
from darkfield.data.reading import How, Ranges, read, scale
from darkfield.engine.imports import code_digest, modules
from darkfield.files import atomic, wrong_name
from darkfield.network.familiarity import short, unlikeness
from darkfield.network.predictor import Predictor, certainty_of, classes_of
from darkfield.network.tiles import ROWS
from darkfield.network.watched import watched
from darkfield.objects.confidence import EVIDENCE, doubts, evidence
from darkfield.objects.exchange import has_size, size_tags
from darkfield.objects.table import Found, find
from darkfield.report.as_trained import as_before, zoom_to
from darkfield.report.label_file import read_label, write_label
from darkfield.report.overlays import paint
from darkfield.report.palette import class_colours


class Order(NamedTuple):
    """How all pictures of a run are labelled.

    asked, ranges: how they are read, and the ranges of values of their folder.
    um_per_pixel: micrometres per pixel of files that do not say it, if known.
    to_scale: micrometres per pixel that pictures are brought to for the network, if they are.
    probabilities: whether these are written, too.
    """

    predictor: Predictor
    asked: Asked
    ranges: Ranges
    um_per_pixel: float | None
    to_scale: float | None
    probabilities: bool

    def stack(self, made: Made) -> Path | None:
        """Where a picture's probabilities go, if they are asked for."""
        return made.path("probabilities") if self.probabilities else None


class Label(NamedTuple):
    """What a picture shows: the class of each pixel, uint8 (H, W), and the objects they form.

    seen: what only the network's run tells: `evidence` by column, `doubts` by class, and the
        picture's unlikeness and `watched` features.
    how, um_per_pixel, um_from: how the picture was read, and its `scale`.
    """

    indices: np.ndarray
    found: dict[str, Found]
    seen: dict[str, Any]
    how: How
    um_per_pixel: float | None
    um_from: str


def labelled(source: Source, made: Made, order: Order, made_of: dict[str, Any]) -> Label:
    """Write the label, overlay and probabilities of a picture, unless those of `made_of` are there.

    Raises ValueError if the picture cannot be read, or if somebody has edited its label.
    """
    if reason := wrong_name(source.name.name):
        raise ValueError(reason)
    return kept(made, order, made_of) or new(source, made, order, made_of)


def kept(made: Made, order: Order, made_of: dict[str, Any]) -> Label | None:
    """The label that is there, if it is whole and `made_of` the same; ValueError if edited."""
    if not made.label.exists():
        return None
    indices, record = read_label(made.label)
    seen = record.pop("seen", {})
    if record != made_of or not made.overlay.exists():
        return None
    how = How(**seen.pop("how"))
    um_per_pixel, um_from = scale(how, order.um_per_pixel)
    if not as_before(how, order.ranges):
        return None
    stack = made.path("probabilities")
    if not (has_size(stack, um_per_pixel) if stack.exists() else not order.probabilities):
        return None
    spec = order.predictor.spec
    found = find(indices, spec.classes, spec.kinds)
    return Label(indices, found, seen, how, um_per_pixel, um_from)


def new(source: Source, made: Made, order: Order, made_of: dict[str, Any]) -> Label:
    """Read a picture, pass it through the network, and write what comes of it."""
    spec = order.predictor.spec
    image, _, how = read(source.path, source.part, order.asked, order.ranges)
    um_per_pixel, um_from = scale(how, order.um_per_pixel)
    zoom = zoom_to(order.to_scale, um_per_pixel, image) if order.to_scale else 1
    made.remove()  # the label first, as it is written last: where it exists, all its files do
    stack = order.stack(made)
    indices, certainty, features = label_image(order.predictor, image, stack, um_per_pixel, zoom)
    found = find(indices, spec.classes, spec.kinds)
    of = evidence(found, indices, spec.classes, certainty, image)
    far = unlikeness(features, spec.familiarity)
    seen = {key: of[key].tolist() for key in EVIDENCE} | {
        "unlikeness": far and round(far, 3),
        "doubts": short(doubts(indices, certainty, len(spec.classes))),
        "features": short(features),
    }
    colours = [*class_colours(spec).values()]
    write_overlay(made.overlay, image, indices, colours, spec.background_index)
    write_label(made.label, indices, colours, made_of | {"seen": seen | {"how": how._asdict()}})
    return Label(indices, found, seen, how, um_per_pixel, um_from)


def maker(order: Order) -> dict[str, Any]:
    """What labels of any picture are made of: the way it is read; SHA-256 of model and code.

    The machine does not count: device and precision change a few pixels where classes meet.
    """
    rescaled = order.to_scale is not None and [order.to_scale, order.um_per_pixel]
    read_as = {"asked": order.asked, "rescaled": rescaled}
    made_by = read_as | order.predictor.digests | {"code": code_digest(code())}
    as_recorded: dict[str, Any] = json.loads(json.dumps(made_by))
    return as_recorded


def code() -> list[Path]:
    """The source files that decide what is in a label: this one and all that it imports.

    They read pictures, run the network, tell objects apart and write; tables and pages are not
    among them, since those are made anew in every run.
    """
    here = Path(__file__)
    return [here, *modules(here)]


def label_image(
    predictor: Predictor,
    image: np.ndarray,
    probabilities: Path | None,
    um_per_pixel: float | None,
    zoom: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`Predictor.labels_and_certainty` of an image, uint8 (H, W, 3), and its `watched` features.

    It passes through the network enlarged by `zoom`, as `Predictor.zoomed`. If a TIFF
    `probabilities` is given, these are written to it, one band of rows after the other.
    """
    size = image.shape[:2]
    classes, certainty, top = np.empty(size, np.uint8), np.empty(size, np.float16), 0
    shape = (len(predictor.classes), *size)
    with (
        tiff(probabilities, shape, um_per_pixel) if probabilities else nullcontext() as stack,
        watched(predictor.network) as features,
    ):
        for part in predictor.zoomed(image, zoom):
            rows = slice(top, top := top + part.shape[1])
            classes[rows], certainty[rows] = classes_of(part), certainty_of(part)
            if stack is not None:
                stack[:, rows] = predictor.softmax(part)
        return classes, certainty, features()


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
