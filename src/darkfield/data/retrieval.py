"""Which pictures may show the same field, found without comparing every pair.

Each of a picture's strongest features looks up its nearest among all features of all pictures. A
feature and its neighbour vote for how one picture would lie over the other. Cells that merely look
alike vote differently each time, so pictures that share a part stand out by votes that agree.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from darkfield.data.features import Features

if TYPE_CHECKING:
    import faiss

INDEX, POSES = "descriptors.faiss", "poses.npy"
POSE = np.dtype([("point", "f4", 2), ("size", "f4")])  # a keypoint without its descriptor
# docs/decisions.md says how these were set.
STRONGEST = 400  # features per picture; with half as many, overlaps of a few cells are lost
NEIGHBOURS = 20  # per feature; few, since look-alikes come first among many pictures
CANDIDATES = 10  # of a picture
VOTES = 2  # one neighbour alone may lie anywhere
STEP = 1 / 16  # of the longer side: a keypoint's size predicts a shift no better
CELL = 512  # features; smaller cells cost more to find, larger ones more to search
CELLS = 4  # at most this many times the root of all features: then both costs grow as N**1.5
PROBES = 8  # cells searched per feature
AT_ONCE = 100  # pictures that are added together: large matrix products are twice as fast


def write_index(features: Sequence[Features], folder: Path) -> None:
    """Write into a folder what `candidates` looks features up in, unless there are none.

    That is their descriptors (INDEX), and place and size of each (POSES).
    """
    descriptors = [f.descriptors[:STRONGEST] for f in features]
    if not any(map(len, descriptors)):
        return
    import faiss

    faiss.write_index(index_of(descriptors), str(folder / INDEX))
    poses = [f.keypoints[:STRONGEST][["point", "size"]].astype(POSE) for f in features]
    np.save(folder / POSES, np.concatenate(poses))


def candidates(
    features: Sequence[Features], folder: Path, proposing: Iterable[int]
) -> list[tuple[int, int]]:
    """The pairs a < b, sorted, that may overlap: each of some pictures proposes at most CANDIDATES.

    `features` are of all pictures, `folder` is what write_index made of them, and `proposing` are
    the numbers of those that propose. What one proposes does not depend on the others that do.
    """
    if not (folder / INDEX).exists():
        return []
    index, poses = opened(folder / INDEX), np.load(folder / POSES, mmap_mode="r")
    ends = np.cumsum([min(len(f.keypoints), STRONGEST) for f in features])
    sides = np.array([max(f.shape) for f in features])
    pairs = set()
    for a in proposing:
        f = features[a]
        if not len(f.points):
            continue
        _, nearest = index.search(f.descriptors[:STRONGEST].astype(np.float32), NEIGHBOURS + 1)
        owner = ends.searchsorted(nearest, side="right")
        mine, place = np.nonzero((nearest >= 0) & (owner != a))
        theirs, owner = poses[nearest[mine, place]], owner[mine, place]
        scale = theirs["size"] / f.sizes[mine]
        centre = (np.array(f.shape[::-1]) / 2 - f.points[mine]) * scale[:, None] + theirs["point"]
        lies = np.column_stack([np.log2(scale), centre / (STEP * sides[owner, None])])
        voted, number = np.unique(owner, return_inverse=True)
        votes = count_votes(number, lies, len(voted))
        best = np.argsort(-votes, kind="stable")[:CANDIDATES]
        pairs |= {(min(a, b), max(a, b)) for b in voted[best[votes[best] >= VOTES]].tolist()}
    return sorted(pairs)


def opened(path: Path) -> "faiss.IndexIVF":
    """The index in a file, whose descriptors stay there: jobs on one machine share the memory."""
    import faiss

    index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
    assert isinstance(index, faiss.IndexIVF)
    assert index.invlists is not None
    lists = faiss.downcast_InvertedLists(index.invlists)
    assert isinstance(lists, faiss.OnDiskInvertedLists)
    lists.prefetch_nthread = 0  # else each search starts 32 threads that read ahead
    return index


def index_of(descriptors: Sequence[np.ndarray]) -> "faiss.IndexIVF":
    """An index of descriptors, arrays of uint8 (N, 128), numbered in their order.

    They are kept in cells around centres (an inverted file, Sivic and Zisserman 2003).

    Descriptors and centres are integers, and so are their distances, which float32 holds exactly:
    the number of threads makes no difference.
    """
    import faiss

    total = sum(map(len, descriptors))
    cells = max(1, min(total // CELL, int(CELLS * math.sqrt(total))))
    index = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatL2(128), 128, cells, faiss.ScalarQuantizer.QT_8bit_direct
    )
    index.by_residual = False
    index.nprobe = PROBES
    index.cp.int_centroids = True
    index.cp.seed = 0
    every = max(1, total // (40 * cells))
    index.train(np.concatenate([d[::every] for d in descriptors]).astype(np.float32))
    for i in range(0, len(descriptors), AT_ONCE):
        index.add(np.concatenate(descriptors[i : i + AT_ONCE]).astype(np.float32))
    return index


def count_votes(voted: np.ndarray, lies: np.ndarray, pictures: int) -> np.ndarray:
    """The most votes that agree for each picture: int (pictures,).

    Vote i is for picture voted[i], int (N,), and for a pose lies[i], float (N, 3). Votes agree if
    they fall into one box of side 1 (Hough voting); boxes overlap, so that no border separates
    votes that agree.
    """
    most = np.zeros(pictures, int)
    for shift in product((0, 0.5), repeat=3):
        box = np.floor(lies + shift).astype(int).T
        key = np.ravel_multi_index((voted, *box), (pictures, 64, 256, 256), mode="wrap")
        boxes, counts = np.unique(key, return_counts=True)
        np.maximum.at(most, boxes // (64 * 256 * 256), counts)
    return most
