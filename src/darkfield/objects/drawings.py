"""Labels as the files of annotation programs, from which `darkfield masks` makes the same masks.

Where a program can paint (labelme, CVAT), shapes are written as pixels, since its polygons have no
holes; in QuPath and ImageJ as `exchange.outlines`, which enclose the centres of the same pixels.
"""

import base64
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from PIL import Image

from darkfield.data.annotations.drawing import Patch
from darkfield.files import atomic, write_json
from darkfield.objects.exchange import outlines, write_geojson, write_rois
from darkfield.objects.kinds import label_components
from darkfield.objects.table import Found, from_one


class Shapes(NamedTuple):
    """What is drawn on a picture of file name `picture`.

    numbers: which shape each pixel belongs to, int32 (H, W), from 1; 0 where nothing is drawn.
    rows: the class of each shape, and its number in this class: columns "class", "label".
    """

    picture: str
    numbers: np.ndarray
    rows: pd.DataFrame


def shapes(
    picture: str, indices: np.ndarray, classes: dict[str, int], found: dict[str, Found]
) -> Shapes:
    """The shapes of class indices, uint8 (H, W), of which `found` are the objects.

    A shape has the pixels of its own class alone, not those where another object covers it. What
    belongs to no object, since it is too small, follows the objects of its class, each connected
    part as a shape, so that the shapes cover all pixels of these classes.
    """
    numbers, parts, drawn = np.zeros(indices.shape, np.int32), [], 0
    for name, of in found.items():
        own = indices == classes[name]
        rest = label_components(own & (of.labels == 0))
        labels = from_one(np.where(rest > 0, rest + of.labels.max(), of.labels * own))
        numbers[own] = labels[own] + drawn
        drawn += (count := int(labels.max()))
        parts.append(pd.DataFrame({"class": name, "label": range(1, count + 1)}))
    return Shapes(picture, numbers, pd.concat(parts, ignore_index=True))


def write_drawings(
    folder: Path, program: str, pictures: Iterable[Shapes], colours: dict[str, str]
) -> None:
    """Write into a folder the files that a program opens, named after the pictures, beside them.

    `program` is labelme, cvat, qupath or imagej, `colours` are the "#rrggbb" of each class.
    """
    if program == "cvat":
        write_cvat(folder / "annotations.xml", pictures)
        return
    for each in pictures:
        path = folder / each.picture
        if program == "labelme":
            write_labelme(path.with_suffix(".json"), each)
        elif program == "qupath":
            of = each.rows, [*outlines(each.numbers)], colours
            write_geojson(path.with_suffix(".geojson"), *of, kind="annotation")
        else:
            write_rois(path.with_suffix(".zip"), each.rows, [*outlines(each.numbers)], colours)


def patches(drawn: Shapes) -> Iterator[tuple[str, Patch]]:
    """The class and the pixels of each shape, in their order."""
    from scipy.ndimage import find_objects

    windows = find_objects(drawn.numbers)
    for number, (name, (rows, columns)) in enumerate(
        zip(drawn.rows["class"], windows, strict=True), 1
    ):
        yield name, Patch(rows.start, columns.start, drawn.numbers[rows, columns] == number)


def write_labelme(path: Path, drawn: Shapes) -> None:
    """Write a picture's shapes as labelme's JSON, each as a mask."""
    height, width = drawn.numbers.shape
    content = {
        "version": "5.5.0",  # of labelme; masks came with 5.2
        "flags": {},
        "shapes": [labelme_shape(name, patch) for name, patch in patches(drawn)],
        "imagePath": drawn.picture,
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
    }
    write_json(path, content)


def labelme_shape(name: str, patch: Patch) -> dict[str, Any]:
    """A shape of type mask: a PNG of 0 and 1, between two corners that both belong to it."""
    png, (height, width) = io.BytesIO(), patch.pixels.shape
    Image.fromarray(patch.pixels.astype(np.uint8)).save(png, "PNG")
    return {
        "label": name,
        "points": [
            [float(patch.column), float(patch.row)],
            [float(patch.column + width - 1), float(patch.row + height - 1)],
        ],
        "group_id": None,
        "description": "",
        "shape_type": "mask",
        "flags": {},
        "mask": base64.b64encode(png.getvalue()).decode(),
    }


def write_cvat(path: Path, pictures: Iterable[Shapes]) -> None:
    """Write the shapes of all pictures as CVAT's XML for images 1.1, each as a mask."""
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    for number, drawn in enumerate(pictures):
        height, width = map(str, drawn.numbers.shape)
        about = {"id": str(number), "name": drawn.picture, "width": width, "height": height}
        image = ElementTree.SubElement(root, "image", about)
        for name, patch in patches(drawn):
            box = {"left": patch.column, "top": patch.row}
            box |= {"width": patch.pixels.shape[1], "height": patch.pixels.shape[0]}
            ElementTree.SubElement(
                image,
                "mask",
                {"label": name, "source": "auto", "occluded": "0", "z_order": "0"}
                | {"rle": ", ".join(map(str, runs(patch.pixels)))}
                | {key: str(value) for key, value in box.items()},
            )
    ElementTree.indent(root)
    with atomic(path) as part:
        ElementTree.ElementTree(root).write(part, "utf-8", xml_declaration=True)


def runs(pixels: np.ndarray) -> list[int]:
    """Run lengths of pixels, bool (h, w), row by row: in turn left out and drawn."""
    flat = pixels.ravel()
    changes = np.flatnonzero(np.diff(flat, prepend=False))
    lengths: list[int] = np.diff(changes, prepend=0, append=flat.size).tolist()
    return lengths
