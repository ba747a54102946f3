"""The colours of all figures: Okabe and Ito's (2008), which colour-blind readers can tell apart."""

import numpy as np

COLOURS = ["#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#CC79A7", "#D55E00", "#0072B2"]
GREY = "#7F7F7F"  # for a background that is drawn
HATCH = "#FFFFFF"  # of void
MISSED, INVENTED, CONFUSED = "#0072B2", "#D55E00", "#F0E442"
SPLITS = {"train": ("#0072B2", "-"), "val": ("#009E73", ":"), "test": ("#D55E00", "--")}


def class_colours(n: int, background: str = COLOURS[0]) -> list[str]:
    """The colours, "#rrggbb", of n classes, background first; from the ninth on they repeat."""
    return [background, *(COLOURS[i % len(COLOURS)] for i in range(1, n))]


def rgb(colour: str) -> np.ndarray:
    """A colour "#rrggbb" as uint8 (3,)."""
    return np.frombuffer(bytes.fromhex(colour[1:]), dtype=np.uint8)
