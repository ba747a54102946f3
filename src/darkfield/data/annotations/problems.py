"""What is wrong with annotations: all of it at once, one line each."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from pydantic import ValidationError

T = TypeVar("T")
R = TypeVar("R")
MOST = 5  # lines about one item that does not have its program's form


class Problems(ValueError):
    """Several things that are wrong with one file."""

    def __init__(self, lines: Iterable[str]):
        self.lines = list(lines)
        super().__init__("\n".join(self.lines))


def lines_of(error: ValueError) -> list[str]:
    """What is wrong, one line each."""
    if isinstance(error, Problems):
        return error.lines
    if isinstance(error, ValidationError):
        return [
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}; export it again"
            for each in error.errors(include_url=False)[:MOST]
        ]
    return [str(error)]


def of_each(items: Iterable[T], make: Callable[[T], R], what: str = "shape") -> list[R]:
    """What `make` makes of each item; raises Problems with all that it raises ValueError for.

    `what` is the word for an item, which is followed by its number, from 1.
    """
    made: list[R] = []
    lines: list[str] = []
    for n, item in enumerate(items, 1):
        try:
            made.append(make(item))
        except ValueError as error:
            lines += [f"{what} {n}: {line}" for line in lines_of(error)]
    if lines:
        raise Problems(lines)
    return made


def no_area(label: str, kind: str) -> ValueError:
    """For a point, a line, or whatever else encloses no pixels."""
    return ValueError(f"{label!r} is a {kind}, which has no area; draw its outline")
