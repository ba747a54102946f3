"""Which images show the same field of view: the same picture, or overlapping crops of one field.

Red cells all look alike, so a few similar features prove nothing: features of two pictures have to
agree on one similarity transform, in many places, and then the pictures have to agree where that
transform lays one over the other.
"""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import cv2
import networkx as nx
import numpy as np
from tqdm import tqdm

from darkfield.images import read_image

LONGEST = 800
KEYPOINTS = 500
CONTRAST = 0.02
RATIO = 0.95
UPRIGHT = 0.3
TOLERANCE = 5.0
PARTNERS = 3
PLACE = 0.03
DETAIL = 40.0
SMOOTH = 2.0
AGREEMENT = 4.0


class Features(NamedTuple):
    grey: np.ndarray
    points: np.ndarray
    sizes: np.ndarray
    descriptors: np.ndarray


def describe(image):
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    shrink = min(1.0, LONGEST / max(grey.shape))
    if shrink < 1:
        grey = cv2.resize(grey, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    sift = cv2.SIFT_create(contrastThreshold=CONTRAST)
    found = sorted({(-k.response, *k.pt, k.size, k.octave) for k in sift.detect(grey)})[:KEYPOINTS]
    keys = [cv2.KeyPoint(x, y, size, 0, -weak, octave) for weak, x, y, size, octave in found]
    keys, descriptors = sift.compute(grey, keys)
    if not keys:
        descriptors = np.empty((0, 128), np.float32)
    descriptors = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-9))
    points = np.array([k.pt for k in keys], np.float32).reshape(-1, 2)
    return Features(grey, points, np.array([k.size for k in keys], np.float32), descriptors)


def match(a, b):
    likeness = a.descriptors @ b.descriptors.T
    rows, nearest = np.arange(len(likeness)), likeness.argmax(axis=1)
    best = likeness[rows, nearest]
    mutual = best == likeness.max(axis=0)[nearest]
    likeness[rows, nearest] = -1
    second = likeness.max(axis=1)
    kept = mutual & (1 - best < RATIO**2 * (1 - second))
    return np.stack([rows[kept], nearest[kept]], axis=1)


def consistent(a, b, pairs):
    p, q = (f.points[i] @ [1, 1j] for f, i in zip((a, b), pairs.T, strict=True))
    scale = b.sizes[pairs[:, 1]] / a.sizes[pairs[:, 0]]
    apart = p[:, None] - p
    far = np.abs(apart) > TOLERANCE
    turn = (q[:, None] - q) / np.where(far, apart, np.inf)
    agree = far & (np.abs(turn / scale - 1) < UPRIGHT)
    return pairs[(agree & agree.T).sum(axis=1) >= PARTNERS]


def align(a, b, pairs):
    if len(pairs) <= PARTNERS:
        return None, pairs
    p, q = a.points[pairs[:, 0]], b.points[pairs[:, 1]]
    transform, inliers = cv2.estimateAffinePartial2D(
        p, q, method=cv2.RANSAC, ransacReprojThreshold=TOLERANCE, maxIters=2000, confidence=0.999
    )
    if transform is None:
        return None, pairs
    if abs(np.degrees(np.arctan2(transform[1, 0], transform[0, 0]))) > 15:
        return None, pairs
    return transform, pairs[inliers[:, 0] > 0]


def places(points, radius):
    kept = np.empty((0, 2))
    for point in points:
        if (np.linalg.norm(kept - point, axis=1) >= radius).all():
            kept = np.vstack([kept, point])
    return len(kept)


def blur(x, sigma):
    return cv2.GaussianBlur(x, None, sigma)


def agreement(a, b, transform):
    detail=DETAIL; sm=SMOOTH
    M = np.vstack([transform, [0, 0, 1]])
    if np.hypot(*M[:2, 0]) > 1:
        a, b, M = b, a, np.linalg.inv(M)
    s = np.hypot(*M[:2, 0])
    a, b = (np.sqrt(x.astype(np.float32)) for x in (a, b))
    size = b.shape[::-1]
    a = blur(a, max(0.5 / s, 0.3))
    inside = cv2.warpAffine(np.ones_like(a), M[:2], size)
    warped = cv2.warpAffine(a, M[:2], size)
    k = inside > 0.99
    if k.sum() < 100:
        return 0.0, 0
    w = k.astype(np.float32)
    box = lambda z: cv2.blur(z, (2 * int(detail * 1.7) + 1,) * 2)
    n = box(w) + 1e-6

    def norm(x):
        x = blur(x, sm)
        m = box(x * w) / n
        v = box(x * x * w) / n - m * m
        return ((x - m) / np.sqrt(np.maximum(v, 0) + 0.05))[k]

    x, y = norm(b), norm(warped)
    x -= x.mean()
    y -= y.mean()
    return float(x @ y / np.sqrt((x @ x) * (y @ y) + 1e-9)), int(k.sum())
