"""Pairs of image and mask: checked and decoded, the masks to class indices."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from darkfield.classes import IGNORE, INSTANCES, VOID, border_column, pixels_column
from darkfield.data.axes import Asked
from darkfield.data.class_masks import of_one_class, together
from darkfield.data.images import TURN, write_png
from darkfield.data.instances import read_numbers
from darkfield.data.mask_files import open_mask
from darkfield.data.mask_values import flatten, numbered
from darkfield.data.pairs import Masks, Pair
from darkfield.data.pixels import digest, histogram, new_pixels
from darkfield.data.reading import NOTHING, Picture, Ranges, folder_ranges, read, scale
from darkfield.files import (
    UserError,
    atomic,
    concat_csv,
    hand_over,
    sha256,
    write_csv,
)
from darkfield.progress import progress

MOST_BORDER = 0.6  # the share of the masks' borders beyond which a class is taken for background


def misfit(image: Picture, mask: Image.Image) -> str | None:
    """Why a mask (of open_image) does not belong to this image; None if it does.

    If an EXIF tag turns only one of the two, they must fit when turned and not as stored; otherwise
    nobody can tell on which version the mask was drawn.
    """
    (h, w), (mw, mh) = image.image.shape[:2], mask.size
    turned, a, b = (w, h) == (mw, mh), image.turn, mask.info[TURN]
    stored, of_mask = (h, w) if a >= 5 else (w, h), (mh, mw) if b >= 5 else (mw, mh)
    if a != b and stored == of_mask:
        how = "as well" if turned else "only"
        return (
            f"fits {how} without the turn of an EXIF tag ({a} in its image, {b} in the mask); "
            "save both without the tag, as they lie on each other"
        )
    if not turned:
        return f"is {mw}x{mh} pixels, its image is {w}x{h}; save it at that size"
    return None


def read_mask(
    masks: Masks,
    image: Picture | None,
    mask_values: dict[str, str],
    classes: dict[str, int],
    check: bool,
    background: int | None,
) -> tuple[np.ndarray | None, np.ndarray | None, list[str]]:
    """An image's mask: class indices, uint8, and numbers of objects, uint16, both (H, W).

    The numbers are None if nobody knows the objects. `image` is what the mask must fit, unless it
    is None; for `check` see flatten; `background` is the index of that class, if any is. The list
    says what is wrong; if anything is, there is no mask.
    """
    files = masks if isinstance(masks, dict) else {None: masks}
    layers: dict[str, np.ndarray] = {}
    whole: tuple[np.ndarray | None, np.ndarray | None] = None, None
    wrong = []
    for name, path in files.items():
        try:
            drawn = open_mask(path)
            if name is None:
                mask = flatten(drawn, mask_values, classes, check=check)
                whole = mask, numbered(drawn, mask_values, classes, background)
            else:
                layers[name] = of_one_class(drawn)
            if image and (reason := misfit(image, drawn)):
                raise ValueError(reason)
        except ValueError as error:
            wrong.append(f"{path}: {error}")
    if wrong:
        return None, None, wrong
    return *(together(layers, classes, background) if layers else whole), []


def border_of(mask: np.ndarray) -> np.ndarray:
    """The pixels of a picture's border, (H, W), corners twice."""
    return np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])


def flatten_pairs(
    pairs: dict[str, Pair],
    out: Path,
    manifest: Path,
    image_pixels: Path,
    mask_pixels: Path,
    object_pixels: Path,
    *,
    numbers: dict[str, Path],
    mask_values: dict[str, str],
    classes: dict[str, int],
    background: int | None = 0,
    check: bool = True,
    threads: int,
    asked: Asked = NOTHING,
    ranges: Ranges | None = None,
    um_per_pixel: float | None = None,
) -> list[str]:
    """Write the masks of `pairs` as 8-bit class-index PNGs to `out`, one row each to `manifest`.

    The manifest's columns: image (its name), file (its file's), height and width in pixels,
    numbered (whether its objects are: by a file of `numbers`, or else by the mask itself),
    pixels_CLASS for each class, pixels_ignore if `mask_values` has IGNORE, image_sha256,
    image_pixels_sha256 (`pixels.digest` of the decoded image), mask_sha256 of the flattened mask;
    how the image was read, see data.reading.How: read, dtype, folder_low and folder_high (the
    limits), um_per_pixel and um_from, which are `um_per_pixel` and "asked" if the file does not say
    them; and border_CLASS, the pixels of a class on the mask's border, which gather_masks checks.
    In the same order the decoded images and flattened masks go to `image_pixels` and `mask_pixels`,
    see darkfield.data.pixels, and, uint16, the objects to `object_pixels`, which stays empty if no
    picture can have any. `background` is the index of that class, if any is; `asked` and `ranges`
    (by default, of these pairs) are as in data.reading.read. Returns what is wrong with the pairs;
    if anything is, the files written are useless.
    """
    some_numbered = INSTANCES in mask_values or any(
        stem in numbers or isinstance(masks, dict) for stem, (_, masks) in pairs.items()
    )
    counted = classes | ({IGNORE: VOID} if IGNORE in mask_values.values() else {})
    ranges = ranges or folder_ranges([(image, "") for image, _ in pairs.values()], asked)

    def convert(stem: str) -> tuple[list[str], dict[str, Any], tuple[np.ndarray, ...]]:
        (image_path, masks), wrong, picture = pairs[stem], [], None
        try:
            picture = read(image_path, "", asked, ranges)
            um, um_from = scale(picture.how, um_per_pixel)
        except ValueError as error:
            wrong.append(f"{image_path}: {error}")
        mask, objects, more = read_mask(masks, picture, mask_values, classes, check, background)
        wrong += more
        if wrong or picture is None or mask is None:
            return wrong, {}, ()
        if stem in numbers:
            try:
                objects = read_numbers(numbers[stem], mask, background)
            except ValueError as error:
                return [f"{numbers[stem]}: {error}"], {}, ()
        path = part / f"{stem}.png"
        write_png(path, mask)
        pixels = histogram(mask)
        row: dict[str, Any] = {"image": stem, "file": image_path.name}
        row |= {"height": mask.shape[0], "width": mask.shape[1]}
        row["numbered"] = objects is not None
        row |= {pixels_column(name): int(pixels[i]) for name, i in counted.items()}
        row |= {"image_sha256": sha256(image_path), "image_pixels_sha256": digest(picture.image)}
        row["mask_sha256"] = sha256(path)
        low, high = picture.how.limits or (None, None)
        row |= {"read": picture.how.read, "dtype": picture.how.dtype}
        row |= {"folder_low": low, "folder_high": high, "um_per_pixel": um, "um_from": um_from}
        border = np.bincount(border_of(mask), minlength=len(classes))
        row |= {border_column(name): int(border[i]) for name, i in classes.items()}
        if objects is None:
            objects = np.zeros(mask.shape if some_numbered else 0, np.uint16)
        return [], row, (picture.image, mask, objects)

    rows, problems = [], []
    with (
        atomic(out) as part,
        new_pixels(image_pixels, 3) as add_image,
        new_pixels(mask_pixels) as add_mask,
        new_pixels(object_pixels, dtype=np.uint16) as add_objects,
        ThreadPoolExecutor(threads) as pool,
    ):
        part.mkdir()
        # A few at a time: the pool decodes everything it is given, whether or not we keep up.
        stems = list(pairs)
        some = (stems[i : i + 2 * threads] for i in range(0, len(stems), 2 * threads))
        converted = chain.from_iterable(pool.map(convert, few) for few in some)
        for wrong, row, pictures in progress(converted, "image", len(stems)):
            problems += wrong
            if not problems:
                rows.append(row)
                add_image(pictures[0])
                add_mask(pictures[1])
                if some_numbered:
                    add_objects(pictures[2])
    write_csv(manifest, pd.DataFrame(rows))
    return problems


def gather_masks(
    folders: Sequence[Path],
    manifests: Sequence[Path],
    out: Path,
    manifest: Path,
    classes: dict[str, int],
    background: str | None,
    check: bool = True,
) -> pd.DataFrame:
    """Join what flatten_pairs wrote for each batch; returns the manifest's table.

    Raises UserError if no mask has background, or if another class has more than MOST_BORDER of all
    masks' borders (unless `check` is false), which suggests that the values mean something
    else; stats.absences reports other classes that no mask has.
    """
    table = concat_csv(manifests)
    border = {name: int(table.pop(border_column(name)).sum()) for name in classes}
    if background is not None and not table[pixels_column(background)].any():
        raise UserError(
            f"data.mask_values: no mask has a pixel of {background}; if another value stands for "
            "it (ilastik counts from 1), name that value so; if none does, set data.background "
            "to null"
        )
    most = max(border, key=border.__getitem__)
    share = border[most] / max(1, sum(border.values()))
    if check and background not in (most, None) and share > MOST_BORDER:
        raise UserError(
            f"data.mask_values: {share:.0%} of the masks' borders are {most}, not {background}; "
            "exchange their values, or set data.check_masks: false if the masks are right"
        )
    with atomic(out) as part:
        part.mkdir()
        for path in (path for folder in folders for path in folder.glob("*.png")):
            hand_over(path, part / path.name)
        write_csv(manifest, table)
    return table
