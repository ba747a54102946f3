"""What `darkfield predict` left, with its pictures, to be corrected in other programs."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from darkfield.data.axes import Asked
from darkfield.data.images import is_picture, write_png
from darkfield.data.listing import Made
from darkfield.data.reading import How, folder_ranges, read
from darkfield.files import UserError, atomic, one_line, read_csv, sha256
from darkfield.network.spec import SPEC, WEIGHTS, ModelSpec, read_spec
from darkfield.objects.drawings import Shapes, shapes, write_drawings
from darkfield.objects.table import Found, find
from darkfield.report.label_file import read_label
from darkfield.report.palette import class_colours


class Predicted(NamedTuple):
    """A picture as the network saw it, uint8 RGB (H, W, 3), and what it made of it.

    name: of the picture in one folder of all: that of its label, its folders' names included.
    indices: the class of each pixel, uint8 (H, W). found: the objects that these form.
    """

    name: str
    image: np.ndarray
    indices: np.ndarray
    found: dict[str, Found]


def predicted(out: Path, model: Path, spec: ModelSpec, problems: list[str]) -> Iterator[Predicted]:
    """The pictures of OUT/counts.csv, in its order, with their labels.

    `model`, whose model.json is `spec`, must have made them. For each picture that is missing or
    has changed since, and for each label that has, `problems` gets a line.
    """
    if not (out / "counts.csv").is_file():
        raise UserError(f"{out}: holds no counts.csv; name a folder that darkfield predict wrote")
    counts = read_csv(out / "counts.csv")
    if "file" not in counts:
        raise UserError(f"{out}: does not say where its pictures are; run darkfield predict again")
    made_by = {"weights": sha256(model / WEIGHTS), "model": sha256(model / SPEC)}
    names = [Path(name) for name in counts["image"]]
    of_chain = not any(Made(out, image).label.exists() for image in names[:1])
    labels = out / "labels" if of_chain else out  # where snakemake predict has them
    for image, file in zip(names, counts["file"].map(Path), strict=True):
        try:
            indices, record = read_label(Made(labels, image).label)
            if any(record[key] != digest for key, digest in made_by.items()):
                raise UserError(f"{out}: is not the work of {model}; name its model with --model")
            if not file.is_file():
                raise ValueError("no such file; work in the folder in which predict was run")
            if sha256(file) != record["picture"]:
                raise ValueError("is another picture than predict saw; run predict again")
            picture = as_seen(file, record)
        except ValueError as error:
            problems.append(one_line(f"{file}: {error}"))
            continue
        yield Predicted(flat(image), picture, indices, find(indices, spec.classes, spec.kinds))


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


def export(out: Path, model: Path, program: str, into: Path) -> None:
    """Write the predictions of a folder as `write_drawings`, into a new folder, with the pictures.

    Raises UserError with all that is wrong; then nothing is written.
    """
    if into.exists():
        raise UserError(f"{into}: is there already, perhaps with corrections; name another --into")
    spec = read_spec(model)
    if spec.background_index != 0:
        first = next(name for name, index in spec.classes.items() if index == 0)
        raise UserError(f"{model}: its class 0, {first}, is not its background, as masks need it")
    problems: list[str] = []
    seen: Counter[str] = Counter()
    with atomic(into) as part:
        part.mkdir()

        def drawn() -> Iterator[Shapes]:
            for each in predicted(out, model, spec, problems):
                seen[each.name] += 1
                write_png(part / f"{each.name}.png", each.image)
                yield shapes(f"{each.name}.png", each.indices, spec.classes, each.found)

        write_drawings(part, program, drawn(), class_colours(spec))
        problems += [
            f"{name}: {n} pictures would have this name" for name, n in seen.items() if n > 1
        ]
        if not seen and not problems:
            problems.append(f"{out}: its counts.csv lists no pictures")
        if problems:
            raise UserError(*problems)
