"""Every checkpoint on every image: confusion matrices at native resolution."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from darkfield.data.pixels import GROUP
from darkfield.measure.metrics import confusion, mean_iou, table
from darkfield.network.predictor import Predictor
from darkfield.progress import Pace


def confusions(
    predictor: Predictor,
    checkpoints: Sequence[Path],
    images: Sequence[np.ndarray],
    masks: Sequence[np.ndarray],
    of_data: Sequence[int],
    show: Callable[[int, np.ndarray], None] = lambda epoch, matrices: None,
) -> np.ndarray:
    """Confusion matrices, int64 (checkpoints, images, C, C), rows the truth, in native pixels.

    `images` are uint8 (H, W, 3) at the model's image_size, `masks` class indices, uint8, of any
    size. Rows and columns are the model's classes in the order of their index; `of_data` gives the
    index of each in the masks (`classes.matched`). `show` gets each checkpoint's number, from
    1, and its matrices (images, C, C), once they are complete.
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
        show(k + 1, result[k])
    return result


def curves(
    epoch: int,
    matrices: np.ndarray,
    splits: Sequence[str],
    classes: Sequence[str],
    background: str | None,
) -> dict[str, float]:
    """What `engine.live` shows of an epoch, from its matrices (images, C, C) and images' splits.

    The mean IoU of each split, as miou/val, and the IoU of each class but the background, as
    iou/erythrocyte/val; NaN for a class that is absent from truth and prediction. As val/miou it
    would be in the way of val.miou in results/metrics.json: DVC would rename both.
    """
    of_epoch = table(matrices[None], splits, classes)
    by_split = mean_iou(of_epoch).groupby("split").first()
    means = {f"miou/{split}": float(value) for split, value in by_split.items()}
    rows = of_epoch[of_epoch["class"] != background]
    by_class = zip(rows["class"], rows["split"], rows["iou"], strict=True)
    ious = {f"iou/{name}/{split}": float(iou) for name, split, iou in by_class}
    return {"epoch": epoch} | means | ious
