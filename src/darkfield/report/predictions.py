"""The gallery of what was predicted: one HTML file that opens from disk, the least sure first."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from darkfield.classes import class_names
from darkfield.data.listing import LABEL, OVERLAY, Made
from darkfield.files import atomic, read_csv
from darkfield.network.spec import ModelSpec
from darkfield.progress import progress
from darkfield.report.gallery import data_uri
from darkfield.report.html import source_hash
from darkfield.report.palette import class_colours
from darkfield.report.ranking import ranking

INDEX = "index.html"
PICTURES = 10_000  # more would make a page that no browser opens in a moment
SIDE = 96  # pixels of a thumbnail


def write_index(out: Path, labels: Path, spec: ModelSpec, problems: Sequence[str] = ()) -> None:
    """Write index.html into the folder `out`, from its counts.csv and objects.csv.

    `spec` is that of the model that made them. `labels`, that folder or one below it, holds the
    labels and overlays, which the page shows by their relative paths; only thumbnails are inside
    it. `problems` are lines that it repeats.
    """
    counts, objects = (read_csv(out / name) for name in ("counts.csv", "objects.csv"))
    ranked = ranking(counts, objects, [Made(labels, Path(name)).label for name in counts["image"]])
    counts = least_sure_first(counts, objects, spec)
    shown = counts["image"].tolist()[:PICTURES]
    thumbnails = {
        name: thumbnail(Made(labels, Path(name)).overlay) for name in progress(shown, "thumbnail")
    }
    folder = labels.relative_to(out).as_posix()
    text = page(counts, objects, spec, thumbnails, folder, problems, list(ranked["image"]))
    with atomic(out / INDEX) as part:
        part.write_text(text, encoding="utf-8")


def thumbnail(path: Path) -> str:
    """A data URI of a JPEG, shrunk to SIDE; empty if it cannot be read, as the page will show."""
    try:
        with Image.open(path) as picture:
            picture.thumbnail((SIDE, SIDE))  # of a JPEG, only a part of the detail is decoded
            return data_uri(picture, "webp", quality=75)
    except Exception:  # Pillow's decoders may raise nearly anything
        return ""


def page(
    counts: pd.DataFrame,
    objects: pd.DataFrame,
    spec: ModelSpec,
    thumbnails: Mapping[str, str],
    folder: str = ".",
    problems: Sequence[str] = (),
    ranked: Sequence[str] = (),
) -> str:
    """The whole page. The same arguments give the same text.

    `counts` and `objects` are the tables of those names, `counts` in the order to be shown: of its
    images those that `thumbnails`, data URIs by image, has. `spec` is that of the model, `folder`
    where labels and overlays are, seen from the page. `ranked` are images, those first that are
    the most worth correcting.
    """
    shown = counts[counts["image"].isin([*thumbnails])]
    environment = Environment(
        loader=PackageLoader("darkfield.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["hash"] = source_hash
    given = content(shown, objects, spec, thumbnails, folder, ranked)
    text = json.dumps(given, allow_nan=False, separators=(",", ":"))
    return environment.get_template("predictions.html.j2").render(
        data=Markup(text.replace("<", "\\u003c")),
        shown=len(shown),
        pictures=len(counts),
        told=tells(counts, objects),
        problems=problems,
    )


def content(
    counts: pd.DataFrame,
    objects: pd.DataFrame,
    spec: ModelSpec,
    thumbnails: Mapping[str, str],
    folder: str,
    ranked: Sequence[str],
) -> dict[str, Any]:
    """What the page's script is given, for JSON."""
    rank = {name: at for at, name in enumerate(ranked, start=1)}
    classes, colours, counted = class_names(spec.classes), class_colours(spec), [*spec.kinds]
    with_limits = [
        side_by_side([plain(counts, f"{name}s{end}") for end in ("", "_low", "_high")], len(counts))
        for name in counted
    ]
    coverage = [plain(counts, f"coverage_{name}", 5) for name in spec.looked_for]
    found = rows_of(objects, classes)
    at = "" if folder == "." else f"{folder}/"
    return {
        "classes": [[name, colours[name]] for name in classes],
        "counts": [[name, colours[name]] for name in counted],
        "covered": [[name, colours[name]] for name in spec.looked_for],
        "um_per_pixel": pixel_size(objects),
        "confident": "confidence" in objects,
        "warned": any(warnings(counts)),
        "ranked": bool(rank),
        "pictures": [
            {
                "name": name,
                "overlay": quote(at + OVERLAY.format(name)),
                "label": quote(at + LABEL.format(name)),
                "thumbnail": thumbnails[name],
                "counts": numbers,
                "coverage": shares,
                "warning": warning,
                "correct": rank.get(name),
                "objects": found[name],
            }
            for name, numbers, shares, warning in zip(
                counts["image"],
                side_by_side(with_limits, len(counts)),
                side_by_side(coverage, len(counts)),
                warnings(counts),
                strict=True,
            )
        ],
    }


def side_by_side(columns: Sequence[Sequence[Any]], n: int) -> list[tuple[Any, ...]]:
    """The n rows of some columns; empty ones if there is no column."""
    return [*zip(*columns, strict=True)] or [()] * n


def rows_of(objects: pd.DataFrame, classes: Sequence[str]) -> dict[str, list[list[Any]]]:
    """The objects of each image, the least sure first: class index, number, x, y, size (the
    length of a filament, the diameter of others), confidence, counted; in pixels."""
    index = {name: k for k, name in enumerate(classes)}
    table = objects.assign(
        size=column(objects, "diameter_px").fillna(column(objects, "length_px")),
        confidence=column(objects, "confidence"),
        kind=objects["class"].map(index),
    ).sort_values("confidence", kind="stable")
    digits = {"kind": 0, "label": 0, "x": 1, "y": 1, "size": 1, "confidence": 3, "counted": 0}
    rows: dict[str, list[list[Any]]] = defaultdict(list)
    columns = (plain(table, name, places) for name, places in digits.items())
    for name, *row in zip(table["image"], *columns, strict=True):
        rows[name].append(row)
    return rows


def unsureness(counts: pd.DataFrame, objects: pd.DataFrame, spec: ModelSpec) -> np.ndarray:
    """How unsure the counts of each image are, float (images,), from 0; 0 also if nothing tells.

    It is the width of a count's interval, divided by that count + 1; of several classes, the
    largest. An image without intervals has the sum of p (1 - p) over its objects of confidence p,
    which is the variance of their number.
    """
    wide = [
        (column(counts, f"{name}s_high") - column(counts, f"{name}s_low"))
        / (column(counts, f"{name}s") + 1)
        for name in spec.kinds
    ]
    p = column(objects, "confidence")
    spread = (p * (1 - p)).groupby(objects["image"]).sum()
    widest = pd.DataFrame(dict(enumerate(wide)), counts.index).max(axis=1)
    return widest.fillna(counts["image"].map(spread)).fillna(0).to_numpy(float)


def least_sure_first(counts: pd.DataFrame, objects: pd.DataFrame, spec: ModelSpec) -> pd.DataFrame:
    """The rows of `counts`: images with a warning, then the others, each by falling unsureness;
    equal ones by name."""
    keys = zip(
        (not warning for warning in warnings(counts)),
        -unsureness(counts, objects, spec),
        counts["image"],
        range(len(counts)),
        strict=True,
    )
    return counts.iloc[[at for *_, at in sorted(keys)]]


def tells(counts: pd.DataFrame, objects: pd.DataFrame) -> bool:
    """Whether the tables say how sure anything is; older models do not."""
    return "confidence" in objects or any(
        c == "warning" or c.endswith("_low") for c in map(str, counts)
    )


def warnings(counts: pd.DataFrame) -> list[str]:
    """The warning of each image; empty where there is none."""
    return counts.get("warning", pd.Series("", counts.index)).astype(object).fillna("").tolist()


def column(table: pd.DataFrame, name: str) -> pd.Series:
    """A column of numbers, float; NaN if the table does not have it."""
    return table.get(name, pd.Series(np.nan, table.index)).astype(float)


def plain(table: pd.DataFrame, name: str, digits: int = 0) -> list[float | int | None]:
    """A column's values rounded, for JSON: None for NaN, whole ones as int."""
    values = column(table, name).round(digits).tolist()
    return [None if v != v else int(v) if v == int(v) else v for v in values]


def pixel_size(objects: pd.DataFrame) -> float | None:
    """Micrometres per pixel, to 6 digits, if all objects of the table have the same."""
    if "area_um2" not in objects or objects.empty:
        return None
    sizes = np.sqrt(objects["area_um2"].to_numpy(float) / objects["area_px"].to_numpy(float))
    same = np.allclose(sizes, sizes[0], rtol=1e-6)  # not if any is unknown, NaN
    return float(f"{sizes[0]:.6g}") if same else None
