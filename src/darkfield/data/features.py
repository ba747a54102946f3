"""A picture's strongest SIFT features, by which others of the same field are found."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from darkfield.data.pixels import new_pixels
from darkfield.files import read_json, write_json
from darkfield.progress import progress

LONGEST = 800  # pixels; an overlap may be a third of a picture, and its cells must still be visible
KEYPOINTS = 1000  # fields crowded with debris need many; most have fewer than 500
CONTRAST = 0.02  # half of Lowe's: specks in the dark background stay put, cells may move
PLACE = 16  # pixels; closer matches are one place, often one cell
# x, y and diameter in pixels of `grey`; length 512, up to rounding
KEYPOINT = np.dtype([("point", "f4", 2), ("size", "f4"), ("descriptor", "u1", 128)])


class Features(NamedTuple):
    """What is kept of a picture."""

    shape: tuple[int, int]  # (H, W) of `grey`
    keypoints: np.ndarray  # KEYPOINT (N,), the strongest first

    @property
    def points(self) -> np.ndarray:
        return self.keypoints["point"]

    @property
    def sizes(self) -> np.ndarray:
        return self.keypoints["size"]

    @property
    def descriptors(self) -> np.ndarray:
        return self.keypoints["descriptor"]


def write_features(pictures: Sequence[np.ndarray], keypoints: Path, described: Path) -> None:
    """Describe pictures, uint8 RGB (H, W, 3): a .npy of all their keypoints, and a JSON."""
    rows = []
    with new_pixels(keypoints, KEYPOINT.itemsize) as append:
        for picture in progress(pictures, "image"):
            found = describe(picture)
            append(found.keypoints.view(np.uint8).reshape(1, -1, KEYPOINT.itemsize))
            rows.append([found.shape, len(found.keypoints)])
    write_json(described, rows)


def read_features(keypoints: Sequence[Path], described: Sequence[Path]) -> list[Features]:
    """What write_features wrote, file after file; keypoints stay in memory-mapped files."""
    features = []
    for file, rows in zip(keypoints, described, strict=True):
        stored = np.asarray(np.load(file, mmap_mode="r")).view(KEYPOINT)[:, 0]
        end = 0
        for shape, n in read_json(rows):
            end += n
            features.append(Features(tuple(shape), stored[end - n : end]))
    return features


def grey(picture: np.ndarray) -> np.ndarray:
    """A picture, uint8 RGB (H, W, 3), for comparison: uint8 grey, no side longer than LONGEST."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    if (shrink := LONGEST / max(grey.shape)) < 1:
        grey = cv2.resize(grey, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    return grey


def describe(picture: np.ndarray) -> Features:
    """Describe a picture, uint8 RGB (H, W, 3), by its strongest SIFT features (Lowe 2004).

    Features are upright, since neither cameras nor crops rotate pictures. They are compared as
    RootSIFT (Arandjelovic and Zisserman 2012), as integers: sums of their products are exact in
    float32, in whatever order threads add them.
    """
    seen = grey(picture)
    if min(seen.shape) < PLACE:  # SIFT fails on a line of pixels
        return Features(seen.shape, np.empty(0, KEYPOINT))
    sift = cv2.SIFT.create(contrastThreshold=CONTRAST)
    # A set, since keypoints that differ in orientation alone are one if upright; sorted, since
    # they come in the order in which threads end.
    found = sorted({(-k.response, *k.pt, k.size, k.octave) for k in sift.detect(seen)})
    strongest = [
        cv2.KeyPoint(x, y, size, 0, -r, int(octave)) for r, x, y, size, octave in found[:KEYPOINTS]
    ]
    keypoints, descriptors = sift.compute(seen, strongest)
    if not keypoints:
        descriptors = np.empty((0, 128), np.float32)
    root = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-9))
    kept = np.empty(len(keypoints), KEYPOINT)
    kept["point"] = np.array([k.pt for k in keypoints]).reshape(-1, 2)
    kept["size"] = [k.size for k in keypoints]
    kept["descriptor"] = np.rint(512 * root).clip(0, 255)
    return Features(seen.shape, kept)
