"""Frames of films (MP4, MOV, AVI, MKV, WebM, MPEG, WMV, FLV), decoded in order by PyAV."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np

from darkfield.data.axes import TIME, Scene, Unclear
from darkfield.data.kinds import REMEDY
from darkfield.data.raster import refuse_large

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

Frame = Callable[[], np.ndarray]  # raises Unclear where the film is damaged


class Film(NamedTuple):
    """A file and what changes with its contents."""

    path: Path
    size: int
    time: int


class Playing(NamedTuple):
    """A film that is being read; `number`, from 0, is that of the frame that comes next."""

    film: Film
    number: int
    frames: Iterator[Frame]


playing: Playing | None = None  # the film read last, so that its next frame costs one decoding
turn = Lock()  # of the threads that read films


@contextmanager
def opened(path: Path) -> Iterator[list[Scene]]:
    """The only scene of a film; its axis "t" are the frames.

    Films are decoded from their start, which alone is exact with every codec: frames are cheap in
    ascending order, and expensive in any other. Raises ValueError with the reason and the remedy
    if the film cannot be read; so does the plane of a frame at which, or before which, the film is
    damaged.
    """
    status = path.stat()
    film = Film(path, status.st_size, status.st_mtime_ns)
    yield [Scene({TIME: count_frames(film)}, lambda at: read_frame(film, at[TIME]))]


@lru_cache(maxsize=1)  # one film's frames follow each other
def count_frames(film: Film) -> int:
    """The number of frames of a film, which is read, but not decoded."""
    with playable(film.path) as (container, stream):
        if count := sum(p.size > 0 and not p.is_discard for p in container.demux(stream)):
            return count
    raise Unclear("holds no frames; remove it")


def read_frame(film: Film, number: int) -> np.ndarray:
    """A frame, from 0, as players show it: RGB (H, W, 3), uint8, or uint16 if it has 16 bits."""
    global playing
    with turn:
        if playing is None or playing.film != film or playing.number > number:
            playing = Playing(film, 0, decoded(film.path))
        for at, frame in enumerate(playing.frames, playing.number):
            if at == number:
                playing = playing._replace(number=at + 1)
                return frame()
    raise AssertionError("decoded never ends")


def stop() -> None:
    """Forget the film read last."""
    global playing
    playing = None


os.register_at_fork(before=stop)  # a decoder waits for ever for threads that a fork has not


def decoded(path: Path) -> Iterator[Frame]:
    """The frames of a film, then, without end, the reason why there is none."""
    import av

    count, reason = 0, "ends"
    try:
        with playable(path) as (container, stream):
            # Decoders conceal damage otherwise, and what they invent may look like a cell.
            stream.codec_context.options = {"err_detect": "crccheck+bitstream+buffer+explode"}
            aspect = stream.sample_aspect_ratio or 1
            for frame in container.decode(stream):
                if frame.is_corrupt:
                    reason = "is damaged"
                    break
                yield partial(shown, frame, float(aspect))
                count += 1
    except (av.FFmpegError, ValueError):
        reason = "is damaged"
    while True:
        yield partial(refuse, f"{reason} after {count} frames; shorten it, or save it again")


def refuse(reason: str) -> NoReturn:
    raise Unclear(reason)


def shown(frame: "VideoFrame", aspect: float) -> np.ndarray:
    """A frame with its colours converted, its pixels made square, and turned as it says.

    `aspect` is the width of a pixel divided by its height.
    """
    deep = max(component.bits for component in frame.format.components) >= 16
    wide = round(frame.width * aspect)
    refuse_large(frame.height, wide)
    pixels = frame.to_ndarray(format="rgb48le" if deep else "rgb24", width=wide)
    return np.ascontiguousarray(np.rot90(pixels, frame.rotation // 90))


@contextmanager
def playable(path: Path) -> Iterator[tuple["InputContainer", "VideoStream"]]:
    """A film and its stream of pictures; raises ValueError if it cannot be opened or has none."""
    import av

    try:
        container: Any = av.open(f"file:{path}")  # the name "http:a.mp4" would mean a protocol
    except av.FFmpegError as error:
        raise ValueError(f"cannot be read ({error.strerror}); {REMEDY}") from error
    with container:
        streams = [s for s in container.streams.video if s.codec_context and not is_cover(s)]
        if not streams:
            raise Unclear("holds sound or data, but no film that can be decoded; remove it")
        yield container, streams[0]


def is_cover(stream: "VideoStream") -> bool:
    """Whether a stream is a still picture that players show beside a film or its sound."""
    from av.stream import Disposition

    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))
