"""CVAT's XML for images, version 1.1: one file for many pictures.

https://docs.cvat.ai/docs/manual/advanced/xml_format; shapes are filled as CVAT fills them for its
mask exports: all of them by pycocotools, boxes and ellipses as polygons. Its mask exports are read
by darkfield.data.annotations.voc.
"""

from xml.etree.ElementTree import Element

import numpy as np

from darkfield.data.annotations.coco import polygons
from darkfield.data.annotations.drawing import Drawing, Patch, Region, check_size, union
from darkfield.data.annotations.outlines import ellipse, need, rectangle
from darkfield.data.annotations.problems import Problems, lines_of, no_area, of_each

NOT_SHAPES = ("tag", "attribute")


def is_cvat(root: Element) -> bool:
    """Whether XML is CVAT's for images."""
    return root.tag == "annotations" and root.find("image") is not None


def read(root: Element) -> list[Drawing]:
    """The drawings of a file's XML, one per picture; shapes of one group and label are one object.

    Raises Problems with all that cannot be drawn.
    """
    drawings: list[Drawing] = []
    lines: list[str] = []
    for image in root.iterfind("image"):
        name = image.get("name", "")
        try:
            size = (int(image.attrib["height"]), int(image.attrib["width"]))
            drawings.append(Drawing(name.replace("\\", "/"), size, regions(image, size)))
        except KeyError as error:
            lines.append(f"{name}: lacks its {error}; export it again")
        except ValueError as error:
            lines += [f"{name}: {line}" for line in lines_of(error)]
    if lines:
        raise Problems(lines)
    return drawings


def regions(image: Element, size: tuple[int, int]) -> list[Region]:
    """The regions of an <image>, from the lowest z_order to the highest."""
    check_size(size)
    shapes = [shape for shape in image if shape.tag not in NOT_SHAPES]
    shapes.sort(key=lambda shape: int(shape.get("z_order", 0)))
    patches = of_each(shapes, lambda shape: patch_of_shape(shape, size))
    objects: dict[tuple[str, str], list[Patch]] = {}
    for n, (shape, patch) in enumerate(zip(shapes, patches, strict=True)):
        group = shape.get("group_id", "0")
        group = f"alone {n}" if group == "0" else group  # CVAT counts groups from 1
        objects.setdefault((shape.get("label", ""), group), []).append(patch)
    return [Region(label, union(parts)) for (label, _), parts in objects.items()]


def patch_of_shape(shape: Element, size: tuple[int, int]) -> Patch:
    """The pixels of a <polygon>, <box>, <ellipse> or <mask> on a picture of (height, width).

    Raises ValueError for other kinds, and for broken ones.
    """
    try:
        match shape.tag:
            case "polygon":
                points = [[*map(float, p.split(","))] for p in shape.attrib["points"].split(";")]
            case "box":
                left, top, right, bottom = numbers(shape, "xtl", "ytl", "xbr", "ybr")
                points = turned(left, top, right, bottom, float(shape.get("rotation", 0)))
            case "ellipse":
                x, y, rx, ry = numbers(shape, "cx", "cy", "rx", "ry")
                points = [[*p] for p in ellipse(x, y, rx, ry, float(shape.get("rotation", 0)))]
            case "mask":
                return patch_of_mask(shape)
            case kind:
                raise no_area(shape.get("label", ""), kind)
    except KeyError as error:
        raise ValueError(f"is a {shape.tag} without {error}; export it again") from error
    need(points, 3)
    return polygons([[value for point in points for value in point]], size)


def numbers(shape: Element, *names: str) -> list[float]:
    return [float(shape.attrib[name]) for name in names]


def turned(left: float, top: float, right: float, bottom: float, turn: float) -> list[list[float]]:
    """The corners of a box that is turned clockwise about its centre, by degrees."""
    centre = np.array([left + right, top + bottom]) / 2
    around = np.array(rectangle(0, 0, right - left, bottom - top, turn))
    corners = around - around.mean(axis=0) + centre
    return [[float(x), float(y)] for x, y in corners]


def patch_of_mask(shape: Element) -> Patch:
    """The pixels of a <mask>: run lengths, row by row, in turn left out and drawn, in a box."""
    left, top, width, height = map(int, numbers(shape, "left", "top", "width", "height"))
    check_size((height, width))
    runs = [int(run) for run in shape.attrib["rle"].split(",")]
    if sum(runs) != width * height or min(runs) < 0:
        raise ValueError(f"has run lengths for {sum(runs):,} pixels, not {width * height:,}")
    pixels = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)
    return Patch(top, left, pixels)
