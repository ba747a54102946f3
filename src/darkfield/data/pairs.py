"""Which mask belongs to which picture: by their names, with a suffix or in a folder per class."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from darkfield.data.images import SUFFIXES, is_picture
from darkfield.data.mask_files import is_mask
from darkfield.files import image_and_mask_folders, stem_of, wrong_name

SEPARATORS = re.compile("[ ._-]+")
DRAWN = (".json", ".geojson", ".xml", ".roi", ".zip")  # files of annotation programs
Masks = Path | dict[str, Path]  # of one picture: a file, or a file for each class
Pair = tuple[Path, Masks]


def find_pairs(
    root: Path, classes: Collection[str] = (), suffix: str | None = None
) -> tuple[dict[str, Pair], list[str]]:
    """The (image, mask) files by the image's name, sorted, and what is wrong with the rest.

    An image's name is its file's without its last suffix, behind those of its subfolders: images/
    a/b.png is a_b. A mask has the same name, in upper or lower case, or `suffix` behind it; if that
    is None and no mask has the name of an image, the one suffix with which all images have a mask.
    If masks/ holds folders named like `classes`, each image has a mask in each of them.
    """
    images_folder, masks_folder = image_and_mask_folders(root)
    images, problems = named(images_folder, is_picture)
    if folders := class_folders(masks_folder, classes):
        pairs, more = of_classes(images, masks_folder, folders, suffix)
    else:
        masks, more = named(masks_folder, is_mask)
        partners, asked = matched(images, masks, suffix)
        more += [f"{masks_folder}: {line}" for line in asked]
        if images and masks and not asked:
            more += unpaired(images, masks, masks_folder, partners)
            more += strangers(masks, partners.values(), images_folder)
        pairs = {name: (images[name], masks[partner]) for name, partner in partners.items()}
    numbers, wrong = find_numbers(root)
    problems += wrong + more or [
        f"{path}: has no mask in {masks_folder}; remove this file"
        for name, path in numbers.items()
        if name not in pairs
    ]
    return {name: pairs[name] for name in sorted(pairs)}, problems


def find_numbers(root: Path) -> tuple[dict[str, Path], list[str]]:
    """The files below ROOT/instances, which need not exist, as `named` gives them."""
    folder = root / "instances"
    return named(folder, is_picture) if folder.is_dir() else ({}, [])


def named(folder: Path, is_its: Callable[[Path], bool]) -> tuple[dict[str, Path], list[str]]:
    """The files below a folder by name, sorted, but hidden ones; and what is wrong with them."""
    files: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if is_its(path) and not any(part.startswith(".") for part in inside.parts):
            files.setdefault(name_of(inside), []).append(path)
    problems = []
    if not files:
        drawn = any(path.suffix.lower() in DRAWN for path in folder.iterdir())
        remedy = f"make masks of what is drawn: darkfield masks {folder} --out ROOT"
        put = remedy if drawn else f"put some there ({', '.join(SUFFIXES)})"
        problems.append(f"{folder}: no pictures in it; {put}")
    for name, same in files.items():
        if len(same) > 1:
            names = ", ".join(str(path.relative_to(folder)) for path in same)
            one_place = len({path.parent for path in same}) == 1
            what = "differ in their suffix only; keep one" if one_place else f"would all be {name}"
            problems.append(f"{folder}: {names} {what}" + ("" if one_place else "; rename them"))
    wrong = {n: reason for n, paths in files.items() if (reason := wrong_name(paths[0].stem))}
    problems += [f"{files[name][0]}: {reason}" for name, reason in wrong.items()]
    return {name: paths[-1] for name, paths in files.items() if name not in wrong}, problems


def name_of(inside: Path) -> str:
    """The name of a path within images/ or masks/: its folders' names, and its file's."""
    return "_".join([*inside.parent.parts, stem_of(inside)])


def matched(
    images: Collection[str], masks: Collection[str], suffix: str | None
) -> tuple[dict[str, str], list[str]]:
    """The mask's name for each image's, where there is one; a question, if several suffixes fit.

    Each name is matched once, in its own case before any other.
    """
    if suffix is None:
        partners = same_names(images, masks, "")
        if partners or not images:
            return partners, []
        fitting = [each for each in suffixes(images, masks) if covers(images, masks, each)]
        if len(fitting) > 1:
            names = " and ".join(fitting)
            return {}, [f"holds masks named {names}; say which in data.mask_suffix"]
        suffix = fitting[0] if fitting else ""
    return same_names(images, masks, suffix), []


def same_names(images: Collection[str], masks: Collection[str], suffix: str) -> dict[str, str]:
    exact = {name: name + suffix for name in images if name + suffix in masks}
    others = set(masks) - set(exact.values())
    by_folded: dict[str, list[str]] = {}
    for mask in others:
        by_folded.setdefault(mask.casefold(), []).append(mask)
    rest = [name for name in images if name not in exact]
    folded = {name: by_folded.get((name + suffix).casefold(), []) for name in rest}
    return exact | {name: found[0] for name, found in folded.items() if len(found) == 1}


def covers(images: Collection[str], masks: Collection[str], suffix: str) -> bool:
    return len(same_names(images, masks, suffix)) == len(images)


def suffixes(images: Collection[str], masks: Collection[str]) -> list[str]:
    """What the names of masks have behind the name of some image, each once, in lower case."""
    known = {name.casefold() for name in images}
    found = {
        mask[match.start() :]
        for mask in map(str.casefold, masks)
        for match in SEPARATORS.finditer(mask)
        if mask[: match.start()] in known
    }
    return sorted(found)


def unpaired(
    images: Mapping[str, Path], masks: Mapping[str, Path], folder: Path, partners: Mapping[str, str]
) -> list[str]:
    """A line for each image without a mask; it names one that could be meant."""
    kin = {
        mask[: match.start()]: path.name
        for mask, path in masks.items()
        for match in SEPARATORS.finditer(mask)
    }
    lines = []
    for name, path in images.items():
        if name not in partners:
            hint = f"; if {kin[name]} is it, save it as {name}.png" if name in kin else ""
            lines.append(f"{path}: has no mask in {folder}; add it, or remove this file{hint}")
    return lines


def strangers(masks: Mapping[str, Path], used: Iterable[str], folder: Path) -> list[str]:
    """A line for each mask without an image."""
    rest = masks.keys() - set(used)
    return [
        f"{masks[name]}: has no image in {folder}; add it, or remove this file"
        for name in sorted(rest)
    ]


def class_folders(folder: Path, classes: Collection[str]) -> dict[str, Path]:
    """The folders of masks/ that are named like classes, by class; none if there is none."""
    known = {name.casefold(): name for name in classes}
    inside = sorted(path for path in folder.iterdir() if path.is_dir())
    return {known[p.name.casefold()]: p for p in inside if p.name.casefold() in known}


def of_classes(
    images: Mapping[str, Path], masks_folder: Path, folders: Mapping[str, Path], suffix: str | None
) -> tuple[dict[str, Pair], list[str]]:
    """The pairs of images and one mask for each class, and what is wrong with the rest."""
    problems = [
        f"{path}: lies beside the folders of classes; move it into one, or remove it"
        for path in sorted(masks_folder.iterdir())
        if path not in folders.values() and not path.name.startswith(".")
    ]
    found: dict[str, dict[str, Path]] = {name: {} for name in images}
    for name, folder in folders.items():
        masks, wrong = named(folder, is_mask)
        partners, asked = matched(images, masks, suffix)
        problems += wrong + [f"{folder}: {line}" for line in asked]
        for image, partner in partners.items():
            found[image][name] = masks[partner]
        if images and masks and not asked:
            problems += strangers(masks, partners.values(), images[next(iter(images))].parent)
            problems += [
                f"{images[image]}: has no mask in {folder}; add one, black if it has no {name}"
                for image in images
                if image not in partners
            ]
    return {image: (images[image], masks) for image, masks in found.items()}, problems


def suffix_of(pairs: Mapping[str, Pair]) -> str:
    """What all masks have behind the names of their images; "" if they do not agree."""
    found = set()
    for image, masks in pairs.values():
        for mask in [masks] if isinstance(masks, Path) else masks.values():
            found.add(mask.stem[len(image.stem) :])
    return found.pop() if len(found) == 1 else ""
