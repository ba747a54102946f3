"""Which pixels of a mask are which blob: cells that touch are separated by their shape.

Lengths are relative to the cells of the picture, since magnification differs between pictures.
Where cells overlap so far that no outline is left between them, their number is estimated from the
area they cover, and their positions are a guess.
"""

from collections.abc import Iterator

import cv2
import numpy as np

NECK = 0.94  # it is two cells if the neck between them is narrower than this share of a cell
LEAST_RADIUS = 0.5  # of the typical radius; anything thinner is not a cell
LEAST_AREA = 1 / 3  # of the typical area; less is a speck, or too small a part of a cut cell
NARROWEST = 2  # pixels of radius: specks in a picture without cells are not cells
ROUND = 1.2  # a piece is one cell if its area is less than this multiple of its inscribed disc's
SAMPLE = 100  # pixels per cell are enough to find its centre


def label_blobs(blob: np.ndarray, filament: np.ndarray) -> np.ndarray:
    """Number the blobs of a mask, such as cells: int32 (H, W), 0 where there is none, from 1.

    Both masks are bool (H, W). The part of a cell that a filament covers belongs to the cell.
    Cells are separated by a watershed on the distance to the outline, from maxima between which it
    falls below NECK times the lower one (h-maxima of its logarithm). A piece that is not round and
    as large as n typical cells is then divided into n by k-means. Specks are left out.
    """
    from skimage.measure import label
    from skimage.morphology import local_maxima, reconstruction
    from skimage.segmentation import watershed

    cells = fill_slots(blob, filament)
    depths = depth(cells)
    if cells.all() or depths.max() < NARROWEST:
        return np.full(cells.shape, cells.all(), np.int32)
    labels, deepest = np.zeros(cells.shape, np.int32), [np.zeros(1)]
    found = 0
    for window, inside in components(cells):
        logarithm = np.log(np.maximum(depths[window] * inside, 1))
        peaks = label(local_maxima(reconstruction(logarithm + np.log(NECK), logarithm)) & inside)
        labels[window][peaks > 0] = peaks[peaks > 0] + found
        deepest.append(largest(depths[window], peaks)[1:])
        found += len(deepest[-1])
    radii = np.concatenate(deepest)
    radius = weighted_median(radii, radii**2)
    keep(labels, radii >= max(LEAST_RADIUS * radius, NARROWEST))

    for window, inside in components(cells):
        pieces = watershed(-depths[window], labels[window] * inside, mask=inside)
        labels[window][inside] = pieces[inside]
    areas, discs = sizes(labels), np.pi * largest(depths, labels) ** 2
    # A piece of several cells only shows how thick they are.
    typical = weighted_median(np.minimum(areas, ROUND * discs), discs)
    divide(labels, np.where(areas < ROUND * discs, 1, np.rint(areas / typical)).astype(int))
    keep(labels, sizes(labels) >= LEAST_AREA * typical)
    return labels


def components(mask: np.ndarray) -> Iterator[tuple[tuple[slice, ...], np.ndarray]]:
    """The connected components of a mask, bool (H, W), one by one, since pictures can be large.

    Each comes as a window of the picture, one pixel wider on each side, and its own mask in it.
    """
    from scipy.ndimage import find_objects

    labels: np.ndarray = cv2.connectedComponents(mask.astype(np.uint8))[1]
    for number, window in enumerate(find_objects(labels), 1):
        window = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in window)
        yield window, labels[window] == number


def sizes(labels: np.ndarray) -> np.ndarray:
    """Number of pixels of each label in int (H, W); 0 for label 0: int (N,)."""
    return np.bincount(labels[labels > 0], minlength=labels.max() + 1)


def keep(labels: np.ndarray, kept: np.ndarray) -> None:
    """Clear, in place, labels that are not `kept`, bool (N,), and number the others from 1."""
    kept[0] = False
    labels[labels > 0] = (kept.cumsum() * kept)[labels[labels > 0]]


def fill_slots(blob: np.ndarray, filament: np.ndarray) -> np.ndarray:
    """Blobs with the parts that filaments cover; all masks are bool (H, W).

    Covered parts are the filaments' pixels within a closing of the blobs that is as wide as the
    filaments.
    """
    if not blob.any() or not filament.any():
        return blob
    reach = np.quantile(depth(filament)[filament], 0.99) + 1
    near = depth(~blob) <= reach
    filled: np.ndarray = blob | (filament & (depth(near) > reach))
    return filled


def divide(pieces: np.ndarray, parts: np.ndarray) -> None:
    """Divide, in place, piece i of `pieces`, int (H, W), into parts[i] of about equal size."""
    from scipy.cluster.vq import kmeans2
    from scipy.ndimage import find_objects
    from scipy.spatial import KDTree

    windows, last = find_objects(pieces), len(parts) - 1
    for piece in np.flatnonzero(parts > 1):
        own = pieces[windows[piece - 1]]
        where = np.argwhere(own == piece)
        some = where[:: max(1, len(where) // (SAMPLE * parts[piece]))].astype(float)
        centres, _ = kmeans2(some, parts[piece], minit="++", rng=0)
        part = np.asarray(KDTree(centres).query(where)[1])
        own[tuple(where[part > 0].T)] = last + part[part > 0]
        last += parts[piece] - 1


def depth(mask: np.ndarray) -> np.ndarray:
    """Distance in pixels of each pixel of `mask`, bool (H, W), to the nearest that is not in it.

    float32 (H, W), 0 outside the mask. The area beyond the picture counts as part of the mask.
    """
    found = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # Distances are roots of whole numbers. OpenCV's last bit depends on where in memory the picture
    # lies, and ties between cells would fall either way.
    return np.sqrt(np.rint(np.square(found, dtype=float))).astype(np.float32)


def largest(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The largest of `values`, float (H, W) above 0, for each label; 0 for label 0: (N,)."""
    found = np.zeros(labels.max() + 1)
    np.maximum.at(found, labels[labels > 0], values[labels > 0])
    return found


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """The one of values (N,) below which half of the weights (N,) lie."""
    order = values.argsort()
    share = weights[order].cumsum()
    return float(values[order][np.searchsorted(share, share[-1] / 2)])
