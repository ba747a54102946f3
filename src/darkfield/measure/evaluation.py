"""Every checkpoint on every image: confusion matrices at native resolution."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from darkfield.data.pixels import GROUP
from darkfield.measure.metrics import confusion
from darkfield.network.predictor import Predictor
from darkfield.progress import Pace


def confusions(
    predictor: Predictor,
    checkpoints: Sequence[Path],
    images: Sequence[np.ndarray],
    masks: Sequence[np.ndarray],
    of_data: Sequence[int],
) -> np.ndarray:
    """Confusion matrices, int64 (checkpoints, images, C, C), rows the truth, in native pixels.

    `images` are uint8 (H, W, 3) at the model's image_size, `masks` class indices, uint8, of any
    size. Rows and columns are the model's classes in the order of their index; `of_data` gives the
    index of each in the masks (`classes.matched`).
    """
    c = len(predictor.classes)
    result = np.zeros((len(checkpoints), len(images), c, c), dtype=np.int64)
    steps = len(checkpoints) * len(images)
    pace, done = Pace(steps), 0
    for k, checkpoint in enumerate(checkpoints):
        predictor.load(checkpoint)
        for start in range(0, len(images), GROUP):
            rows = range(start, min(start + GROUP, len(images)))
            truths = [masks[i] for i in rows]
            sizes = [truth.shape for truth in truths]
            labels = predictor.resized_labels([images[i] for i in rows], sizes)
            for i, truth, found in zip(rows, truths, labels, strict=True):
                result[k, i] = confusion(truth, found, c)[of_data]
            done += len(rows)
            pace.tell(done, "image %d of %d", done, steps)
    return result
