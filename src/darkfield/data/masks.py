"""Pairs of image and mask: checked and decoded, the masks to class indices."""

import re
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from darkfield.classes import IGNORE, VOID, pixels_column
from darkfield.data.axes import Asked
from darkfield.data.images import SUFFIXES, TURN, is_picture, open_image, write_png
from darkfield.data.instances import find_numbers, read_numbers
from darkfield.data.mask_values import flatten
from darkfield.data.pixels import digest, new_pixels
from darkfield.data.reading import NOTHING, Picture, Ranges, folder_ranges, read, scale
from darkfield.files import (
    UserError,
    atomic,
    concat_csv,
    hand_over,
    image_and_mask_folders,
    sha256,
    stem_of,
    write_csv,
    wrong_name,
)
from darkfield.progress import progress


def find_pairs(root: Path) -> tuple[dict[str, tuple[Path, Path]], list[str]]:
    """The (image, mask) files by their stem, sorted, and what is wrong with the rest."""
    problems, found = [], []
    for folder in image_and_mask_folders(root):
        files = sorted(p for p in folder.iterdir() if is_picture(p))
        if not files:
            problems.append(f"{folder}: no pictures in it; put some there ({', '.join(SUFFIXES)})")
        for stem, n in Counter(map(stem_of, files)).items():
            if n > 1:
                same = ", ".join(p.name for p in files if stem_of(p) == stem)
                problems.append(f"{folder}: {same} differ in their suffix only; keep one")
        wrong = {p: reason for p in files if (reason := wrong_name(p.stem))}
        problems += [f"{path}: {reason}" for path, reason in wrong.items()]
        found.append({stem_of(p): p for p in files if p not in wrong})
    images, masks = found
    if images and masks:
        for here, there, what in ((images, masks, "mask"), (masks, images, "image")):
            folder = next(iter(there.values())).parent
            kin = suffixed(folder)
            for stem, path in here.items():
                if stem not in there:
                    hint = f"; if {kin[stem]} is it, save it as {stem}.png" if stem in kin else ""
                    problems.append(
                        f"{path}: has no {what} in {folder}; add it, or remove this file{hint}"
                    )
    numbers = find_numbers(root)
    alone = [numbers[stem] for stem in numbers if stem not in masks]
    problems += [f"{path}: has no mask in {root / 'masks'}; remove this file" for path in alone]
    return {s: (images[s], masks[s]) for s in images if s in masks}, problems


def suffixed(folder: Path) -> dict[str, str]:
    """Files such as NAME_mask.png and NAME_seg.npy, by that NAME."""
    names = sorted(path.name for path in folder.iterdir())
    matches = (re.fullmatch(r"(.+)[ ._-][A-Za-z]+\.\w+", name) for name in names)
    return {match[1]: match[0] for match in matches if match}


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


def flatten_pairs(
    pairs: dict[str, tuple[Path, Path]],
    out: Path,
    manifest: Path,
    image_pixels: Path,
    mask_pixels: Path,
    object_pixels: Path,
    *,
    numbers: dict[str, Path],
    mask_values: dict[str, str],
    classes: dict[str, int],
    threads: int,
    asked: Asked = NOTHING,
    ranges: Ranges | None = None,
    um_per_pixel: float | None = None,
) -> list[str]:
    """Write the masks of `pairs` as 8-bit class-index PNGs to `out`, one row each to `manifest`.

    The manifest's columns: image (stem), file (the image's name), height and width in pixels,
    numbered (whether it is in `numbers`), pixels_CLASS for each class, pixels_ignore if
    `mask_values` has IGNORE, image_sha256, image_pixels_sha256 (`pixels.digest` of the decoded
    image), mask_sha256 of the flattened mask; how the image was read, see data.reading.How: read,
    dtype, folder_low and folder_high (the limits), um_per_pixel and um_from, which are
    `um_per_pixel` and "asked" if the file does not say them. In the same order the decoded images
    and flattened masks go to `image_pixels` and `mask_pixels`, see darkfield.data.pixels, and,
    uint16, the objects of `numbers` to `object_pixels`, which stays empty if no picture has any.
    `asked` and `ranges` (by default, of these pairs) are as in data.reading.read. Returns what is
    wrong with the pairs; if anything is, the files written are useless.
    """
    some_numbered = any(stem in numbers for stem in pairs)
    counted = classes | ({IGNORE: VOID} if IGNORE in mask_values.values() else {})
    ranges = ranges or folder_ranges([(image, "") for image, _ in pairs.values()], asked)

    def convert(stem: str) -> tuple[list[str], dict[str, Any], tuple[np.ndarray, ...]]:
        (image_path, mask_path), wrong, picture, mask = pairs[stem], [], None, None
        try:
            picture = read(image_path, "", asked, ranges)
            um, um_from = scale(picture.how, um_per_pixel)
        except ValueError as error:
            wrong.append(f"{image_path}: {error}")
        try:
            drawn = open_image(mask_path)
            mask = flatten(drawn, mask_values, classes)
        except ValueError as error:
            wrong.append(f"{mask_path}: {error}")
        if wrong or picture is None or mask is None:
            return wrong, {}, ()
        if reason := misfit(picture, drawn):
            return [f"{mask_path}: {reason}"], {}, ()
        objects = np.zeros(mask.shape if some_numbered else 0, np.uint16)
        if stem in numbers:
            try:
                objects = read_numbers(numbers[stem], mask)
            except ValueError as error:
                return [f"{numbers[stem]}: {error}"], {}, ()
        path = part / f"{stem}.png"
        write_png(path, mask)
        pixels = np.bincount(mask.ravel(), minlength=VOID + 1)
        row: dict[str, Any] = {"image": stem, "file": image_path.name}
        row |= {"height": mask.shape[0], "width": mask.shape[1], "numbered": stem in numbers}
        row |= {pixels_column(name): int(pixels[i]) for name, i in counted.items()}
        row |= {"image_sha256": sha256(image_path), "image_pixels_sha256": digest(picture.image)}
        row["mask_sha256"] = sha256(path)
        low, high = picture.how.limits or (None, None)
        row |= {"read": picture.how.read, "dtype": picture.how.dtype}
        row |= {"folder_low": low, "folder_high": high, "um_per_pixel": um, "um_from": um_from}
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
) -> pd.DataFrame:
    """Join what flatten_pairs wrote for each batch; returns the manifest's table.

    Raises UserError if no mask has background, which suggests that its values mean something else;
    stats.absences reports other classes that no mask has.
    """
    table = concat_csv(manifests)
    background = min(classes, key=classes.__getitem__)
    if not table[pixels_column(background)].any():
        raise UserError(
            f"data.mask_values: no mask has a pixel of {background}; if another value stands for "
            "it (ilastik counts from 1), name that value so"
        )
    with atomic(out) as part:
        part.mkdir()
        for path in (path for folder in folders for path in folder.glob("*.png")):
            hand_over(path, part / path.name)
        write_csv(manifest, table)
    return table
