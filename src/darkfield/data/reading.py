"""A picture of any kind becomes uint8 RGB (H, W, 3): one function for training and prediction."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from darkfield.data.axes import TIME, Asked, Limits, Raw, Scene, composed, parts
from darkfield.data.colour import shown
from darkfield.data.depth import ground, pooled, remark, sample, to_bytes
from darkfield.data.kinds import EXTRA, READ, REMEDY, kind, refusal

ONE_PICTURE = (".png", ".jpg", ".jpeg", ".bmp")  # not opened to list what they hold
MOST_POOLED = 256  # pictures that a folder's range is taken from
SAME = 0.01  # the relative difference up to which two scales agree
NOTHING = Asked()
NONE: Mapping[str, Limits] = MappingProxyType({})


class Range(NamedTuple):
    """The limits of the values of many pictures, where they come from, and the usual background."""

    limits: Limits
    source: str
    background: float | None = None


Ranges = Callable[[str], Range]  # by dtype


class How(NamedTuple):
    """How a picture was read, and what its file says of its scale.

    read: in words: "0 to 4095 (SignificantBits); maximum of 5 planes".
    dtype, limits: the type of the values, and their range if the file does not state it.
    """

    read: str
    dtype: str
    limits: Limits | None
    um_per_pixel: float | None
    um_from: str


class Picture(NamedTuple):
    """A picture as the network sees it, uint8 RGB (H, W, 3), and how it was read.

    `turn` is its orientation by EXIF, which was applied.
    """

    image: np.ndarray
    turn: int
    how: How


@contextmanager
def opened(path: Path) -> Iterator[list[Scene]]:
    """The scenes of a file of any kind; raises ValueError with the reason and the remedy."""
    with reader(kind_of(path))(path) as scenes:
        yield scenes


def kind_of(path: Path) -> str:
    """The kind of a file; raises ValueError with the reason and the remedy if it is no file."""
    if path.exists() and not path.is_file():
        raise ValueError("is a folder or a device, not a file; move it elsewhere")
    try:
        return kind(path)
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror}); {REMEDY}") from error


def reader(kind: str) -> Callable[[Path], AbstractContextManager[list[Scene]]]:
    """What opens files of a kind; raises ValueError for a kind that is not read, or not here."""
    if kind not in READ and not (kind in EXTRA and find_spec(EXTRA[kind][1])):
        raise ValueError(refusal(kind))
    match kind:  # by statements that the digest of a rule's code can follow
        case "tiff":
            from darkfield.data.tiff import opened
        case "czi":
            from darkfield.data.zeiss import opened
        case "nd2":
            from darkfield.data.nikon import opened
        case "lif":
            from darkfield.data.leica import opened
        case "heif":
            from darkfield.data.heif import opened
        case "film":
            from darkfield.data.films import opened
        case _:
            from darkfield.data.raster import opened
    return opened


def pictures_of(path: Path, every: int = 1) -> list[str]:
    """What distinguishes the pictures of a file (`axes.parts`); [""] if there is but one.

    Of frames and other time points only the first, and every so manieth after it, are given. The
    file is opened but not decoded; a broken one gives [""], too.
    """
    if path.suffix.lower() not in ONE_PICTURE:
        with suppress(ValueError, OSError), opened(path) as scenes:
            return [
                name for name, part in parts(scenes).items() if part.at.get(TIME, 0) % every == 0
            ]
    return [""]


def read_raw(path: Path, part: str = "", asked: Asked = NOTHING) -> Raw:
    """Decode one picture of a file; raises ValueError with the reason and the remedy."""
    with opened(path) as scenes:
        found = parts(scenes)
        if part in found:
            scene, at = found[part]
            return composed(scenes[scene], at, asked)
        raise ValueError(f"holds {len(found)} pictures; save only the one you mean")


def read(path: Path, part: str, asked: Asked, ranges: Ranges) -> Picture:
    """Read one picture of a file; `ranges` are asked for the limits that the file does not state.

    Raises ValueError with the reason and the remedy.
    """
    raw = read_raw(path, part, asked)
    own: Limits | None = None
    said = ""
    limits: tuple[Limits, ...]
    if asked.limits and raw.pixels.dtype.name in (asked.dtypes or raw.pixels.dtype.name):
        limits, source = (asked.limits,), "asked"
    elif raw.limits:
        limits, source = raw.limits, raw.limits_from
    elif raw.pixels.dtype == np.uint8:
        limits, source = (), ""
    else:
        own, source, background = ranges(raw.pixels.dtype.name)
        said = remark(raw.pixels, own, source, background)
        limits = (own,)
    image = shown(to_bytes(raw.pixels, limits) if limits else raw.pixels, raw.icc)
    spans = ", ".join(f"{low:.6g} to {high:.6g}" for low, high in limits)
    notes = [f"{spans} ({source})" if limits else "8 bits", said, *raw.notes]
    words = "; ".join(filter(None, notes))
    how = How(words, raw.pixels.dtype.name, own, raw.um_per_pixel, raw.um_from)
    return Picture(image, raw.turn, how)


def scale(how: How, asked: float | None) -> tuple[float | None, str]:
    """Micrometres per pixel, and where they come from: the file, or else what was asked.

    Raises ValueError if both say different things.
    """
    if how.um_per_pixel is None:
        return asked, "" if asked is None else "asked"
    if asked and abs(how.um_per_pixel / asked - 1) > SAME:
        raise ValueError(
            f"says {how.um_per_pixel:.6g} micrometres per pixel ({how.um_from}), not {asked:g}; "
            "leave --um-per-pixel out (um_per_pixel: null), it is for files that say nothing"
        )
    return how.um_per_pixel, how.um_from


def folder_ranges(
    pictures: Sequence[tuple[Path, str]], asked: Asked, known: Mapping[str, Limits] = NONE
) -> Ranges:
    """The range, by dtype, of pictures (path, part) that state none; `known` is that of a model.

    It is computed when it is first asked for, from at most MOST_POOLED of the pictures, evenly
    spaced, so it depends on their order, but neither on time nor on what asks. Safe for threads.
    """
    lock = Lock()

    def samples(of: Iterable[tuple[Path, str]], dtype: str) -> Iterator[np.ndarray]:
        for path, part in of:
            with suppress(ValueError):
                raw = read_raw(path, part, asked)
                if raw.pixels.dtype.name == dtype and not raw.limits:
                    yield sample(raw.pixels)

    @cache
    def found(dtype: str) -> Range:
        step = max(1, -(-len(pictures) // MOST_POOLED))
        some = [*samples(pictures[::step], dtype)]
        some = some or [*islice(samples(pictures, dtype), MOST_POOLED)]
        limits = pooled(some)
        return Range(limits, "the folder's 0.1 to 99.9 %", ground(some, limits))

    def ranges(dtype: str) -> Range:
        if dtype in known:
            return Range(known[dtype], "the model's")
        with lock:
            return found(dtype)

    return ranges


def asked_of(settings: Mapping[str, Any]) -> Asked:
    """What the sections data and pictures of params.yaml say about how pictures are read."""
    limits = settings["range"]
    return Asked(
        tuple(settings["channels"] or ()), settings["z"], (limits[0], limits[1]) if limits else None
    )


def in_words(reads: Iterable[str]) -> str:
    """How pictures were read, from each one's `Picture.read`; "" if all are of 8 bits."""
    counts = Counter(reads)
    if counts.keys() <= {"8 bits"}:
        return ""
    words = ((f"{n} picture{'s' * (n > 1)}", how) for how, n in sorted(counts.items()))
    return "; ".join(f"{pictures}: {how}" for pictures, how in words)
