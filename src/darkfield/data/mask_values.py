"""What the values of a mask mean: indices, greys, palettes or colours become class indices."""

import itertools

import cv2  # not where it is needed: two threads that import it at once may fail
import numpy as np
from PIL import Image

from darkfield.classes import IGNORE, INSTANCES, VOID, class_names
from darkfield.data.images import DEEP, tag
from darkfield.data.pixels import histogram
from darkfield.data.raster import opaque

MOST = np.iinfo(np.uint16).max  # objects in a mask
RIM, THIN = 0.25, 1.2  # where interpolation begins, see refuse_smoothed
SPECK, FEW = 2, 10  # pixels; specks that say nothing, see refuse_specks
COLOUR = 1 << 24  # marks a code as a colour, as opposed to a grey value
PHOTOMETRIC = 262  # a tag of TIFF
LOSSY = ("jpeg", "tiff_jpeg", "webp", "jp2000")  # compressions of a TIFF


def code(value: str) -> int:
    """The code of a key of data.mask_values: grey values as they are, "#7f7f7f" is grey 127."""
    if not value.startswith("#"):
        return int(value)
    return int(colour_codes(*np.frombuffer(bytes.fromhex(value[1:]), np.uint8)))


def spelled(value: int) -> str:
    """The key of data.mask_values that has this code."""
    return str(value) if value < COLOUR else f"#{value - COLOUR:06x}"


def colour_codes(r: np.ndarray, g: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The codes of uint8 channels; three of equal value are a grey."""
    r, g, b = (c.astype(np.int32) for c in (r, g, b))
    return np.where((r == g) & (g == b), r, COLOUR | r << 16 | g << 8 | b)


def codes(mask: Image.Image, known: set[int]) -> np.ndarray:
    """Integer codes (H, W) of a decoded mask: a grey value, a palette index, or a colour.

    `known` are the codes of data.mask_values, which decide between two readings of one mask.
    RGB pixels with three equal channels are grey values. Raises ValueError for a mask that can be
    read in no way, or in several.
    """
    refuse_unsound(mask)
    if mask.mode == "1":
        return one_bit(mask, known)
    if mask.mode == "P":  # the indices of a palette are valid whether they are shown or not
        return palette_codes(mask, known)
    mask = opaque(mask)
    if mask.mode == "RGB":
        r, g, b = (np.asarray(band) for band in mask.split())  # faster than strides of three
        if np.array_equal(r, g) and np.array_equal(g, b):
            return r
        return colour_codes(r, g, b)
    pixels = np.asarray(mask)
    if pixels.ndim != 2 or pixels.dtype.kind not in "ui":
        raise ValueError(f"is a {mask.mode} picture; save it as grey, palette or RGB")
    return pixels


def refuse_unsound(mask: Image.Image) -> None:
    """Raise ValueError if a mask's file format may have changed its values."""
    compression = mask.info.get("compression") if mask.format == "TIFF" else None
    if mask.format in ("JPEG", "MPO", "WEBP", "JPEG2000", "AVIF") or compression in LOSSY:
        kind = mask.format if compression is None else compression
        raise ValueError(f"is a {kind} picture, which changes values; save it as PNG")
    if mask.info.get(DEEP):
        raise ValueError("has 16 bits per channel, of which 8 would be read; save it with 8")
    if tag(mask, PHOTOMETRIC) == 0:
        raise ValueError(
            "declares white as zero, which not all programs respect; save it as PNG and check it"
        )


def one_bit(mask: Image.Image, known: set[int]) -> np.ndarray:
    """Codes of a one-bit mask, whose white may be any class unless there is only one."""
    for white in (1, 255):
        if known == {0, white}:
            return np.asarray(mask).astype(np.uint8) * np.uint8(white)
    raise ValueError(
        "has one bit per pixel, which does not tell the class; save it as grey with the values of "
        "data.mask_values (only with two, 0 and 1 or 0 and 255, is white the second)"
    )


def palette_codes(mask: Image.Image, known: set[int]) -> np.ndarray:
    """Codes of a palette mask: its colours if `known` has any, else its indices.

    If the palette consists of greys that are all known, people see these: then the indices are
    used only if they mean the same. Raises ValueError if they do not.
    """
    indices = np.asarray(mask)
    used = np.flatnonzero(histogram(indices))
    palette = np.zeros((256, 3), np.uint8)
    shown: np.ndarray = np.reshape(mask.getpalette("RGB") or [], (-1, 3))
    palette[: len(shown)] = shown
    colours = colour_codes(*palette.T)
    if max(known) >= COLOUR:
        return np.asarray(colours[indices])
    if not known.issuperset(colours[used].tolist()):
        return indices
    if not known.issuperset(used.tolist()):
        return np.asarray(colours[indices])
    if (colours[used] != used).any():
        raise ValueError(
            "has a palette of greys in another order: its indices say one class, its greys "
            "another; save it as grey"
        )
    return indices


def flatten(
    mask: Image.Image,
    mask_values: dict[str, str],
    classes: dict[str, int],
    *,
    check: bool = True,
) -> np.ndarray:
    """Class indices, uint8 (H, W), of a mask of open_mask.

    `mask_values` maps a grey value ("2") or a colour ("#00ff00") to a class name, `classes` that to
    its index; IGNORE becomes VOID. INSTANCES maps all other values, of which 0 is the class of
    index 0 unless it is named. Raises ValueError with the values that `mask_values` does not have,
    for a mask whose values may mean something else, see codes, and, if `check`, for one that looks
    interpolated.
    """
    table = table_of(mask_values, classes)
    pixels = codes(mask, set(table))
    known = np.array(sorted(table))
    index = np.array([table[k] for k in known], dtype=np.uint8)
    is_8_bit = pixels.dtype == np.uint8
    values = np.flatnonzero(histogram(pixels)) if is_8_bit else np.unique(pixels)
    if INSTANCES in mask_values:
        others = np.setdiff1d(values, known)
        if check:
            refuse_specks(pixels, others)
        known = np.concatenate([known, others])
        index = np.append(index, np.full(len(others), classes[mask_values[INSTANCES]], np.uint8))
        order = known.argsort()
        known, index = known[order], index[order]
    elif len(strange := np.setdiff1d(values, known)):
        raise ValueError(unnamed(pixels, values, strange, classes))
    elif pixels.dtype.kind in "ui" and mask.mode.startswith("I"):
        refuse_instances(pixels, np.setdiff1d(values, known[index == VOID]))
    if is_8_bit:
        if check and INSTANCES not in mask_values:  # numbers have no order
            refuse_smoothed(pixels, np.setdiff1d(values, known[index == VOID]))
        lookup = np.zeros(256, dtype=np.uint8)
        lookup[known[known < 256]] = index[known < 256]
        return lookup.take(pixels)
    return index[np.searchsorted(known, pixels)]


def table_of(mask_values: dict[str, str], classes: dict[str, int]) -> dict[int, int]:
    """The class index of each code, VOID for IGNORE; with INSTANCES, 0 has one too."""
    indices = classes | {IGNORE: VOID}
    named = {code(v): indices[name] for v, name in mask_values.items() if v != INSTANCES}
    return {0: 0} | named if INSTANCES in mask_values else named


def numbered(
    mask: Image.Image,
    mask_values: dict[str, str],
    classes: dict[str, int],
    background: int | None = 0,
) -> np.ndarray | None:
    """The numbers of objects, uint16 (H, W) from 1, 0 for none, of a mask with INSTANCES.

    None if `mask_values` has no INSTANCES, or the mask a class beside it and the index
    `background`, whose objects nobody knows.
    Raises ValueError if 16 bits cannot number them.
    """
    if INSTANCES not in mask_values:
        return None
    table = table_of(mask_values, classes)
    values, place = np.unique(codes(mask, set(table)), return_inverse=True)
    if {table.get(int(value), VOID) for value in values} - {background, VOID}:
        return None
    is_object = np.array([int(value) not in table for value in values])
    if is_object.sum() > MOST:
        raise ValueError(f"numbers {is_object.sum():,} objects; cut it into parts of {MOST:,}")
    numbers = np.where(is_object, is_object.cumsum(), 0).astype(np.uint16)
    return numbers[place].reshape(mask.height, mask.width)


def unnamed(
    pixels: np.ndarray, values: np.ndarray, strange: np.ndarray, classes: dict[str, int]
) -> str:
    """What to say of a mask with values that data.mask_values does not name, `strange`."""
    names = ", ".join(map(spelled, strange[:5])) + (", ..." if len(strange) > 5 else "")
    steps = np.rint(np.linspace(0, 255, len(classes)))
    if len(values) == len(steps) and (abs(values - steps) <= 1).all():
        pairs = (f'"{v}": {n}' for v, n in zip(values, class_names(classes), strict=True))
        hint = f"; {{{', '.join(pairs)}}} would fit"
    elif each_one_object(pixels, values):
        hint = "; if each is an object, say so: {instances: CLASS}"
    elif len(values) > 2 * len(classes) and values[-1] < COLOUR:
        hint = "; if its edges are smooth, save it without interpolation or anti-aliasing"
    else:
        hint = ""
    return (
        f"has values that data.mask_values does not name: {names}; name them, or correct the mask"
        + hint
    )


def each_one_object(pixels: np.ndarray, values: np.ndarray) -> bool:
    """Whether the values of a mask above 0 count from 1, and each is in one piece."""
    objects = values[values > 0]
    if not 1 < len(objects) == objects[-1]:
        return False
    parts = (cv2.connectedComponents((pixels == v).astype(np.uint8))[0] - 1 for v in objects)
    return all(n == 1 for n in parts)


def refuse_instances(pixels: np.ndarray, values: np.ndarray) -> None:
    """Raise ValueError if each value of a mask of more than 8 bits marks a single object.

    Programs that number objects write 16 or 32 bits; a class usually has many objects.
    """
    if each_one_object(pixels, values):
        raise ValueError(
            "has more than 8 bits and one object per value, as if they were numbered; name "
            "instances: CLASS in data.mask_values, or save its classes, with 8 bits"
        )


def refuse_specks(pixels: np.ndarray, numbers: np.ndarray) -> None:
    """Raise ValueError if the numbers of objects lie in specks, as edges of outlines drawn smooth.

    Of such values each is in many places, of a pixel or two. An object may lie in pieces, but
    larger ones, behind others.
    """
    from skimage.measure import label

    parts = label(np.where(np.isin(pixels, numbers), pixels, 0), background=0)
    sizes = np.bincount(parts.ravel())[1:]
    more = min(int((sizes <= SPECK).sum()), len(sizes) - len(numbers))
    if more > max(FEW, len(numbers) / 2):
        raise ValueError(
            f"has {len(numbers)} values in {len(sizes):,} pieces, as if its edges were smooth, "
            "not as objects are numbered; save it without interpolation or anti-aliasing"
        )


def refuse_smoothed(pixels: np.ndarray, values: np.ndarray) -> None:
    """Raise ValueError if a value often borders on the lowest through a thin rim of one between.

    Interpolation leaves such a rim, of values about halfway. On the real masks a spirochaete's rim
    has the value of cells on 2 % at most, and on 18 to 97 % if they are scaled; where cells cause
    it, they reach further.
    """
    low, *others = values.tolist() or [0]
    for between, high in itertools.combinations(others, 2):
        if not 1 / 4 < (between - low) / (high - low) < 3 / 4:
            continue  # of many classes, any may lie thinly around another
        inside = (pixels == high).astype(np.uint8)
        near, far = (cv2.dilate(inside, np.ones((n, n), np.uint8)) for n in (3, 7))
        rim = share_of(near > inside, pixels == between)
        beyond = share_of(far > near, pixels == low)
        if RIM < rim > THIN - beyond:
            raise ValueError(
                f"has thin rims of {between} between {high} and {low}, as if it had been scaled "
                "with interpolation; scale it by nearest neighbour, or set data.check_masks: false"
            )


def share_of(where: np.ndarray, there: np.ndarray) -> float:
    """The share of the pixels `where` that are `there`, both bool (H, W); 0 of none."""
    return int(np.count_nonzero(where & there)) / max(1, int(np.count_nonzero(where)))
