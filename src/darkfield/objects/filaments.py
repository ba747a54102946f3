"""Which pixels of a mask are which filament: those that cross are told apart.

The skeleton of the mask is cut around its junctions, and the loose ends are joined again where they
continue each other most nearly straight, so that each of two crossing filaments keeps its course; a
branch without a partner is a filament that ends at another one. Ends that face each other across a
short gap are joined, too.

What a mask cannot tell: filaments that touch tip to tip or lie side by side count as one; one that
turns sharply where it crosses another may be continued as the other; and which of the two is on
top.
"""

from typing import TYPE_CHECKING

import numpy as np

from darkfield.objects.blobs import components, depth, keep

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# In units of half the width at a junction.
SPUR = 1.5  # a branch this short leads from the junction to the outline and belongs to no filament
CLEARING = 0.7  # this near to the junction the skeleton is not a centre line
# In widths: of the branch, or the median in the picture.
AIM = 2.5  # how far back from its end a branch shows its direction
GAP = 4.0  # between two ends to be joined; each lies about half a width before its tip
BRIDGE = 8.0  # the same, if the class fills the gap: where filaments cross at a small angle
SMOOTHING = 1 / 3  # standard deviation of the Gaussian that smooths a centre line's pixel stairs
SLENDER = 2.0  # least length of a filament; anything shorter is a fragment
TURN = np.radians(80)  # most that a filament may turn from one end to the other


def label_filaments(whole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the filaments of a mask, bool (H, W), from 1, and measure their lengths.

    Returns labels, int32 (H, W), 0 where there is none, and lengths in pixels, float (N,), along
    the smoothed skeleton, including gaps, from tip to tip: at each end the skeleton's distance to
    the outline is added. Where filaments cross, a pixel has the label of the nearer skeleton.
    """
    from scipy.sparse.csgraph import connected_components
    from skimage.morphology import skeletonize
    from skimage.segmentation import watershed

    mask = np.pad(whole, 1)
    half = depth(mask) - 0.5
    skeleton = prune(skeletonize(mask), half)
    points, half = np.argwhere(skeleton), half[skeleton]
    branches = cut_at_junctions(points, neighbours(skeleton), half)
    if not branches:
        return np.zeros(whole.shape, np.int32), np.empty(0)
    width = 2 * np.median(half)
    paths = [points[branch] for branch in branches]
    ends = np.concatenate([path[[0, -1]] for path in paths])
    joins, gaps = join(ends, headings(paths, [half[branch] for branch in branches]), mask, width)

    count, filament = connected_components(graph(joins // 2, len(paths)), directed=False)
    lengths = np.bincount(filament, [length(path, SMOOTHING * width) for path in paths], count)
    lengths += np.bincount(filament[joins[:, 0] // 2], gaps, count)
    tips = np.setdiff1d(np.arange(len(ends)), joins)
    left = np.concatenate([half[branch[[0, -1]]] for branch in branches])
    lengths += np.bincount(filament[tips // 2], left[tips], count)

    seeds = np.zeros(mask.shape, np.int32)
    # A bridge shared by two filaments has lost its ends to the joins across it.
    shared = under_joins(paths, ends[joins], width)
    shared[joins // 2] = False
    for path, number in zip(paths, np.where(shared, 0, filament + 1), strict=True):
        seeds[tuple(path.T)] = number
    for window, inside in components(mask):
        filled = watershed(np.zeros(inside.shape), seeds[window] * inside, mask=inside)
        seeds[window][inside] = filled[inside]
    labels = seeds[1:-1, 1:-1]
    areas = np.bincount(labels[labels > 0], minlength=count + 1)
    # The width is area / length.
    slender = (areas > 0) & (np.append(0, lengths) ** 2 >= SLENDER * areas)
    keep(labels, slender)
    return labels, lengths[slender[1:]]


def neighbours(skeleton: np.ndarray) -> np.ndarray:
    """Pairs of neighbouring pixels of a skeleton, bool (H, W): int (E, 2) of np.argwhere's rows.

    Pixels that meet at a corner are neighbours unless a third pixel links them by its sides.
    """
    index = np.full(skeleton.shape, -1, np.int32)
    index[skeleton] = np.arange(skeleton.sum())
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    alone_ad, alone_bc = (b < 0) & (c < 0), (a < 0) & (d < 0)
    sides = (index[:, :-1], index[:, 1:], True), (index[:-1], index[1:], True)
    pairs = []
    for one, other, linked in (*sides, (a, d, alone_ad), (b, c, alone_bc)):
        both = (one >= 0) & (other >= 0) & linked
        pairs.append(np.stack([one[both], other[both]], axis=-1))
    return np.concatenate(pairs)


def graph(pairs: np.ndarray, nodes: int) -> "csr_array":
    """Pairs of nodes, int (E, 2), as a sparse matrix (nodes, nodes)."""
    from scipy.sparse import coo_array

    return coo_array((np.ones(len(pairs)), tuple(pairs.T)), shape=(nodes, nodes)).tocsr()


def prune(skeleton: np.ndarray, half: np.ndarray) -> np.ndarray:
    """A skeleton, bool (H, W), without its spurs, which lead from a junction to the outline.

    `half`, float (H, W), is half the width.
    """
    from scipy.sparse.csgraph import connected_components

    points, pairs = np.argwhere(skeleton), neighbours(skeleton)
    degree = np.bincount(pairs.ravel(), minlength=len(points))
    junction = degree > 2
    _, branch = connected_components(graph(pairs[~junction[pairs].any(axis=1)], len(points)))
    both = np.concatenate([pairs, pairs[:, ::-1]])
    inner, outer = both[junction[both[:, 0]] & ~junction[both[:, 1]]].T
    longest = np.zeros(len(points))  # of spurs, by branch
    np.maximum.at(longest, branch[outer], SPUR * half[skeleton][inner])
    free = np.isin(branch, branch[degree < 2])
    spur = free & ~junction & (np.bincount(branch)[branch] <= longest[branch])
    pruned = skeleton.copy()
    pruned[tuple(points[spur].T)] = False
    return pruned


def cut_at_junctions(points: np.ndarray, pairs: np.ndarray, half: np.ndarray) -> list[np.ndarray]:
    """Branches of a skeleton: for each, the indices of its points from end to end.

    `points` is int (P, 2), `pairs` (E, 2) says which are neighbours, `half` (P,) is half the width
    at each. Points near a junction are cut away.
    """
    from scipy.sparse.csgraph import connected_components, dijkstra
    from scipy.spatial import KDTree

    nodes = len(points)
    degree = np.bincount(pairs.ravel(), minlength=nodes)
    junction, left = degree > 2, np.ones(nodes, bool)
    if junction.any():
        away, nearest = KDTree(points[junction]).query(points)
        left = away > CLEARING * half[junction][nearest] + 0.5
        pairs = pairs[left[pairs].all(axis=1)]
    _, branch = connected_components(graph(pairs, nodes), directed=False)
    pairs = open_rings(pairs, branch)

    ends = np.flatnonzero(left & (np.bincount(pairs.ravel(), minlength=nodes) < 2))
    starts = ends[np.unique(branch[ends], return_index=True)[1]]
    steps = dijkstra(
        graph(pairs, nodes), directed=False, indices=starts, unweighted=True, min_only=True
    )
    order = np.flatnonzero(left)
    order = order[np.lexsort((steps[order], branch[order]))]
    return np.split(order, np.flatnonzero(np.diff(branch[order])) + 1) if len(order) else []


def open_rings(pairs: np.ndarray, branch: np.ndarray) -> np.ndarray:
    """Drop one pair of each ring. `branch` (P,) numbers the paths and rings that `pairs` form."""
    of_pair = branch[pairs[:, 0]]
    found, first = np.unique(of_pair, return_index=True)
    ring = np.bincount(of_pair)[found] == np.bincount(branch)[found]  # a path has one pair fewer
    return np.delete(pairs, first[ring], axis=0)


def headings(paths: list[np.ndarray], halves: list[np.ndarray]) -> np.ndarray:
    """The direction of each path, int (N, 2), at its first and its last point: (2 B, 2).

    Directions are unit vectors. `halves` (N,) are half the width along each path.
    """
    found = []
    for path, half in zip(paths, halves, strict=True):
        back = min(round(AIM * 2 * np.median(half)), len(path) - 1)
        found += [path[0] - path[back], path[-1] - path[-1 - back]]
    return unit(np.array(found, float))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (N, 2) scaled to length 1; those of length 0 stay as they are."""
    directions: np.ndarray = vectors / np.maximum(
        np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9
    )
    return directions


def join(
    ends: np.ndarray, headings: np.ndarray, mask: np.ndarray, width: float
) -> tuple[np.ndarray, np.ndarray]:
    """Which ends continue each other: their pairs, int (J, 2), and the gaps between them (J,).

    Rows 2 b and 2 b + 1 of `ends` and of `headings`, both (2 B, 2), are those of branch b; `mask`
    (H, W) and `width` are the filaments'. The pairs between whose ends a filament turns least are
    taken first, and each end is used once.
    """
    from scipy.spatial import KDTree

    pairs = KDTree(ends).query_pairs(BRIDGE * width, output_type="ndarray")
    one, other = pairs.T
    across = ends[other] - ends[one]
    gaps = np.linalg.norm(across, axis=1)
    way = ends[one] + np.linspace(0, 1, 64)[:, None, None] * across
    rows, columns = np.rint(way).astype(int).T
    near = (gaps <= GAP * width) | mask[rows, columns].all(axis=1)
    # The step between neighbouring pixels has no meaningful direction.
    across = np.where(gaps[:, None] < 2, unit(headings[one] - headings[other]), unit(across))
    turns = angle(headings[one], across) + angle(across, -headings[other])
    # A branch does not continue itself, unless it is a ring that was cut open.
    possible = near & (turns < TURN) & ((one // 2 != other // 2) | (gaps < 2))
    taken: set[int] = set()
    joins = []
    for pair in np.lexsort((other, one, turns)):
        if possible[pair] and taken.isdisjoint(pairs[pair]):
            taken.update(pairs[pair])
            joins.append(pair)
    return pairs[joins], gaps[joins]


def under_joins(paths: list[np.ndarray], joined: np.ndarray, width: float) -> np.ndarray:
    """Which paths lie within `width` of the lines between `joined` ends (J, 2, 2): bool (B,)."""
    from scipy.spatial import KDTree

    if not len(joined):
        return np.zeros(len(paths), bool)
    lines = KDTree(np.linspace(joined[:, 0], joined[:, 1], 64).reshape(-1, 2))
    return np.array([np.all(lines.query(path)[0] < width) for path in paths])


def angle(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Angles, 0 to pi, between unit vectors (N, 2): (N,)."""
    angles: np.ndarray = np.arccos((one * other).sum(axis=1).clip(-1, 1))
    return angles


def length(path: np.ndarray, sigma: float) -> float:
    """Length of a path of pixels (N, 2) after its stairs are smoothed by a Gaussian."""
    from scipy.ndimage import gaussian_filter1d

    # Mirrored through its end points, so that these stay in place.
    around = ((min(int(4 * sigma) + 1, len(path) - 1),) * 2, (0, 0))
    padded = np.pad(path.astype(float), around, "reflect", reflect_type="odd")
    smooth = gaussian_filter1d(padded, sigma, axis=0)[around[0][0] : len(padded) - around[0][1]]
    return float(np.linalg.norm(np.diff(smooth, axis=0), axis=1).sum())
