"""Labels become classes: by name, by pattern, by value; what is unknown is listed."""

import numpy as np
import pytest

from darkfield.data.annotations.drawing import Patch, Region
from darkfield.data.annotations.names import classified, parse, unknown
from darkfield.files import UserError

CLASSES = {"background": 0, "erythrocyte": 1, "spirochaete": 2}


def region(label, is_object=True):
    return Region(label, Patch(0, 0, np.ones((1, 1), bool)), is_object)


@pytest.mark.parametrize(
    ("label", "options", "index"),
    [
        ("Erythrocyte ", [], 1),
        ("RBC", [], None),
        ("RBC", ["rbc=Erythrocyte"], 1),
        ("a=b", ["a=b=spirochaete"], 2),
        ("cell 12", ["cell*=erythrocyte"], 1),
        ("artefact", ["artefact=ignore"], 255),
        ("", ["*=spirochaete"], 2),
        ("erythrocyte", ["*=spirochaete"], 2),
        ("spirochaete", ["spiro*=spirochaete", "*=erythrocyte"], 2),
    ],
)
def test_labels(label, options, index):
    found = classified(region(label), parse(options, CLASSES), CLASSES)
    assert (found and found[0]) == index


@pytest.mark.parametrize(
    ("value", "options", "expected"),
    [
        ("0", [], (0, False)),
        ("0", ["0=erythrocyte"], (1, False)),
        ("2", ["2=spirochaete"], (2, False)),
        ("1", ["1=background", "2=erythrocyte"], (0, False)),
        ("7", ["instances=erythrocyte"], (1, True)),
        ("7", ["7=spirochaete", "instances=erythrocyte"], (2, False)),
        ("7", ["*=erythrocyte"], None),
        ("7", ["2=spirochaete"], None),
    ],
)
def test_values_of_label_images(value, options, expected):
    found = classified(region(value, False), parse(options, CLASSES), CLASSES)
    assert (found and (found[0], found[1].is_object)) == expected


def test_zero_in_a_label_image_is_no_class_unless_it_is_the_background():
    classes = {"erythrocyte": 0, "background": 1}
    table = parse(["instances=erythrocyte"], classes)
    assert classified(region("0", False), table, classes, 1) is None
    assert classified(region("0", False), parse(["0=background"], classes), classes, 1)[0] == 1


def test_all_options_that_are_wrong_are_named():
    with pytest.raises(UserError) as error:
        parse(["RBC", "RBC=cell", "WBC=erythrocyte"], CLASSES)
    names = ", ".join(CLASSES)
    assert str(error.value).split("\n") == [
        "--label RBC: write it as LABEL=CLASS",
        f"--label RBC=cell: 'cell' is no class of data.classes ({names})",
    ]


@pytest.mark.parametrize(
    ("regions", "words"),
    [
        ([region("RBC"), region("WBC"), region("RBC")], "does not name: 'RBC', 'WBC'; map them"),
        ([region("")], "has objects of no class; say which: --label '*=erythrocyte'"),
        ([region("0", False)], "the value 0; say what it is: --label 0=ignore, or the name of a"),
        (
            [region(str(n), False) for n in range(1, 9)],
            "holds the values 1, 2, 3, 4, 5, ...; say what they are: --label 8=erythrocyte for the "
            "class of a value, or --label instances=erythrocyte if each is an object",
        ),
    ],
)
def test_what_is_said_of_the_unknown(regions, words):
    assert words in unknown(regions, CLASSES)
