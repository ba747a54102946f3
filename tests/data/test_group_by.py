"""Groups by names, columns and fields, joined; sequences recognised by their numbers."""

import re

import pandas as pd
import pytest

from darkfield.data.group_by import (
    column_of,
    joined,
    keys_of,
    named,
    sequence_pattern,
    torn_sequences,
)
from darkfield.files import UserError

DRIVES = {"0001TP_": 6, "0006R0_f": 8, "0016E5_": 9, "Seq05VD_f": 7}  # as in CamVid
FILMS = [f"{drive}{30 * i:05}" for drive, n in DRIVES.items() for i in range(n)]


def sides(names, every=6):
    """A table of images, of which every sixth tests."""
    return pd.DataFrame(
        {"image": names, "split": ["train" if i % every else "test" for i in range(len(names))]}
    )


def test_a_group_is_what_fields_or_keys_put_together():
    fields = [0, 0, 1, 2, 3, 4]
    assert joined(fields, ["x", "y", "y", "z", "w", "z"]) == [0, 0, 0, 1, 2, 1]
    assert joined(fields, list("abcdef")) == fields
    assert joined(list(range(6)), list("zzyxyx")) == [0, 0, 1, 2, 1, 2]


def test_a_pattern_names_the_film_of_each_image():
    assert named(r"_p(\d+)", ["a_p1", "b_p12", "c_p1"]) == ["1", "12", "1"]
    with pytest.raises(UserError, match=r"split\.group_by: b, c_p are not matched by _p\(\\d\+\)"):
        named(r"_p(\d+)", ["a_p1", "b", "c_p"])


def test_keys_are_of_a_pattern_or_of_a_column():
    own = pd.DataFrame({"image": ["a1", "b1"], "patient": ["x", "y"]})
    assert column_of(r"_p(\d+)") is column_of(None) is None
    assert column_of("patient") == "patient"
    assert keys_of("patient", ["a1", "b1"], own) == ["x", "y"]
    assert keys_of("(.)$", ["a1", "b1"], own) == ["1", "1"]
    assert keys_of(None, ["a1", "b1"], own) is None


@pytest.mark.parametrize("ending", ["", "_leftImg8bit", "L"])
def test_the_drives_of_camvid_are_sequences(ending):
    names = [name + ending for name in FILMS]
    assert torn_sequences(sides(names)) == len(DRIVES)
    pattern = sequence_pattern(names)
    assert re.compile(pattern).groups == 1
    assert set(named(pattern, names)) == set(DRIVES)


def test_a_sequence_on_one_side_is_none_that_is_torn():
    table = sides(FILMS)
    table["split"] = table["image"].map(lambda name: "test" if name.startswith("Seq") else "train")
    assert torn_sequences(table) == 0
    table.loc[0, "split"] = "test"
    assert torn_sequences(table) == 1


@pytest.mark.parametrize(
    "names",
    [
        [f"{i:03}" for i in range(40)],
        [f"image_{i}" for i in range(40)],
        [f"{i:02}_{part}" for i in range(20) for part in "ab"],
        [f"slide{i}_{part}" for i in range(10) for part in range(4)],
        [*(f"cell{i}" for i in range(5)), *(f"x{i}_a_{i}" for i in range(40))],
        ["one"],
    ],
    ids=lambda names: names[0],
)
def test_numbers_of_independent_pictures_are_no_sequences(names):
    assert torn_sequences(sides(names)) == 0
