"""What somebody painted, and the objects that they meant."""

import numpy as np
import pytest

from darkfield.classes import VOID
from darkfield.data.images import write_png
from darkfield.data.instances import read_numbers
from darkfield.objects.repainted import Painted, renumbered


def grid(*rows: str) -> np.ndarray:
    return np.array([[int(c) for c in row] for row in rows], np.int32)


CLASSES = grid(
    "0000000000",
    "0111100220",
    "0111100220",
    "0111100000",
)
NUMBERS = CLASSES  # of each class, there is one object
BEFORE = Painted(CLASSES.astype(np.uint8), NUMBERS)


def after(*rows: str, numbers=None) -> list[str]:
    """The numbers, row by row, if `rows` are the classes, and `numbers`, or NUMBERS, were drawn."""
    indices = grid(*rows).astype(np.uint8)
    found = renumbered(Painted(indices, NUMBERS if numbers is None else numbers), BEFORE, 0)
    assert ((found > 0) == (indices > 0)).all()
    return ["".join(map(str, row)) for row in found]


def test_nothing_changed():
    assert (renumbered(BEFORE, BEFORE, 0) == NUMBERS).all()


def test_what_touches_an_object_joins_it_and_what_does_not_is_a_new_one():
    assert after("0010000001", "0111100220", "0111100220", "0111102200") == [
        *("0010000002", "0111100330", "0111100330", "0111103300")
    ]


def test_an_object_cut_in_two_is_two_even_if_corners_touched():
    assert after("0000000000", "0101100220", "0101100220", "0101100000") == [
        *("0000000000", "0102200330", "0102200330", "0102200000")
    ]


def test_a_filament_across_a_cell_leaves_it_one_cell_and_is_one_filament():
    assert after("0000000000", "0111100220", "2222200220", "0111100000") == [
        *("0000000000", "0111100220", "3333300220", "0111100000")
    ]


def test_an_object_of_another_class_is_an_object_of_its_own():
    assert after("0000000000", "0222200220", "0222200220", "0222200000") == [
        *("0000000000", "0222200110", "0222200110", "0222200000")
    ]


def test_erased_objects_leave_no_gap():
    assert after("0000000000", "0000000220", "0000000220", "0000000000")[1] == "0000000110"


def test_numbers_that_were_painted_split_and_merge():
    split = NUMBERS.copy()
    split[1:, 3:5] = 7
    classes = ("0000000000", "0111100220", "0111100220", "0111100000")
    assert after(*classes, numbers=split)[1] == "0112200330"
    split[split == 7] = 1
    assert after(*classes, numbers=split)[1] == "0111100220"


def test_a_number_on_the_background_is_none():
    numbers = NUMBERS.copy()
    numbers[0] = 1
    assert after("0000000000", "0111100220", "0111100220", "0111100000", numbers=numbers)[0] == (
        "0000000000"
    )


def test_without_a_background_every_class_has_objects():
    every = Painted(grid("0011", "0011").astype(np.uint8), grid("0000", "0000"))
    assert renumbered(every, every, None).tolist() == [[1, 1, 2, 2], [1, 1, 2, 2]]


@pytest.mark.parametrize("seed", range(5))
def test_whatever_is_painted_no_object_has_two_classes(seed, tmp_path):
    rng = np.random.default_rng(seed)
    indices = [rng.integers(0, 4, (20, 30)).astype(np.uint8) for _ in range(2)]
    numbers = [rng.integers(0, 9, (20, 30)) for _ in range(2)]
    before = Painted(
        indices[0], renumbered(Painted(indices[0], numbers[0]), Painted(indices[0], numbers[0]), 0)
    )
    found = renumbered(Painted(indices[1], numbers[1]), before, 0)
    assert VOID not in indices[1]
    assert np.unique(found).tolist() == list(range(found.max() + 1))
    write_png(tmp_path / "a.png", found.astype(np.uint16))
    assert (read_numbers(tmp_path / "a.png", indices[1]) == found).all()
