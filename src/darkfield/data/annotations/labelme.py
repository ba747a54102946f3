"""labelme's JSON: one file per picture; https://github.com/wkentaro/labelme."""

import base64
import binascii
import io
from typing import Any, Literal

import numpy as np
from PIL import Image
from pydantic import BaseModel, Field, PositiveInt

from darkfield.data.annotations.drawing import Drawing, Patch, Region, union
from darkfield.data.annotations.outlines import (
    need,
    pillow_circle,
    pillow_polygon,
    pillow_rectangle,
)
from darkfield.data.annotations.problems import no_area, of_each

FILLED = {
    "polygon": pillow_polygon,
    "oriented_rectangle": pillow_polygon,
    "rectangle": pillow_rectangle,
    "circle": pillow_circle,
}


class Shape(BaseModel):
    label: str
    points: list[tuple[float, float]]
    group_id: int | None = None
    shape_type: Literal[
        "polygon",
        "oriented_rectangle",
        "rectangle",
        "circle",
        "mask",
        "line",
        "linestrip",
        "point",
        "points",
        None,  # before version 4
    ] = "polygon"
    mask: str | None = None


class File(BaseModel):
    shapes: list[Shape]
    image_path: str = Field(alias="imagePath")
    height: PositiveInt | None = Field(None, alias="imageHeight")
    width: PositiveInt | None = Field(None, alias="imageWidth")


def is_labelme(content: Any) -> bool:
    """Whether JSON is labelme's."""
    return isinstance(content, dict) and {"shapes", "imagePath"} <= content.keys()


def read(content: Any) -> list[Drawing]:
    """The drawing of a file's JSON; shapes of one label and group are one object.

    Raises ValueError with every shape that has no area, and pydantic's for other JSON.
    """
    file = File.model_validate(content)
    patches = of_each(file.shapes, patch_of_shape)
    objects: dict[tuple[str, int | str], list[Patch]] = {}
    for n, (shape, patch) in enumerate(zip(file.shapes, patches, strict=True)):
        group = f"alone {n}" if shape.group_id is None else shape.group_id
        objects.setdefault((shape.label, group), []).append(patch)
    regions = [Region(label, union(parts)) for (label, _), parts in objects.items()]
    size = (file.height, file.width) if file.height and file.width else None
    return [Drawing(file.image_path.replace("\\", "/"), size, regions)]


def patch_of_shape(shape: Shape) -> Patch:
    """A shape's pixels as labelme's own exports have them."""
    if shape.shape_type == "mask":
        return patch_of_mask(shape)
    if (kind := shape.shape_type or "polygon") not in FILLED:
        raise no_area(shape.label, kind)
    return FILLED[kind](shape.points)


def patch_of_mask(shape: Shape) -> Patch:
    """The pixels of a shape that was painted: a PNG in base64, at its box's first corner."""
    need(shape.points, 2, exactly=True)
    try:
        data = base64.b64decode(shape.mask or "", validate=True)
        with Image.open(io.BytesIO(data), formats=("PNG",)) as picture:
            pixels = np.asarray(picture).astype(bool)
    except (binascii.Error, OSError) as error:
        raise ValueError(f"{shape.label!r} has a mask that is not a PNG in base64") from error
    x, y = map(int, shape.points[0])
    return Patch(y, x, pixels)
