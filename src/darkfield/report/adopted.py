"""`darkfield adopt OUT --into ROOT`: corrected pictures become part of a folder to train on."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from darkfield.classes import IGNORE, VOID, matched
from darkfield.data.drawn import Drawn, Files, about, drawn, files_of, greys_of
from darkfield.data.images import read_image, write_png
from darkfield.data.listing import real
from darkfield.data.pixels import digest
from darkfield.data.reading import NOTHING, asked_of
from darkfield.files import PART, UserError, hand_over, one_line, put, scratch, sha256, write_json
from darkfield.progress import progress
from darkfield.report.corrected import RECORD, records
from darkfield.sections import Data

ADDED, REPLACED, SAME = "added", "replaced", "the same"  # what became of a picture
IMAGES, MASKS, NUMBERS = "images", "masks", "instances"  # folders
SYNTHETIC = Path("data/synthetic")


class Folder(NamedTuple):
    """A folder of pictures and masks by the pictures' names, and its corrected.json.

    `suffix` is what masks have behind the names of their pictures.
    """

    root: Path
    files: dict[str, Files]
    suffix: str
    records: dict[str, Any]


def adopt(out: Path, into: Path, data: Data) -> list[str]:
    """Add the corrections of `out` to the folder `into`, which is made if it is not there.

    `out` is a folder that predict wrote, whose OUT/corrected is meant, or one of corrections; masks
    without a corrected.json are indices of data.classes, as `darkfield masks` makes them. Classes
    are matched by name, and masks are written in the values of `data`, the section of params.yaml.
    A picture that is there keeps its file; its mask is replaced if it was adopted and has not been
    changed since. INTO/corrected.json tells where each picture comes from.

    Returns what to tell the user. Raises UserError with all that is wrong. `into` is as it was
    until all is done, even if the process is killed.
    """
    source, target = corrections(out, data), receiving(into, data)
    folder = real(into)
    if real(source.root) == folder:
        raise UserError(f"{into}: is where these corrections are; name another folder")
    if Path.cwd().is_relative_to(folder):
        raise UserError(f"{into}: is the working folder, which cannot be replaced; go to another")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with scratch(folder.parent) as space:
        new, whole = space / "new", space / folder.name
        became = stage(source, target, new, data)
        if became[ADDED] or became[REPLACED]:
            if folder.exists():
                away = shutil.ignore_patterns(f"{PART}*")
                shutil.copytree(folder, whole, symlinks=True, ignore=away, copy_function=hand_over)
            for name in became[REPLACED]:  # whose objects may no longer be known
                if old := target.files[name].numbers:
                    (whole / old.relative_to(into)).unlink()
            shutil.copytree(new, whole, dirs_exist_ok=True, copy_function=os.replace)
            with suppress(OSError):  # of a folder without numbers, which the chain would miss
                (whole / NUMBERS).rmdir()
            put(whole, folder)
    return report(became, source, into)


def corrections(out: Path, data: Data) -> Folder:
    """The folder of corrections that `out` means; raises UserError if there is none."""
    root = out / "corrected" if (out / "counts.csv").exists() else out
    if not (root / MASKS).is_dir():
        raise UserError(
            f"{root}: holds no corrected masks; make some with darkfield correct, or name the "
            "folder that darkfield masks wrote"
        )
    found = Folder(root, *files_of(root), records(root))
    known = {name: found.records.get(name, {}).get("classes") for name in found.files}
    if not found.records:
        return found
    if untold := [name for name, classes in known.items() if not classes]:
        raise UserError(
            *(
                f"{root / RECORD}: does not tell the classes of {name}; open it in darkfield "
                "correct, and save it again (Shift-PageDown)"
                for name in untold
            )
        )
    for classes in known.values():
        matched(classes, data.classes, str(root / RECORD))
    return found


def receiving(into: Path, data: Data) -> Folder:
    """The folder that corrections are added to; empty if it is not there.

    Raises UserError if the chain would not read there what is added.
    """
    if real(into) == real(SYNTHETIC):
        raise UserError(f"{into}: is drawn by the chain, over what is there; name another folder")
    if into.exists() and not into.is_dir():
        raise UserError(f"{into}: is no folder; name another")
    if asked_of(data.plain()) != NOTHING:
        raise UserError(
            "params.yaml: data.channels, data.z and data.range would change corrected pictures, "
            "which are as the model saw them; set them to null, and keep other pictures apart"
        )
    if any(file for kind in (IMAGES, MASKS) for file in (into / kind).glob("[!.]*")):
        files, suffix = files_of(into, data.classes, data.mask_suffix)
    else:
        files, suffix = {}, ""
    return Folder(into, files, data.mask_suffix or suffix, records(into))


def stage(source: Folder, target: Folder, new: Path, data: Data) -> dict[str, list[str]]:
    """Write what is to be added to the target into the folder `new`.

    Returns the names of the pictures ADDED, REPLACED, and the SAME as before. Raises UserError with
    all that is wrong.
    """
    became: dict[str, list[str]] = {ADDED: [], REPLACED: [], SAME: []}
    problems: list[str] = []
    greys, now = greys_of(data), dict(target.records)
    pixels_of: dict[str, str] = {}
    for name, files in progress(target.files.items(), "picture", len(target.files)):
        with noting(problems), about(files.image):
            pixels_of[name] = digest(read_image(files.image))
    for kind in (IMAGES, MASKS, NUMBERS):
        (new / kind).mkdir(parents=True)
    for name, files in progress(source.files.items(), "picture", len(source.files)):
        with noting(problems):
            record = source.records.get(name)
            what, found = judged(name, files, values_of(record, data), pixels_of, target, data)
            became[what].append(name)
            if what == SAME:
                continue
            if what == ADDED:
                shutil.copyfile(files.image, new / IMAGES / f"{name}{files.image.suffix}")
            mask = new / MASKS / f"{name}{target.suffix}.png"
            with about(files.mask):
                write_png(mask, in_greys(found.indices, greys))
            numbers = None
            if files.numbers:
                numbers = new / NUMBERS / f"{name}{files.numbers.suffix}"
                shutil.copyfile(files.numbers, numbers)
            origin = record or {"file": str(files.image), "picture": sha256(files.image)}
            classes = {"classes": {key: greys[index] for key, index in data.classes.items()}}
            now[name] = origin | classes | digests(Files(files.image, mask, numbers))
    if problems:
        raise UserError(*problems)
    write_json(new / RECORD, dict(sorted(now.items())))
    return became


@contextmanager
def noting(problems: list[str]) -> Iterator[None]:
    """Note a ValueError of the block, and go on."""
    try:
        yield
    except ValueError as error:
        problems.append(one_line(str(error)))


def values_of(record: dict[str, Any] | None, data: Data) -> dict[str, str]:
    """What the values of a corrected mask mean, as in data.mask_values."""
    classes = record["classes"] if record else data.classes
    return {str(VOID): IGNORE} | {str(value): name for name, value in classes.items()}


def judged(
    name: str,
    files: Files,
    values: dict[str, str],
    pixels_of: dict[str, str],
    target: Folder,
    data: Data,
) -> tuple[str, Drawn]:
    """What is to become of a corrected picture, and what is drawn on it.

    `pixels_of` are the digests of the pictures in the target, to which this one's is added. Raises
    ValueError if it cannot be added.
    """
    with about(files.image):
        image = read_image(files.image)
        pixels = digest(image)
        for other, known in pixels_of.items():
            if known == pixels and other != name:
                raise ValueError(f"is in {target.root} as {other} already; remove one of the two")
            if known != pixels and other.casefold() == name.casefold():
                raise ValueError(f"is not the picture {other} of {target.root}; rename one of them")
        pixels_of[name] = pixels
    found = drawn(files, values, data)
    if found.indices.shape != image.shape[:2]:
        raise ValueError(f"{files.mask}: is of another size than its picture")
    if name not in target.files:
        return ADDED, found
    there = target.files[name]
    if found.same(drawn(there, data.mask_values, data)):
        return SAME, found
    if target.records.get(name, {}).items() >= digests(there).items():
        return REPLACED, found
    raise ValueError(
        f"{there.mask}: is another mask of {name}, and not as one was adopted; remove it with its "
        "picture to adopt the correction"
    )


def in_greys(indices: np.ndarray, greys: dict[int, int]) -> np.ndarray:
    """A mask, uint8 (H, W), of class indices; ValueError for VOID that no grey stands for."""
    if VOID not in greys and (indices == VOID).any():
        raise ValueError("has pixels to ignore; name a value for them in data.mask_values")
    table = np.zeros(VOID + 1, np.uint8)
    table[[*greys]] = [*greys.values()]
    mask: np.ndarray = table[indices]
    return mask


def digests(files: Files) -> dict[str, str | None]:
    """SHA-256 of a mask's file and, if there is one, of that of its objects' numbers."""
    numbers = None if files.numbers is None else sha256(files.numbers)
    return {"mask": sha256(files.mask), "instances": numbers}


def report(became: dict[str, list[str]], source: Folder, into: Path) -> list[str]:
    """What was done and what was assumed, in lines for the user."""
    lines = [f"{into}: " + ", ".join(f"{what}: {len(names)}" for what, names in became.items())]
    if names := became[REPLACED]:
        lines.insert(0, f"replaced by a newer mask: {', '.join(names)}")
    if not source.records:
        no_record = "has no corrected.json: its masks are taken for indices of data.classes"
        lines.insert(0, f"{source.root}: {no_record}, and the model that labelled is not recorded")
    return lines
