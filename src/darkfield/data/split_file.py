"""The user's own table of the images (split.file): their split, or their film, patient or slide.

It is a CSV with a column image and others, or a folder of train.txt, val.txt and test.txt, each
with the name of an image in every line.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from darkfield.files import UserError

if TYPE_CHECKING:  # the Snakefile imports this module, and importing pandas takes half a second
    import pandas as pd

SPLITS = ("train", "val", "test")
SHOWN = 5  # names in a message


def lists(place: str) -> list[str]:
    """The files that split.file means: the CSV, or those of the lists that its folder has.

    Raises UserError if there are none.
    """
    path = Path(place)
    if path.is_file():
        return [place]
    if not path.is_dir():
        raise UserError(f"split.file: {place}: no such file or folder; correct it, or set null")
    found = [str(file) for split in SPLITS if (file := path / f"{split}.txt").is_file()]
    if not found:
        raise UserError(f"split.file: {place}: holds no train.txt, val.txt or test.txt; add them")
    return found


def read(place: str, images: Sequence[str], column: str | None) -> "pd.DataFrame":
    """The rows of split.file for `images`, in their order, all text: split, and others.

    `column` is the one that split.group_by names, if any; only then may the column split be
    missing. Raises UserError with all that is wrong: columns that are missing, names that no image
    has, images that are not named or named twice, cells that are empty or no split.
    """
    table = rows_of(place)
    if missing := [name for name in ("image", column or "split") if name not in table]:
        raise UserError(
            f"split.file: {place}: has no column {' and '.join(missing)} (it has "
            f"{', '.join(table.columns)}); add it"
        )
    entries, known = table["image"].tolist(), set(images)
    named = [image_of(entry, known) for entry in entries]
    problems = [*wrong_names(entries, named, known), *wrong_cells(table, column)]
    if problems:
        raise UserError(*(f"split.file: {place}: {line}" for line in problems))
    row_of = {image: row for row, image in enumerate(named)}
    return table.iloc[[row_of[image] for image in images]].reset_index(drop=True)


def rows_of(place: str) -> "pd.DataFrame":
    """The table as its files have it, all text without spaces around; empty rows are left out."""
    import pandas as pd

    files = map(Path, lists(place))
    try:
        if Path(place).is_dir():
            rows = [
                (line, path.stem)
                for path in files
                for line in path.read_text(encoding="utf-8-sig").splitlines()
                if line.strip()
            ]
            table = pd.DataFrame(rows, columns=["image", "split"], dtype=str)
        else:
            table = pd.read_csv(
                place, dtype=str, keep_default_na=False, index_col=False, encoding="utf-8-sig"
            )
    except ValueError as error:  # not UTF-8, or rows of different lengths
        reason = " ".join(str(error).split())
        raise UserError(f"split.file: {place}: is no table in UTF-8 ({reason})") from error
    table = table.rename(columns=str.strip).apply(lambda cells: cells.str.strip())
    filled: pd.DataFrame = table[(table != "").any(axis=1)]
    return filled


def image_of(entry: str, known: set[str]) -> str | None:
    """The image that an entry of split.file means: a name, with or without its suffix and folders.

    None if there is none. An entry may also be a pair of picture and mask, with a space between.
    """
    entry = unicodedata.normalize("NFC", entry).replace("\\", "/")
    for text in (entry, *entry.split()[:1]):
        parts = PurePosixPath(text).parts
        for first in range(len(parts)):
            path = PurePosixPath(*parts[first:])
            for name in (str(path), str(path.parent / path.stem)):
                if name in known:
                    return name
    return None


def wrong_names(
    entries: Sequence[str], named: Sequence[str | None], known: set[str]
) -> Iterator[str]:
    """What is wrong with the names of a table, given the image that each entry means, if any."""
    times = Counter(named)
    if strange := [entry for entry, image in zip(entries, named, strict=True) if not image]:
        yield f"{those(strange)} not among the images; correct or remove the line"
    if lacking := sorted(known - times.keys()):
        yield f"{those(lacking)} not named; add the name, or take the image out of data.root"
    if twice := sorted(image for image, n in times.items() if image and n > 1):
        yield f"{those(twice)} named more than once; keep one line each"


def wrong_cells(table: "pd.DataFrame", column: str | None) -> Iterator[str]:
    """What is wrong with the other cells that are used."""
    if "split" in table and (strange := sorted(set(table["split"]) - set(SPLITS))):
        values = ", ".join(map(repr, strange[:SHOWN]))
        yield f"the column split has {values}; write train, val or test"
    if column and (empty := table["image"][table[column] == ""].tolist()):
        yield f"{those(empty)} without a {column}; fill it in"


def those(names: Sequence[str]) -> str:
    """Who it is about, as the beginning of a sentence: "a is", "a, b, c, d, e and 2 more are"."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more} {'is' if len(names) == 1 else 'are'}"
