"""No two classes have the same colour, nor the colour of what is not coloured."""

import numpy as np
import pytest
from pages import of_classes
from skimage.color import deltaE_ciede2000, rgb2lab

from darkfield.report.palette import BLACK, GREY, PALETTE, class_colours, rgb

NAMES = [f"class {k}" for k in range(255)]


def least_difference(colours):
    """CIEDE2000 of the two colours that are most alike; people see 1, if they look for it."""
    lab = rgb2lab(np.array([rgb(c) for c in colours])[None])[0]
    apart = deltaE_ciede2000(lab[:, None], lab[None])
    return apart[~np.eye(len(lab), dtype=bool)].min()


@pytest.mark.parametrize(("n", "least"), [(12, 14), (24, 12), (64, 7), (255, 3)])
def test_colours_differ(n, least):
    assert least_difference([BLACK, GREY, "#FFFFFF", *PALETTE[:n]]) >= least


def test_each_of_255_classes_has_a_colour_of_its_own():
    assert len(set(class_colours(of_classes(NAMES)).values())) == 255
    colours = class_colours(of_classes(NAMES, "class 7"))
    assert len(set(colours.values())) == 255 and colours["class 7"] == BLACK


def test_the_first_are_okabe_and_itos_after_the_background():
    spec = of_classes(["a", "none", "b"], "none")
    assert class_colours(spec, GREY) == {"a": "#E69F00", "none": GREY, "b": "#56B4E9"}


@pytest.mark.parametrize("names", [NAMES[:3], NAMES])
def test_a_chosen_colour_is_nobody_elses(names):
    chosen = {"class 0": PALETTE[1], "class 2": "#123456"}
    colours = class_colours(of_classes(names, colours=chosen))
    assert colours["class 0"] == PALETTE[1] and colours["class 2"] == "#123456"
    assert len(set(colours.values())) == len(names)
