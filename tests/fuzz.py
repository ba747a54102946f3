"""Fuzz the reader of pictures and params.yaml: `python tests/fuzz.py SECONDS`, `make fuzz`.

Hypothesis mutates right pictures and right params, and shrinks what it finds. A picture is read or
refused with a ValueError, params are taken or refused with a UserError; all else is a finding.
"""

import argparse
import io
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import tifffile
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from PIL import Image

from darkfield.data.images import open_image, read_image
from darkfield.data.mask_values import flatten
from darkfield.data.reading import pictures_of
from darkfield.files import UserError, unruly
from darkfield.validation import check, load

ROOT = Path(__file__).parent.parent
RIGHT = (ROOT / "params.yaml").read_text()
CLASSES = {"background": 0, "erythrocyte": 1, "spirochaete": 2}
VALUES = {"0": "background", "1": "erythrocyte", "#0000ff": "spirochaete"}
BATCH = 50  # examples between two looks at the clock


def seeds() -> list[tuple[str, bytes]]:
    """Small right pictures of every kind that we read, with their endings."""
    grey = np.random.default_rng(0).integers(0, 3, (9, 11), dtype=np.uint8)
    rgb = Image.fromarray(np.dstack([grey * 90, grey, grey]))
    found = []
    for mode in ("RGB", "RGBA", "L", "LA", "P", "1", "I;16"):
        picture = Image.fromarray(grey.astype(np.uint16)) if mode == "I;16" else rgb.convert(mode)
        found.append((".png", written(picture, "PNG")))
    for mode in ("RGB", "CMYK", "L"):
        found.append((".jpg", written(rgb.convert(mode), "JPEG")))
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits", "group4"):
        picture = rgb.convert("1") if compression == "group4" else rgb
        found.append((".tif", written(picture, "TIFF", compression=compression)))
    planes = np.stack([grey, grey, grey]).astype(np.uint16)
    for options in ({"imagej": True}, {"ome": True}, {"compression": "zstd", "tile": (16, 16)}):
        file = io.BytesIO()
        tifffile.imwrite(file, planes, photometric="minisblack", **options)
        found.append((".tif", file.getvalue()))
    two = written(rgb, "TIFF", save_all=True, append_images=[rgb])
    return [
        *found,
        (".tif", two),
        (".png", written(rgb, "PNG", save_all=True, append_images=[rgb])),
    ]


def written(picture: Image.Image, form: str, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


SEEDS = seeds()


@st.composite
def pictures(draw) -> tuple[str, bytes]:
    """A picture in which some bytes are others, some are gone, or some are there twice."""
    ending, data = draw(st.sampled_from(SEEDS))
    data = bytearray(data)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.sampled_from(["byte", "bytes", "cut", "gone", "twice"])):
            case "byte":
                data[at : at + 1] = bytes([draw(st.integers(0, 255))])
            case "bytes":
                new = draw(st.binary(min_size=1, max_size=8))
                data[at : at + len(new)] = new
            case "cut":
                del data[at:]
            case "gone":
                del data[at : at + draw(st.integers(1, 16))]
            case "twice":
                data[at:at] = data[at : at + draw(st.integers(1, 64))]
    return ending, bytes(data)


def read_picture(folder: Path, example: tuple[str, bytes]) -> None:
    ending, data = example
    path = folder / f"a{ending}"
    path.write_bytes(data)
    for part in pictures_of(path)[:3]:
        with suppress(ValueError):
            pixels = read_image(path, part)
            assert (pixels.dtype, pixels.ndim) == (np.uint8, 3)
    with suppress(ValueError):
        mask = open_image(path)
        pixels = flatten(mask, VALUES, CLASSES)
        assert pixels.dtype == np.uint8
        assert pixels.shape == mask.size[::-1]


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.dates()
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SCALARS, inner, max_size=4),
    max_leaves=8,
)


@st.composite
def settings_files(draw) -> str:
    """params.yaml with other values in some places, other keys, or other text."""
    tree = yaml.safe_load(RIGHT)
    for _ in range(draw(st.integers(1, 4))):
        section = draw(st.sampled_from(list(tree)))
        inner = tree[section]
        if isinstance(inner, dict) and inner and draw(st.booleans()):
            key = draw(st.sampled_from(list(inner)) | SCALARS)
            inner[key] = draw(TREES)
        else:
            tree[section] = draw(TREES)
    text = yaml.safe_dump(tree, allow_unicode=True)
    if draw(st.booleans()):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.text(max_size=6)) + text[at + draw(st.integers(0, 6)) :]
    return text


def read_params(folder: Path, text: str) -> None:
    path = folder / "params.yaml"
    path.write_bytes(text.encode(errors="surrogatepass"))
    try:
        taken = check(load(path))
    except UserError as error:
        assert not any(map(unruly, str(error).replace("\n", ""))), str(error)
        return
    assert check(taken.plain()) == taken


TARGETS = {"pictures": (pictures(), read_picture), "params": (settings_files(), read_params)}


def fuzz(target: str, seconds: float, first: int = 0) -> tuple[int, list[str]]:
    """How many examples a target was tried on, and what it failed on, as Hypothesis tells it."""
    strategy, check = TARGETS[target]
    tried, findings, end = 0, [], time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def one(example) -> None:
            nonlocal tried
            tried += 1
            check(folder, example)

        while time.monotonic() < end:
            try:
                batch(strategy, one, first)()
            except Exception:
                findings.append(traceback.format_exc())
            first += 1
    return tried, findings


def batch(strategy: st.SearchStrategy, check: Callable, number: int) -> Callable[[], None]:
    """Hypothesis on a target, BATCH examples, each batch others."""
    quick = settings(
        max_examples=BATCH,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    return seeded(number)(quick(given(strategy)(check)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", type=float)
    seconds = parser.parse_args().seconds
    failed = False
    warnings.simplefilter("ignore")  # Pillow's, of what it passes over in a broken file
    for target in TARGETS:
        # By the clock, so that no two runs try the same.
        tried, findings = fuzz(target, seconds / len(TARGETS), first=time.time_ns())
        print(f"{target}: {tried} examples, {len(findings)} findings")
        print(*findings, sep="\n")
        failed |= bool(findings)
    raise SystemExit(failed)
