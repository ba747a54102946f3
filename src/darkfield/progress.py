"""The progress of a long loop: a bar in a terminal; in a job, which has none, log lines."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import Any, TypeVar

from tqdm import tqdm

T = TypeVar("T")
EVERY = 10  # seconds between lines
log = logging.getLogger("darkfield")


class Pace:
    """Estimates how much longer `total` steps will take, of which `done` were done before."""

    def __init__(self, total: int, done: int = 0):
        self.total, self.before = total, done
        self.start = self.told = time.monotonic()

    def left(self, done: int) -> str:
        """The time left after `done` steps, in words: 04:12 left."""
        each = (time.monotonic() - self.start) / max(1, done - self.before)
        return f"{tqdm.format_interval(each * (self.total - done))} left"

    def tell(self, done: int, text: str, *values: Any) -> None:
        """Log a text and the time left, at most once every EVERY seconds."""
        if time.monotonic() - self.told >= EVERY:
            self.told = time.monotonic()
            log.info(f"{text}, %s", *values, self.left(done))


def progress(items: Iterable[T], unit: str, total: int | None = None) -> Iterator[T]:
    """The items, one by one, while logging their number; give `total` if they have no length."""
    if total is None:
        assert isinstance(items, Sized)
        total = len(items)
    if sys.stderr.isatty():
        yield from tqdm(items, unit=unit, total=total)
        return
    pace = Pace(total)
    for done, item in enumerate(items, start=1):
        yield item
        pace.tell(done, "%s %d of %d", unit, done, total)
