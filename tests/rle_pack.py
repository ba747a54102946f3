"""Packs what darkfield.data.annotations.brushes unpacks, as thi.ng/rle-pack does."""

import itertools

import numpy as np


def packed(alpha: np.ndarray) -> list[int]:
    """The bytes of a brush, RGBA of (H, W) whose fourth channel is `alpha`, 0 to 255."""
    values = np.zeros((*alpha.shape, 4), np.uint8)
    values[..., 3] = alpha
    widths = (3, 4, 8, 16)  # of the lengths of runs
    bits = [f"{values.size:032b}", f"{8 - 1:05b}", *(f"{width - 1:04b}" for width in widths)]
    for value, run in itertools.groupby(values.ravel().tolist()):
        n = len(list(run))
        which = next(k for k, width in enumerate(widths) if n <= 2**width)
        if n > 1:
            bits.append(f"1{which:02b}{n - 1:0{widths[which]}b}{value:08b}")
        else:  # as a run of different values
            bits.append(f"0{0:02b}{0:0{widths[0]}b}{value:08b}")
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return [int(text[i : i + 8], 2) for i in range(0, len(text), 8)]
