"""How the objects of each class are told apart.

blob: touching ones by their shape, as of cells (`objects.blobs`). filament: crossing ones by their
course, as of bacteria (`objects.filaments`). component: as connected pixels, corners included.
"""

import numpy as np

from darkfield.classes import foreground
from darkfield.values import Kind

OTHERWISE: Kind = "component"
# Of models whose model.json does not say, because it is older.
UNSTATED: dict[str, Kind] = {"erythrocyte": "blob", "spirochaete": "filament"}


def kinds_of(
    classes: dict[str, int], background: str | None, objects: dict[str, Kind]
) -> dict[str, Kind]:
    """The kind of each class but the background, by index: what `objects` says, or a component."""
    return {name: objects.get(name, OTHERWISE) for name in foreground(classes, background)}


def label_components(mask: np.ndarray) -> np.ndarray:
    """Number the connected components of a mask, bool (H, W): int32 (H, W), from 1, from the top.

    Pixels that meet at a corner are connected.
    """
    from skimage.measure import label

    labels: np.ndarray = label(mask, connectivity=2).astype(np.int32)
    return labels
