"""Values of any type become 8 bits: by a range, which is never that of a single picture."""

from collections.abc import Sequence

import numpy as np

from darkfield.data.axes import Limits

PERCENTILES = (0.1, 99.9)
MOST_SAMPLES = 1 << 16  # values that a picture contributes to a range
NEARLY = 16  # below this part of a range a picture is black to the eye
ROWS = 512  # of a picture at a time
DIM = "dim in this range, as if of fewer bits"
GLARING = "glaring in this range, as if of more bits"


def to_bytes(pixels: np.ndarray, limits: Sequence[Limits]) -> np.ndarray:
    """Real values, (H, W) or (H, W, 3), as uint8 of the same shape: the limits as 0 and 255.

    `limits` are one (low, high) for all, or one for each of three channels; values beyond them are
    cut off, NaN is 0. If low is not below high, what exceeds low is 255.
    """
    if len(limits) > 1:
        bands = (to_bytes(pixels[..., c], [limits[c]]) for c in range(len(limits)))
        return np.dstack([*bands])
    ((low, high),) = limits
    if pixels.dtype.kind in "ui" and pixels.dtype.itemsize <= 2:
        every = np.iinfo(pixels.dtype)
        table = scaled(np.arange(every.min, every.max + 1), low, high)
        result: np.ndarray = table[pixels.astype(np.int32) - every.min if every.min else pixels]
        return result
    result = np.empty(pixels.shape, np.uint8)
    for top in range(0, len(pixels), ROWS):  # float64 of a large picture would fill the memory
        result[top : top + ROWS] = scaled(pixels[top : top + ROWS], low, high)
    return result


def scaled(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """uint8 of values: low as 0, high as 255."""
    width = high - low
    share = (values.astype(np.float64) - low) / width if width > 0 else (values > low) * 1.0
    share = np.nan_to_num(share, nan=0, posinf=1, neginf=0).clip(0, 1)
    return np.rint(share * 255).astype(np.uint8)


def sample(pixels: np.ndarray) -> np.ndarray:
    """At most about MOST_SAMPLES pixels of a picture, evenly spaced, as finite values (N,)."""
    step = max(1, int(np.ceil(np.sqrt(pixels.shape[0] * pixels.shape[1] / MOST_SAMPLES))))
    values = pixels[::step, ::step].ravel()
    return values[np.isfinite(values)] if values.dtype.kind == "f" else values


def pooled(samples: Sequence[np.ndarray]) -> Limits:
    """The range of the values of many pictures: PERCENTILES, so that no hot pixel decides it.

    If these are equal, the smallest and the largest value. Raises ValueError without any value.
    """
    values = np.concatenate(samples)
    if not len(values):
        raise ValueError("holds no finite value; replace it, or remove it")
    low, high = np.percentile(values, PERCENTILES)
    if low == high:
        low, high = values.min(), values.max()
    return float(low), float(high)


def ground(samples: Sequence[np.ndarray], limits: Limits) -> float | None:
    """The usual background of those of many pictures that reach a quarter of a range."""
    quarter = limits[0] + (limits[1] - limits[0]) / 4
    bright = (s for s in samples if len(s) and np.percentile(s, PERCENTILES[1]) >= quarter)
    medians = [np.median(s) for s in bright]
    return float(np.median(medians)) if medians else None


def remark(pixels: np.ndarray, limits: Limits, source: str, background: float | None) -> str:
    """What is to be said of a picture in the range of others; empty if nothing is.

    Raises ValueError if it would be all white, or black. It is black if what is brightest in it is
    darker than the `background` of the others: a field without cells has their background, a
    picture of far fewer bits has not. One of 10 bits beside 12 cannot be told from one that was
    taken in less light, so it is remarked on, not refused.
    """
    if not len(values := sample(pixels)):
        return ""
    low, high = limits
    dark, middle, bright = np.percentile(values, [PERCENTILES[0], 50, PERCENTILES[1]])
    black = background is not None and bright < min(background, low + (high - low) / NEARLY)
    if black or dark > high:
        raise ValueError(
            f"holds values of {dark:.6g} to {bright:.6g}, which would be "
            f"{'black' if black else 'white'} in the range {low:.6g} to {high:.6g} ({source}); if "
            "it is of another camera, read it by itself, or give --range LOW HIGH (params.yaml: "
            "range)"
        )
    if bright <= 2 * middle:  # a field without cells may be dim
        return ""
    return DIM if bright < high / 2 else GLARING if bright > 2 * high else ""
