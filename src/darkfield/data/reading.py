"""A picture of any kind becomes uint8 RGB (H, W, 3): one function for training and prediction."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from itertools import islice
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from darkfield.data.axes import Asked, Limits, Raw, Scene, composed, parts
from darkfield.data.colour import shown
from darkfield.data.depth import pooled, sample, to_bytes
from darkfield.data.kinds import READ, REMEDY, kind, refusal

ONE_PICTURE = (".png", ".jpg", ".jpeg", ".bmp")  # not opened to list what they hold
MOST_POOLED = 256  # pictures that a folder's range is taken from
SAME = 0.01  # the relative difference up to which two scales agree
NOTHING = Asked()
NONE: Mapping[str, Limits] = MappingProxyType({})
Ranges = Callable[[str], tuple[Limits, str]]  # the limits of a dtype, and where they come from


class Picture(NamedTuple):
    """A picture as the network sees it, and how it was read.

    image: uint8 RGB (H, W, 3).
    read: how, in words: "0-4095 (SignificantBits); maximum of 5 planes".
    dtype, limits: the type of the values, and their range if the file does not state it.
    """

    image: np.ndarray
    read: str
    dtype: str
    limits: Limits | None
    um_per_pixel: float | None
    um_from: str
    turn: int


@contextmanager
def opened(path: Path) -> Iterator[list[Scene]]:
    """The scenes of a file of any kind; raises ValueError with the reason and the remedy."""
    if path.exists() and not path.is_file():
        raise ValueError("is a folder or a device, not a file; move it elsewhere")
    try:
        found = kind(path)
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror}); {REMEDY}") from error
    if found == "tiff":
        from darkfield.data.tiff import opened as reader
    elif found in READ:
        from darkfield.data.raster import opened as reader
    else:
        raise ValueError(refusal(found))
    with reader(path) as scenes:
        yield scenes


def pictures_of(path: Path) -> list[str]:
    """What distinguishes the pictures of a file (`axes.parts`); [""] if there is but one.

    The file is opened but not decoded; a broken one gives [""], too.
    """
    if path.suffix.lower() not in ONE_PICTURE:
        with suppress(ValueError, OSError), opened(path) as scenes:
            return [*parts(scenes)]
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

    Raises ValueError with the reason and the remedy, also if the micrometres per pixel that were
    asked for are not those of the file.
    """
    raw = read_raw(path, part, asked)
    own: Limits | None = None
    limits: tuple[Limits, ...]
    if asked.limits:
        limits, source = (asked.limits,), "asked"
    elif raw.limits:
        limits, source = raw.limits, raw.limits_from
    elif raw.pixels.dtype == np.uint8:
        limits, source = (), ""
    else:
        own, source = ranges(raw.pixels.dtype.name)
        limits = (own,)
    image = shown(to_bytes(raw.pixels, limits) if limits else raw.pixels, raw.icc)
    how = ", ".join(f"{low:.6g}-{high:.6g}" for low, high in limits)
    notes = (f"{how} ({source})" if limits else "8 bits", *raw.notes)
    return Picture(
        image, "; ".join(notes), raw.pixels.dtype.name, own, *scale(raw, asked), raw.turn
    )


def read_image(path: Path, part: str = "") -> np.ndarray:
    """A picture of a file as uint8 RGB (H, W, 3), as if it were alone in its folder."""
    return read(path, part, NOTHING, folder_ranges([(path, part)], NOTHING)).image


def scale(raw: Raw, asked: Asked) -> tuple[float | None, str]:
    """Micrometres per pixel and where they come from; raises ValueError for a contradiction."""
    if asked.um_per_pixel is None:
        return raw.um_per_pixel, raw.um_from if raw.um_per_pixel else ""
    if raw.um_per_pixel is None:
        return asked.um_per_pixel, "asked"
    if abs(raw.um_per_pixel / asked.um_per_pixel - 1) > SAME:
        raise ValueError(
            f"says {raw.um_per_pixel:.6g} micrometres per pixel ({raw.um_from}), not "
            f"{asked.um_per_pixel:g}; leave --um-per-pixel out, it is for files that say nothing"
        )
    return raw.um_per_pixel, raw.um_from


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
    def found(dtype: str) -> Limits:
        step = max(1, -(-len(pictures) // MOST_POOLED))
        some = [*samples(pictures[::step], dtype)]
        return pooled(some or [*islice(samples(pictures, dtype), MOST_POOLED)])

    def ranges(dtype: str) -> tuple[Limits, str]:
        if dtype in known:
            return known[dtype], "the model's"
        with lock:
            return found(dtype), "the folder's 0.1 to 99.9 %"

    return ranges


def in_words(reads: Iterable[str]) -> str:
    """How pictures were read, from each one's `Picture.read`; "" if all are of 8 bits."""
    counts = Counter(reads)
    if counts.keys() <= {"8 bits"}:
        return ""
    return "; ".join(f"{n} pictures: {how}" for how, n in sorted(counts.items()))
