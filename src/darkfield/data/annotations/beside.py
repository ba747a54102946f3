"""The pictures beside annotations: which one each drawing is of, and which are masks themselves."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from darkfield.data.annotations import voc
from darkfield.data.images import is_picture
from darkfield.data.pairs import SEPARATORS

PICTURES = ("images", "JPEGImages")  # folders of pictures that programs export beside annotations


def folded(name: str) -> str:
    """A name as it is compared: é is one letter, and upper and lower case are the same."""
    return unicodedata.normalize("NFC", name).casefold()


def picture_of(
    name: str, folders: Sequence[Path], drawn_in: Path, *, told: bool = False
) -> Path | None:
    """The picture that a drawing names, with or without folders and suffix; None if there is none.

    `drawn_in` is the drawing's own file, which may be a picture, too. Unless the program has `told`
    the name, it is that file's, which may have words behind that of the picture: a_seg.npy,
    a_RoiSet.zip. Raises ValueError if several pictures could be meant.
    """
    inner = PurePosixPath(name)

    def is_beside(path: Path) -> bool:
        own = path == drawn_in or voc.holds(path)
        return is_picture(path) and path.is_file() and not own

    for path in (folder / inner for folder in folders):
        if is_beside(path):
            return path
    stem = folded(inner.stem if is_picture(Path(inner.name)) else inner.name)
    starts = (stem, *(() if told else reversed(beginnings(stem))))
    for places in ([folder / inner.parent for folder in folders], folders):
        files = {path for place in places if place.is_dir() for path in place.iterdir()}
        pictures = [path for path in sorted(files) if is_beside(path)]
        named = [path for path in pictures if folded(path.name) == folded(inner.name)]
        for start in starts:
            found = named or [path for path in pictures if folded(path.stem) == start]
            if len(found) > 1:
                raise ValueError(f"{name} may be {', '.join(map(str, found))}; keep one of them")
            if found:
                return found[0]
    return None


def folders(path: Path, source: Path, images: Path) -> list[Path]:
    """Where the pictures of an annotation file of a source may be; `images` comes last."""
    top = source if source.is_dir() else source.parent
    bases = (path.parent, *(above for above in path.parents if above.is_relative_to(top)), top)
    beside = (folder / name for folder in bases for name in ("", *PICTURES))
    return list(dict.fromkeys([*beside, images]))


def masks_among(pictures: Sequence[Path]) -> list[Path]:
    """The pictures that are label images: those that are named so.

    If there is none, all that are not in a folder of PICTURES.
    """
    return named_as_masks(pictures) or [p for p in pictures if p.parent.name not in PICTURES]


def named_as_masks(pictures: Sequence[Path]) -> list[Path]:
    """The pictures that are named after another, with a word behind: a_masks.png."""
    others = [path for path in pictures if path.parent.name not in PICTURES]
    stems = {(path.parent, folded(path.stem)) for path in others}
    return [
        path
        for path in others
        if any((path.parent, start) in stems for start in beginnings(folded(path.stem)))
    ]


def beginnings(stem: str) -> list[str]:
    """What a name may be without words behind it: a_b_masks is one of a_b or of a.

    A number is no word: a_2_masks is one of a_2, and a is another picture.
    """
    return [
        stem[: match.start()]
        for match in SEPARATORS.finditer(stem)
        if match.start() and not any(map(str.isdecimal, SEPARATORS.split(stem[match.end() :])))
    ]
