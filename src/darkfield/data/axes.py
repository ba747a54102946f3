"""Which pictures a file holds, and how channels and planes become one picture.

A reader of files (data.raster, data.tiff) gives scenes, of which nothing is decoded yet.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np

Limits = tuple[float, float]  # the values shown as black and as white
Colour = tuple[int, int, int]  # red, green and blue, 0-255
CHANNEL, DEPTH, TIME = "C", "Z", "t"
NOT_RECORDED = "holds no pixels for this picture; export those that were recorded"
DIGITS = {"s": 2}  # of the numbers in names, at least; 3 on other axes


class Unclear(ValueError):
    """A file can be decoded, but what it shows is unclear; the text says what to do."""


class Asked(NamedTuple):
    """What a user says about how pictures are to be read.

    channels: one, or red, green and blue, by number from 1 or by name; (): as the file says. A
        colour picture has three, a grey one has one.
    z: the plane, from 1, of a stack; None: the maximum of all.
    limits: None: as the file says, or else one range for all. If `dtypes` are given, the limits are
        for values of these types only.
    """

    channels: tuple[int | str, ...] = ()
    z: int | None = None
    limits: Limits | None = None
    dtypes: tuple[str, ...] = ()


class Channel(NamedTuple):
    """What a file says about a channel; the limits are None if it does not say them."""

    name: str = ""
    colour: Colour | None = None
    limits: Limits | None = None


class Scene(NamedTuple):
    """A scene (series, position) of a file; for most files, all that they hold.

    sizes: the length of each axis other than height, width and colour: CHANNEL, DEPTH, and any
        others, of which each index is a picture; their keys stand in its name: "t" gives NAME_t001.
    plane: decodes the plane at an index on every axis of `sizes`: (H, W) or RGB (H, W, 3) of any
        real dtype, upright, the brightest highest. Raises ValueError if it cannot be read.
    channels: one for each of CHANNEL, or none.
    limits_from, um_from: where the limits and um_per_pixel were found, in words.
    turn: the orientation of the stored pixels by EXIF, 1 (as shown) to 8; `plane` has applied it.
    icc: the profile of the colours, or None: they are sRGB.
    """

    sizes: Mapping[str, int]
    plane: Callable[[Mapping[str, int]], np.ndarray]
    channels: Sequence[Channel] = ()
    limits_from: str = ""
    um_per_pixel: float | None = None
    um_from: str = ""
    turn: int = 1
    icc: bytes | None = None


class Raw(NamedTuple):
    """A picture as the file holds it.

    pixels: (H, W) or RGB (H, W, 3), of any real dtype; the brightest is highest.
    limits: those the file states: one for all, one for each of three channels, or none.
    notes: what was assumed or done, in words.
    """

    pixels: np.ndarray
    limits: tuple[Limits, ...] = ()
    limits_from: str = ""
    um_per_pixel: float | None = None
    um_from: str = ""
    turn: int = 1
    icc: bytes | None = None
    notes: tuple[str, ...] = ()


class Part(NamedTuple):
    """A picture of a file: the number of its scene, and its place on the axes that name it."""

    scene: int
    at: dict[str, int]


def stated(bits: int) -> Limits | None:
    """The range of values of so many bits; None for 8 and 16, which are those of a whole type."""
    return (0, 2**bits - 1) if 8 < bits < 16 else None


def parts(scenes: Sequence[Scene]) -> Mapping[str, Part]:
    """The pictures of a file by what is added to its name: "_s01_t003"; "" if it is the only one.

    Scenes and places are counted from 1 in names.
    """
    return parts_of(tuple(tuple(scene.sizes.items()) for scene in scenes))


@lru_cache(maxsize=1)  # a film is asked for one of its thousands of frames after the other
def parts_of(scenes: tuple[tuple[tuple[str, int], ...], ...]) -> Mapping[str, Part]:
    """The same of the `sizes` of scenes."""
    found = {}
    for nth, sizes in enumerate(scenes):
        own = {axis: n for axis, n in sizes if axis not in (CHANNEL, DEPTH) and n > 1}
        prefix = numbered("s", nth, len(scenes)) if len(scenes) > 1 else ""
        for place in product(*map(range, own.values())):
            at = dict(zip(own, place, strict=True))
            name = "".join(numbered(axis, i, own[axis]) for axis, i in at.items())
            found[prefix + name] = Part(nth, at)
    return found


def numbered(axis: str, index: int, length: int) -> str:
    """An index, from 0, as part of a name; the names of one axis have one length."""
    digits = max(DIGITS.get(axis, 3), len(str(length)))
    return f"_{axis}{index + 1:0{digits}}"


def composed(scene: Scene, at: Mapping[str, int], asked: Asked) -> Raw:
    """The picture of a scene at a place (of `Part`): its channels and planes brought together.

    Raises Unclear with the option that answers it, if it is unclear which channels or planes
    are meant.
    """
    channels, said = chosen_channels(scene, asked.channels)
    planes, projected = chosen_planes(scene, asked.z)
    place = dict.fromkeys(scene.sizes, 0) | dict(at)

    def flattened(channel: int) -> np.ndarray:
        pixels = None
        for z in planes:
            where = place | {CHANNEL: channel} | {DEPTH: z}
            plane = scene.plane({axis: where[axis] for axis in scene.sizes})
            pixels = plane if pixels is None else np.fmax(pixels, plane)
        assert pixels is not None
        return pixels

    pictures = [flattened(channel) for channel in channels]
    if asked.channels and scene.sizes.get(CHANNEL, 1) == 1:
        pictures = [samples(pictures[0], asked.channels)]
    if len(pictures) > 1:
        if any(picture.ndim > 2 for picture in pictures):
            raise Unclear("holds channels that are colour pictures; choose one: --channels 1")
        if len({(picture.shape, picture.dtype) for picture in pictures}) > 1:
            raise Unclear("holds channels of different sizes; choose one: --channels 1")
    stated = [scene.channels[c].limits for c in channels] if scene.channels else [None]
    limits = tuple(each for each in stated if each is not None)
    if len(limits) < len(stated):
        limits = ()
    return Raw(
        np.dstack(pictures) if len(pictures) > 1 else pictures[0],
        limits[:1] if len(set(limits)) == 1 else limits,
        scene.limits_from,
        scene.um_per_pixel,
        scene.um_from,
        scene.turn,
        scene.icc,
        tuple(filter(None, (said, projected))),
    )


def chosen_channels(scene: Scene, asked: Sequence[int | str]) -> tuple[list[int], str]:
    """The channels to show, one or three (red, green, blue), and what was assumed.

    Raises Unclear if that cannot be told, or if there is no such channel.
    """
    number = scene.sizes.get(CHANNEL, 1)
    names = [channel.name for channel in scene.channels]
    if number == 1:
        return [0], ""
    if asked:
        return [position(each, number, names) for each in asked], f"channels {spelled(asked)}"
    if number == 3 and (order := by_colour([c.colour for c in scene.channels])):
        told = "" if any(c.colour for c in scene.channels) else "channels 1, 2, 3 as RGB"
        return order, told
    raise Unclear(
        f"holds {number} channels{listed(names)}, and it is unclear how to show them; choose one, "
        "or three as red, green and blue: --channels 1 or --channels 3,2,1"
    )


def samples(pixels: np.ndarray, asked: Sequence[int | str]) -> np.ndarray:
    """The channels asked for, one or three, of a picture that the file holds as one channel."""
    names = ("red", "green", "blue") if pixels.ndim > 2 else ("",)
    at = [position(each, len(names), names) for each in asked]
    every = pixels if pixels.ndim > 2 else pixels[..., None]
    return every[..., at] if len(at) > 1 else every[..., at[0]]


def spelled(asked: Sequence[int | str]) -> str:
    return ", ".join(map(str, asked))


def position(asked: int | str, number: int, names: Sequence[str]) -> int:
    """The index of a channel given by its number, from 1, or by its name."""
    if isinstance(asked, int) and 1 <= asked <= number:
        return asked - 1
    if names.count(str(asked)) == 1:  # a laser's wavelength is a name, too
        return names.index(str(asked))
    count = f"{number} channels{listed(names)}" if number > 1 else "one channel"
    raise Unclear(f"holds {count}, and none is {asked}; choose others with --channels")


def listed(names: Sequence[str]) -> str:
    return f" ({', '.join(names)})" if any(names) else ""


def by_colour(colours: Sequence[Colour | None]) -> list[int] | None:
    """The indices of the red, green and blue of three channels; None if their colours are others.

    Without colours, or if all have the same, they are red, green and blue in this order.
    """
    if len(set(colours)) <= 1:
        return [0, 1, 2]
    strongest = []
    for colour in colours:
        if colour is None or sorted(colour)[1] == max(colour):
            return None
        strongest.append(colour.index(max(colour)))
    return [strongest.index(c) for c in range(3)] if set(strongest) == {0, 1, 2} else None


def chosen_planes(scene: Scene, asked: int | None) -> tuple[list[int], str]:
    """The planes to take the maximum of, and what was assumed; Unclear if there is no such."""
    number = scene.sizes.get(DEPTH, 1)
    if asked is None:
        return [*range(number)], f"maximum of {number} planes" if number > 1 else ""
    if number == 1:
        return [0], ""
    if not 1 <= asked <= number:
        raise Unclear(f"holds {number} planes, and none is {asked}; choose another with --z")
    return [asked - 1], f"plane {asked} of {number}"
