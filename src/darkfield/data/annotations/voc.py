"""Pascal VOC's folders, as CVAT exports masks: labelmap.txt, SegmentationClass, SegmentationObject.

https://docs.cvat.ai/docs/manual/advanced/formats/format-smask.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from darkfield.data.annotations.drawing import Drawing, Patch, Region
from darkfield.data.annotations.problems import Problems
from darkfield.data.raster import explained

LABELMAP, CLASSES, OBJECTS = "labelmap.txt", "SegmentationClass", "SegmentationObject"


def labelmap(path: Path) -> dict[int, str]:
    """The label of each colour, 0xRRGGBB, in a labelmap.txt of lines label:r,g,b:parts:actions.

    Raises Problems with all lines that are not of this kind.
    """
    labels: dict[int, str] = {}
    lines = []
    for n, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        label, colour, *_ = [*text.split(":"), ""]
        parts = colour.split(",")
        if len(parts) != 3 or not all(p.strip().isdecimal() and int(p) < 256 for p in parts):
            lines.append(f"line {n}: is not label:red,green,blue:parts:actions; correct it")
            continue
        code = int.from_bytes(bytes(map(int, parts)))
        if code in labels:
            lines.append(f"line {n}: {label} has the colour of {labels[code]}; give it another")
        labels[code] = label
    if lines:
        raise Problems(lines)
    return labels


def read(path: Path, labels: dict[int, str]) -> list[Drawing]:
    """The drawing in SegmentationClass/NAME.png, its objects in SegmentationObject/NAME.png.

    NAME has the subfolders of a task's pictures, which CVAT keeps. `labels` are those of each
    colour, 0xRRGGBB. Raises Problems with all colours that have none.
    """
    colours = colours_of(path)
    folder = next(each for each in path.parents if each.name == CLASSES)
    name = path.relative_to(folder)
    objects = folder.with_name(OBJECTS) / name
    numbers = colours_of(objects) if objects.is_file() else np.zeros_like(colours)
    if numbers.shape != colours.shape:
        raise ValueError(f"has another size than {objects}; export both again")
    if strange := set(np.unique(colours).tolist()) - labels.keys():
        names = ", ".join(f"#{colour:06x}" for colour in sorted(strange))
        raise Problems([f"has colours that {LABELMAP} does not name: {names}; name them"])
    size = (colours.shape[0], colours.shape[1])
    return [Drawing(name.as_posix(), size, regions(colours, numbers, labels))]


def holds(path: Path) -> bool:
    """Whether a path lies in one of the two folders of masks."""
    return not {CLASSES, OBJECTS}.isdisjoint(path.parts)


def colours_of(path: Path) -> np.ndarray:
    """A picture's colours 0xRRGGBB, int32 (H, W), of whichever kind it is."""
    with explained(path), Image.open(path, formats=("PNG",)) as picture:
        rgb = np.asarray(picture.convert("RGB")).astype(np.int32)
    colours: np.ndarray = rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2]
    return colours


def regions(colours: np.ndarray, numbers: np.ndarray, labels: dict[int, str]) -> list[Region]:
    """A region for each pair of a class's colour and an object's, both int32 (H, W)."""
    from scipy.ndimage import find_objects

    pairs = colours.astype(np.int64) << 24 | numbers
    values, dense = np.unique(pairs, return_inverse=True)
    dense = dense.reshape(pairs.shape)
    return [
        Region(
            labels[int(value) >> 24],
            Patch(at[0].start, at[1].start, dense[at] == n),
            is_object=bool(value & 0xFFFFFF),
        )
        for n, (value, at) in enumerate(zip(values, find_objects(dense + 1), strict=True))
    ]
