"""Label Studio's JSON and JSON_MIN: one file for many pictures, with outlines and brushes.

https://labelstud.io/guide/task_format and /guide/export.
"""

import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import BaseModel, PositiveInt, TypeAdapter

from darkfield.data.annotations.brushes import brushed
from darkfield.data.annotations.drawing import Drawing, Region
from darkfield.data.annotations.outlines import Points, centres, ellipse, rectangle
from darkfield.data.annotations.problems import Problems, lines_of, no_area, of_each

UPLOADED = re.compile(r"(?<=/)[0-9a-f]{8}-(?=[^/]+$)")  # what it puts before the names of uploads


class Annotation(BaseModel):
    was_cancelled: bool = False
    result: list[dict[str, Any]]


ANNOTATIONS = TypeAdapter(list[Annotation])


class Result(BaseModel):
    id: str | None = None
    type: str
    value: dict[str, Any]
    original_width: PositiveInt
    original_height: PositiveInt
    image_rotation: int = 0


def is_label_studio(content: Any) -> bool:
    """Whether JSON is Label Studio's: a list of tasks, of which one at least names a picture."""
    return (
        isinstance(content, list)
        and all(isinstance(task, dict) for task in content)
        and any(map(picture_of, content))
    )


def read(content: list[dict[str, Any]]) -> list[Drawing]:
    """The drawings of a file's JSON, one per task that somebody has annotated.

    Raises Problems with all that cannot be drawn, and with tasks that are annotated more than once
    or do not name one picture.
    """
    drawings: list[Drawing] = []
    lines: list[str] = []
    for n, task in enumerate(content, 1):
        picture = picture_of(task)
        name = picture or f"task {n}"
        try:
            if (found := results_of(task)) is not None:
                if picture is None:
                    raise ValueError(
                        "has no address that ends in one picture's name, as a.png; correct it, or "
                        "delete the task"
                    )
                results = of_each(found, Result.model_validate, "result")
                drawings.append(drawing_of(name, results))
        except ValueError as error:
            lines += [f"{name}: {line}" for line in lines_of(error)]
    if lines:
        raise Problems(lines)
    return drawings


def picture_of(task: dict[str, Any]) -> str | None:
    """The file name of a task's picture; None if there is none, or more than one."""
    data = task.get("data", task)
    values = data.values() if isinstance(data, dict) else ()
    kinds = r"(?i)\.(png|tiff?|jpe?g|bmp|webp|gif)$"
    names = {name_in(v) for v in values if isinstance(v, str)}
    names = {name for name in names if re.search(kinds, name)}
    return names.pop() if len(names) == 1 else None


def name_in(url: str) -> str:
    """The path in an address of Label Studio: /data/upload/1/NAME, or a local file's ?d=NAME."""
    parts = urlsplit(url)
    local = parse_qs(parts.query).get("d", [])
    path = (local[0] if local else unquote(parts.path)).replace("\\", "/")
    return UPLOADED.sub("", path) if "/upload/" in path else path


def results_of(task: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The results in a task's one annotation; None if nobody has annotated it.

    Raises ValueError if several have.
    """
    if "annotations" in task:
        found = ANNOTATIONS.validate_python(task["annotations"])
        kept = [annotation for annotation in found if not annotation.was_cancelled]
        if len(kept) > 1:
            raise ValueError(f"has {len(kept)} annotations; keep the one that counts")
        return [r for r in kept[0].result if "original_width" in r] if kept else None
    # JSON_MIN: each control's values, as a list, under its name.
    lists = [v for v in task.values() if isinstance(v, list)]
    if not lists:
        return None
    values = [v for each in lists for v in each if isinstance(v, dict) and "original_width" in v]
    return [{"type": kind_of(v), "value": v, **v} for v in values]


def kind_of(value: dict[str, Any]) -> str:
    """The type of a result, which is also the key of its labels."""
    return next((key for key in value if key.endswith("labels")), "")


def drawing_of(name: str, results: list[Result]) -> Drawing:
    """The drawing of one task; each result that has a label is one object."""
    labelled = {result.id for result in results if kind_of(result.value)}
    # With a separate <Labels> tag, each shape is there a second time, without its label.
    shapes = [r for r in results if kind_of(r.value) or (is_shape(r) and r.id not in labelled)]
    sizes = {(r.original_height, r.original_width) for r in shapes}
    if len(sizes) > 1:
        raise ValueError("has results on pictures of several sizes; export one picture per task")
    return Drawing(name, sizes.pop() if sizes else None, of_each(shapes, region_of, "result"))


def is_shape(result: Result) -> bool:
    return bool({"points", "rle", "radiusX", "width", "x"} & result.value.keys())


def region_of(result: Result) -> Region:
    """Raises ValueError for a result without an area, or of no or several labels."""
    value, labels = result.value, result.value.get(kind_of(result.value), [])
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ValueError("has labels that are no text; export it again")
    if len(labels) != 1:
        raise ValueError(f"has {len(labels)} labels; give it one")
    if result.image_rotation:
        raise ValueError("is on a turned picture; save the picture turned, and draw it again")
    size = (result.original_height, result.original_width)
    try:
        if "rle" in value:
            return Region(labels[0], brushed(value["rle"], size))
        return Region(labels[0], centres([outline(value, labels[0], size)]))
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"lacks or damages {error}; export it again") from error


def outline(value: dict[str, Any], label: str, size: tuple[int, int]) -> Points:
    """The outline, in pixels, of a polygon, ellipse or rectangle, whose values are percentages."""
    height, width = (side / 100 for side in size)
    turn = value.get("rotation", 0)
    if "points" in value:
        return [(x * width, y * height) for x, y in value["points"]]
    if "radiusX" in value:
        x, y, rx, ry = (value[key] for key in ("x", "y", "radiusX", "radiusY"))
        return ellipse(x * width, y * height, rx * width, ry * height, turn)
    if "height" in value:
        x, y, w, h = (value[key] for key in ("x", "y", "width", "height"))
        return rectangle(x * width, y * height, w * width, h * height, turn)
    if kind_of(value) == "bitmasklabels":
        raise ValueError(f"{label!r} is a bitmask, which is not read; draw it with a brush")
    raise no_area(label, "point")
