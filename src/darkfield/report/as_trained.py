"""New pictures are read, scaled and, if asked, resized as those that the model was trained on."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from darkfield.data.axes import Asked
from darkfield.data.raster import MOST_PIXELS, TOO_LARGE
from darkfield.data.reading import How, Ranges, in_words
from darkfield.files import UserError
from darkfield.network.spec import ModelSpec, Reading
from darkfield.report.unfamiliar import warned

MUCH = 1.5  # between two sizes of a pixel: a model that has not seen it misses objects


def as_trained(asked: Asked, known: Reading) -> Asked:
    """How pictures are read: as asked, and else as those that the model was trained on."""
    return Asked(
        asked.channels or known.channels,
        asked.z or known.z,
        asked.limits or known.limits,
        () if asked.limits else known.dtypes,
    )


def as_before(how: How, ranges: Ranges) -> bool:
    """Whether a picture that was read so would now be scaled by the same range."""
    return how.limits is None or ranges(how.dtype).limits == tuple(how.limits)


def trained_scale(spec: ModelSpec) -> float:
    """The micrometres per pixel of a model's training pictures.

    Raises UserError if it is not known, or if the model resizes pictures to a size of its own.
    """
    if spec.image_size != "native":
        h, w = spec.image_size
        raise UserError(f"rescale: the model resizes every picture to {w}x{h} anyway; leave it out")
    if spec.reading.um_per_pixel is None:
        raise UserError(
            "rescale: the model does not say what size of a pixel it was trained on; leave it out"
        )
    return spec.reading.um_per_pixel


def zoom_to(um_per_pixel: float, own: float | None, image: np.ndarray) -> float:
    """How many times larger a picture becomes if its pixels have `um_per_pixel`, and not their own.

    Raises ValueError if its own are unknown, or if it would become too large.
    """
    if own is None:
        raise ValueError(
            "does not say how large its pixels are, so it cannot be rescaled; say it by "
            "--um-per-pixel, or leave --rescale out"
        )
    zoom = own / um_per_pixel
    if image.shape[0] * image.shape[1] * zoom**2 > MOST_PIXELS:
        raise ValueError(f"rescaled by {zoom:.3g}, {TOO_LARGE}")
    return zoom


def remarks(counts: pd.DataFrame, model: ModelSpec, *, rescaled: bool) -> Iterator[str]:
    """What is to be said once of all pictures of counts.csv, one line each."""
    if how := in_words(counts["read"]):
        yield f"read: {how}"
    if not rescaled and (line := of_other_scale(counts, model.reading.um_per_pixel)):
        yield line
    yield from uncalibrated(model)
    if line := warned(counts):
        yield line


def uncalibrated(model: ModelSpec) -> Iterator[str]:
    """A line on the classes whose counts a model does not correct, and one on those that it
    corrects as an earlier model did, if there are any."""
    known = model.calibration.objects if model.calibration else {}
    if names := [name for name in model.kinds if name not in known]:
        yield (
            f"counts of {', '.join(names)} are not calibrated, since the model's val images held "
            "too few: every object found is counted, real or not, and none has a confidence "
            "(docs/confidence.md)"
        )
    if names := [name for name, of in known.items() if of.spread is None]:
        yield (
            f"counts of {', '.join(names)} have no interval, and their confidence is that of the "
            "model that the training started from, since the model's own val images held too few "
            "(docs/confidence.md)"
        )


def of_other_scale(counts: pd.DataFrame, um_per_pixel: float | None) -> str:
    """One line on the pictures of counts.csv whose pixels differ by MUCH from `um_per_pixel`.

    Empty if there are none, or if nothing is known.
    """
    if um_per_pixel is None:
        return ""
    times = counts["um_per_pixel"].astype(float) / um_per_pixel
    other = counts["um_per_pixel"][np.maximum(times, 1 / times) >= MUCH]
    if other.empty:
        return ""
    sizes = " to ".join(f"{um:.4g}" for um in sorted({other.min(), other.max()}))
    return (
        f"{len(other)} of {len(counts)} pictures have {sizes} micrometres per pixel, the model was "
        f"trained on {um_per_pixel:.4g}, so that their counts may mean nothing; --rescale brings "
        "them to the model's"
    )
