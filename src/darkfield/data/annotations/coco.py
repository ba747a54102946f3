"""COCO's JSON: one file for many pictures, with polygons or either kind of run lengths.

https://cocodataset.org/#format-data; everything is filled by pycocotools, as COCO's users do, and
as CVAT does for its exports.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, PositiveInt

from darkfield.data.annotations.drawing import Drawing, Patch, Region, patch_of
from darkfield.data.annotations.problems import Problems, of_each


class RunLengths(BaseModel):
    counts: list[int] | str
    size: tuple[PositiveInt, PositiveInt]


class Annotation(BaseModel):
    id: int | str | None = None
    image_id: int | str
    category_id: int
    segmentation: list[list[float]] | RunLengths | None = None


class Picture(BaseModel):
    id: int | str
    file_name: str
    height: PositiveInt
    width: PositiveInt


class Category(BaseModel):
    id: int
    name: str


class File(BaseModel):
    images: list[Picture]
    annotations: list[Annotation]
    categories: list[Category]


def is_coco(content: Any) -> bool:
    """Whether JSON is COCO's."""
    return isinstance(content, dict) and {"images", "annotations", "categories"} <= content.keys()


def read(content: Any) -> list[Drawing]:
    """The drawings of a file's JSON, one per picture; each annotation is one object.

    Raises Problems with every annotation that cannot be drawn, and pydantic's for other JSON.
    """
    file = File.model_validate(content)
    names = {category.id: category.name for category in file.categories}
    pictures = {picture.id: picture for picture in file.images}
    if len(pictures) < len(file.images):
        raise Problems(["has two images of one id; export it again"])
    regions: dict[int | str, list[Region]] = {each: [] for each in pictures}

    def add(annotation: Annotation) -> None:
        if annotation.category_id not in names:
            raise ValueError(f"is of category {annotation.category_id}, which the file lacks")
        if annotation.image_id not in pictures:
            raise ValueError(f"is on image {annotation.image_id}, which the file lacks")
        picture = pictures[annotation.image_id]
        patch = segmented(annotation.segmentation, (picture.height, picture.width))
        regions[annotation.image_id].append(Region(names[annotation.category_id], patch))

    of_each(file.annotations, add, "annotation")
    return [
        Drawing(picture.file_name.replace("\\", "/"), (picture.height, picture.width), drawn)
        for picture, drawn in zip(pictures.values(), regions.values(), strict=True)
    ]


def segmented(segmentation: list[list[float]] | RunLengths | None, size: tuple[int, int]) -> Patch:
    """The pixels of an annotation on a picture of size (height, width).

    Raises ValueError if it has a box alone, or if it does not fit the picture.
    """
    if not segmentation:
        raise ValueError("has a box and no outline; draw its outline")
    if isinstance(segmentation, list):
        return polygons(segmentation, size)
    if segmentation.size != size:
        (height, width), (h, w) = size, segmentation.size
        raise ValueError(f"is drawn on {w}x{h} pixels, its image has {width}x{height}")
    counts = segmentation.counts
    if isinstance(counts, str):
        return decoded({"counts": counts.encode(), "size": [*size]}, size)
    if sum(counts) != size[0] * size[1] or min(counts, default=0) < 0:
        raise ValueError(f"has run lengths for {sum(counts):,} pixels, not {size[0] * size[1]:,}")
    values = np.arange(len(counts)) % 2 == 1  # column by column, beginning with those left out
    return patch_of(np.repeat(values, counts).reshape(size[::-1]).T)


def polygons(outlines: Sequence[Sequence[float]], size: tuple[int, int]) -> Patch:
    """The pixels within any of some outlines x, y, x, y, ...; raises ValueError for broken ones."""
    from pycocotools import mask

    for outline in outlines:
        if len(outline) < 6 or len(outline) % 2 or not np.isfinite(outline).all():
            raise ValueError(f"has an outline of {len(outline)} coordinates; draw it again")
    return decoded(mask.merge(mask.frPyObjects([[*map(float, o)] for o in outlines], *size)), size)


def decoded(encoded: dict[str, Any], size: tuple[int, int]) -> Patch:
    """The pixels of COCO's compressed run lengths; raises ValueError for broken ones."""
    from pycocotools import mask

    if int(mask.area(encoded)) > size[0] * size[1]:
        raise ValueError("has run lengths beyond its picture; export it again")
    try:
        return patch_of(mask.decode(encoded).astype(bool))
    except ValueError as error:
        raise ValueError("has run lengths that do not fit its picture; export it again") from error
