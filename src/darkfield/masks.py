"""Masks of every kind (index, grey, palette, colour) to one class-index picture each."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from tqdm import tqdm

from darkfield.classes import pixels_column
from darkfield.files import (
    UserError,
    atomic,
    concat_csv,
    hand_over,
    image_and_mask_folders,
    sha256,
    write_csv,
    wrong_name,
)
from darkfield.images import (
    SUFFIXES,
    is_picture,
    opaque,
    open_image,
    pages,
    read_image,
    write_png,
)
from darkfield.pixels import digest, new_pixels

COLOUR = 1 << 24  # marks a code as a colour, apart from the grey values


def code(value: str) -> int:
    """The code of a key of data.mask_values: grey values as they are, "#7f7f7f" is grey 127."""
    if not value.startswith("#"):
        return int(value)
    r, g, b = bytes.fromhex(value[1:])
    return r if r == g == b else COLOUR | r << 16 | g << 8 | b


def codes(mask: Image.Image, palette_colours: bool) -> np.ndarray:
    """Integer codes (H, W) of a decoded mask: a grey value, a palette index, or a colour.

    RGB pixels with three equal channels are grey values. A palette picture is read by its indices,
    or by its colours if `palette_colours`. Raises ValueError for a mask that has no such reading.
    """
    if mask.mode != "P":  # the indices of a palette are what they are, shown or not
        mask = opaque(mask)
    if mask.mode == "P" and palette_colours:
        mask = mask.convert("RGB")
    if mask.mode == "RGB":
        r, g, b = (np.asarray(band) for band in mask.split())  # faster than strides of three
        if np.array_equal(r, g) and np.array_equal(g, b):
            return r
        r, g, b = (c.astype(np.int32) for c in (r, g, b))
        return np.where((r == g) & (g == b), r, COLOUR | r << 16 | g << 8 | b)
    pixels = np.asarray(mask)
    if pixels.ndim != 2 or pixels.dtype.kind not in "bui":
        raise ValueError(f"is a {mask.mode} picture; save it as grey, palette or RGB")
    return pixels.astype(np.uint8) if pixels.dtype == bool else pixels


def flatten(mask: Image.Image, mask_values: dict[str, str], classes: dict[str, int]) -> np.ndarray:
    """Class indices, uint8 (H, W), of a decoded mask.

    `mask_values` maps a grey value ("2") or a colour ("#00ff00") to a class name, `classes` that to
    its index. Raises ValueError naming the values that `mask_values` does not have.
    """
    table = {code(value): classes[name] for value, name in mask_values.items()}
    pixels = codes(mask, palette_colours=max(table) >= COLOUR)
    known = np.array(sorted(table))
    index = np.array([table[k] for k in known], dtype=np.uint8)
    if pixels.dtype == np.uint8:
        values = np.flatnonzero(np.bincount(pixels.ravel(), minlength=256))
        strange = np.setdiff1d(values, known)
    else:
        strange = np.setdiff1d(pixels, known)
    if len(strange):
        names = ", ".join(str(v) if v < COLOUR else f"#{v - COLOUR:06x}" for v in strange[:5])
        more = ", ..." if len(strange) > 5 else ""
        raise ValueError(
            f"has values that data.mask_values does not name: {names}{more}; name them or mend it"
        )
    if pixels.dtype == np.uint8:
        lookup = np.zeros(256, dtype=np.uint8)
        lookup[known[known < 256]] = index[known < 256]
        return lookup.take(pixels)
    return index[np.searchsorted(known, pixels)]


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
                problems.append(f"{folder}: {same} have the same name but for the ending; keep one")
        wrong = {p: reason for p in files if (reason := wrong_name(p.stem))}
        problems += [f"{path}: {reason}" for path, reason in wrong.items()]
        found.append({stem_of(p): p for p in files if p not in wrong})
    images, masks = found
    if images and masks:
        for here, there, what in ((images, masks, "mask"), (masks, images, "image")):
            folder = next(iter(there.values())).parent
            alone = (path for stem, path in here.items() if stem not in there)
            problems += [
                f"{p}: has no {what} in {folder}; add it, or take this away" for p in alone
            ]
    return {s: (images[s], masks[s]) for s in images if s in masks}, problems


def stem_of(path: Path) -> str:
    """A picture's name without its ending; é is the same letter however a system wrote it."""
    return unicodedata.normalize("NFC", path.stem)


def flatten_pairs(
    pairs: dict[str, tuple[Path, Path]],
    out: Path,
    manifest: Path,
    image_pixels: Path,
    mask_pixels: Path,
    *,
    mask_values: dict[str, str],
    classes: dict[str, int],
    threads: int,
) -> list[str]:
    """Write the masks of `pairs` as 8-bit class-index PNGs to `out`, one row each to `manifest`.

    The manifest's columns: image (stem), file (the image's name), height and width in pixels,
    pixels_CLASS for each class, image_sha256, image_pixels_sha256 (`pixels.digest` of the decoded
    image), and mask_sha256 of the flattened mask. In the same order the decoded images and
    flattened masks go to `image_pixels` and `mask_pixels`, see darkfield.pixels. Returns what is
    wrong with the pairs; if anything is, then what was written is of no use.
    """

    def convert(stem: str) -> tuple[list[str], dict, tuple[np.ndarray, np.ndarray]]:
        (image_path, mask_path), wrong, image, mask = pairs[stem], [], None, None
        for path in (image_path, mask_path):
            if (n := len(pages(path))) > 1:
                wrong.append(f"{path}: holds {n} pictures; save the one that is meant")
        try:
            image = read_image(image_path)
        except ValueError as error:
            wrong.append(f"{image_path}: {error}")
        try:
            mask = flatten(open_image(mask_path), mask_values, classes)
        except ValueError as error:
            wrong.append(f"{mask_path}: {error}")
        if image is not None and mask is not None and image.shape[:2] != mask.shape:
            (h, w), (mh, mw) = image.shape[:2], mask.shape
            wrong.append(
                f"{mask_path}: is {mw}x{mh} pixels, its image is {w}x{h}; save it at that size"
            )
        if wrong:
            return wrong, {}, ()
        path = part / f"{stem}.png"
        write_png(path, mask)
        pixels = np.bincount(mask.ravel(), minlength=len(classes))
        row = {"image": stem, "file": image_path.name}
        row |= {"height": mask.shape[0], "width": mask.shape[1]}
        row |= {pixels_column(name): int(pixels[i]) for name, i in classes.items()}
        row |= {"image_sha256": sha256(image_path), "image_pixels_sha256": digest(image)}
        row["mask_sha256"] = sha256(path)
        return [], row, (image, mask)

    rows, problems = [], []
    with (
        atomic(out) as part,
        new_pixels(image_pixels, 3) as add_image,
        new_pixels(mask_pixels) as add_mask,
        ThreadPoolExecutor(threads) as pool,
        tqdm(total=len(pairs), desc="flatten_masks", unit="image", disable=None) as bar,
    ):
        part.mkdir()
        # A few at a time: the pool decodes all that it is given, whether or not we keep up.
        stems = list(pairs)
        for few in (stems[i : i + 2 * threads] for i in range(0, len(stems), 2 * threads)):
            for wrong, row, pictures in pool.map(convert, few):
                problems += wrong
                bar.update()
                if not problems:
                    rows.append(row)
                    add_image(pictures[0])
                    add_mask(pictures[1])
    write_csv(manifest, pd.DataFrame(rows))
    return problems


def gather_masks(
    folders: Sequence[Path],
    manifests: Sequence[Path],
    out: Path,
    manifest: Path,
    classes: dict[str, int],
) -> pd.DataFrame:
    """Bring what flatten_pairs wrote of each batch together; returns the manifest's table.

    Raises UserError if a class is in no mask, and then writes nothing.
    """
    table = concat_csv(manifests)
    if absent := [name for name in classes if not table[pixels_column(name)].any()]:
        what = "label some, or leave the class out"
        raise UserError(*(f"data.classes: no mask has a pixel of {n}; {what}" for n in absent))
    with atomic(out) as part:
        part.mkdir()
        for path in (path for folder in folders for path in folder.glob("*.png")):
            hand_over(path, part / path.name)
        write_csv(manifest, table)
    return table
