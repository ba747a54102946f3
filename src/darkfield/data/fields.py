"""Which images show the same field of view: the same picture, or overlapping crops of one field.

Red cells all look alike, so a few similar features prove nothing. Two pictures show one field if
features at many places agree on how one picture lies over the other, and if the pictures then look
alike throughout the part that they share.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import networkx as nx
import numpy as np
from threadpoolctl import threadpool_limits

from darkfield.data.features import PLACE, Features, grey
from darkfield.data.retrieval import candidates, write_index
from darkfield.progress import progress

# Up to this many pictures, every pair is compared: nothing is missed, and it takes a minute or two.
ALL_PAIRS = 300
SKEW = 0.2  # how far two matches may disagree in scale, or in rotation (radians)
PARTNERS = 4  # number of other matches that a match has to agree with
# As fractions of LONGEST, so that they shrink with a smaller picture
TOLERANCE = 5 / 800  # cells drift between two photographs
SMOOTH = 2 / 800
SURROUNDINGS = 137 / 800  # wider than a cell, narrower than uneven lighting or a border
AGREEMENT = 2.1  # docs/decisions.md says how it was set


def copies_of(digests: Sequence[str]) -> list[list[int]]:
    """Which pictures are the same one: the positions of each digest of pixels, in their order."""
    copies: dict[str, list[int]] = {}
    for i, digest in enumerate(digests):
        copies.setdefault(digest, []).append(i)
    return [copies[digest] for digest in sorted(copies)]


def write_likely(features: Sequence[Features], folder: Path) -> None:
    """Write into a folder what `likely` needs, if more than every pair is to be asked about."""
    if len(features) > ALL_PAIRS:
        write_index(features, folder)


def likely(
    features: Sequence[Features], folder: Path, part: int, parts: int
) -> list[tuple[int, int]]:
    """A part, from 0, of the pairs a < b of pictures that may show the same field, sorted.

    Every n-th picture asks about all that follow it or, if there are many, about those that it
    proposes from the index in `folder`. Two pictures may propose each other, in different parts.
    """
    asking = range(part, len(features), parts)
    if len(features) <= ALL_PAIRS:
        return [(a, b) for a in asking for b in range(a + 1, len(features))]
    return candidates(features, folder, progress(asking, "image"))


def overlapping(
    pairs: Sequence[tuple[int, int]], features: Sequence[Features], pictures: Sequence[np.ndarray]
) -> list[tuple[int, int]]:
    """Those of the pairs of `pictures`, uint8 RGB (H, W, 3), that show the same field.

    Only pictures in these pairs are read. `features` are what `describe` says of each.
    """
    # For such small products threads cost more than they save, twentyfold where cores are busy.
    with threadpool_limits(1, "blas"):
        return [
            (a, b)
            for a, b in progress(pairs, "pair")
            if same_field(features[a], features[b], pictures[a], pictures[b])
        ]


def groups(copies: Sequence[Sequence[int]], pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Number the fields of view: the group of each picture, from 0 in their order.

    `copies` are the positions of each different picture; `pairs` are those of the different
    pictures, by number, that overlap. Two pictures of a group need not overlap, as long as others
    link them.
    """
    graph = nx.empty_graph(len(copies))
    graph.add_edges_from(pairs)
    fields = [
        [i for number in linked for i in copies[number]]
        for linked in nx.connected_components(graph)
    ]
    fields.sort(key=min)
    group_of = {i: group for group, members in enumerate(fields) for i in members}
    return [group_of[i] for i in range(len(group_of))]


def same_field(a: Features, b: Features, picture_a: np.ndarray, picture_b: np.ndarray) -> bool:
    """Whether two pictures, uint8 RGB (H, W, 3), with features a and b, show the same field."""
    matches = match(a, b)
    forth = a, b, picture_a, picture_b, matches
    back = b, a, picture_b, picture_a, matches[matches[:, 1].argsort(), ::-1]
    # In both directions, since RANSAC may miss in one what it finds in the other.
    for one, other, picture_one, picture_other, matches in (forth, back):
        kept = consistent(one, other, matches)
        if len(kept) > PARTNERS:
            score = agreement(grey(picture_one), grey(picture_other), one, other, kept)
            if score >= AGREEMENT:
                return True
    return False


def match(a: Features, b: Features) -> np.ndarray:
    """Match the keypoints whose descriptors are each other's nearest: int (M, 2)."""
    if not (len(a.points) and len(b.points)):
        return np.empty((0, 2), int)
    products = a.descriptors.astype(np.float32) @ b.descriptors.T.astype(np.float32)
    nearest = products.argmax(axis=1)
    mutual = np.flatnonzero(products.argmax(axis=0)[nearest] == np.arange(len(nearest)))
    return np.stack([mutual, nearest[mutual]], axis=1)


def consistent(a: Features, b: Features, matches: np.ndarray) -> np.ndarray:
    """Keep the matches that agree with PARTNERS others.

    The step between the keypoints of two matches tells how much larger b is than a, and how far it
    is rotated; the size of each keypoint also tells the scale (Lowe's use of a feature's pose).
    """
    p, q = a.points[matches[:, 0]] @ [1, 1j], b.points[matches[:, 1]] @ [1, 1j]
    scale = b.sizes[matches[:, 1]] / a.sizes[matches[:, 0]]
    step = p[:, None] - p
    apart = np.abs(step) > tolerance(a)
    turn = (q[:, None] - q) / np.where(apart, step, 1)
    agree = apart & (np.abs(turn / scale - 1) < SKEW)
    kept: np.ndarray = matches[(agree & agree.T).sum(axis=1) >= PARTNERS]
    return kept


def tolerance(features: Features) -> float:
    """How far a feature may lie from its expected place, in pixels of `grey`: at least one."""
    return max(1.0, TOLERANCE * max(features.shape))


def agreement(
    grey_a: np.ndarray, grey_b: np.ndarray, a: Features, b: Features, matches: np.ndarray
) -> float:
    """How certain it is that a and b show one field: matched places x likeness of the shared part.

    The places are those that agree on one scale, rotation and shift (RANSAC, Fischler and Bolles
    1981), counted in the picture that has fewer.
    """
    p, q = a.points[matches[:, 0]], b.points[matches[:, 1]]
    transform, inliers = cv2.estimateAffinePartial2D(
        p, q, ransacReprojThreshold=tolerance(b), confidence=0.999
    )
    if transform is None:
        return 0.0
    kept = inliers[:, 0] > 0
    return min(places(p[kept]), places(q[kept])) * likeness(grey_a, grey_b, transform)


def places(points: np.ndarray) -> int:
    """Count points, (N, 2) in pixels, skipping those closer than PLACE to one already counted."""
    counted = np.empty((0, 2))
    for point in points:
        if (np.linalg.norm(counted - point, axis=1) >= PLACE).all():
            counted = np.vstack([counted, point])
    return len(counted)


def likeness(a: np.ndarray, b: np.ndarray, transform: np.ndarray) -> float:
    """Correlate two grey pictures, uint8 (H, W), where `transform` lays a over b: -1 to 1.

    `transform` is a (2, 3) matrix from pixels of a to pixels of b. The picture with the finer scale
    is laid over the coarser one. If they share next to nothing, the result is 0.
    """
    to_b = np.vstack([transform, [0, 0, 1]])
    if np.hypot(*to_b[:2, 0]) > 1:
        a, b, to_b = b, a, np.linalg.inv(to_b)
    scale = np.hypot(*to_b[:2, 0])
    if scale < 0.1:
        return 0.0
    a, b = (np.sqrt(x.astype(np.float32)) for x in (a, b))
    a = cv2.GaussianBlur(a, (0, 0), max(0.5 / scale, 0.3))
    laid = cv2.warpAffine(np.dstack([a, np.ones_like(a)]), to_b[:2], b.shape[::-1])
    shared = laid[..., 1] > 0.99
    if shared.sum() < 100:
        return 0.0
    x, y = (standardise(g, shared)[shared] for g in (b, laid[..., 0]))
    return float(np.corrcoef(x, y)[0, 1])


def standardise(grey: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Smooth a picture, subtract the mean of each pixel's surroundings, divide by their deviation.

    Uneven light and bright borders then count for no more than cells. Only pixels of `mask`, bool
    (H, W), are surroundings. The 0.05 keeps the noise of empty surroundings small.
    """
    longest = max(grey.shape)
    grey = cv2.GaussianBlur(grey, (0, 0), max(SMOOTH * longest, 0.5))
    window = (max(3, round(SURROUNDINGS * longest)),) * 2
    mask = mask.astype(np.float32)
    count = cv2.blur(mask, window) + 1e-6
    mean = cv2.blur(grey * mask, window) / count
    variance = cv2.blur(grey**2 * mask, window) / count - mean**2
    even: np.ndarray = (grey - mean) / np.sqrt(np.maximum(variance, 0) + 0.05)
    return even
