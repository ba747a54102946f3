"""From a file of 700 x 500 pixels to its label map, one picture a line of stdin; its milliseconds.

Decoding, resizing to 256 x 256, SegNet, and bringing the logits back to 700 x 500, in one process.
"""

import sys
import tempfile
import time
from pathlib import Path

from darkfield.data.images import read_image, resize_image
from darkfield.data.synthetic import synthesize
from darkfield.network.device import setup
from darkfield.network.predictor import classes_of, load_model, predict

SPEC = {
    "model": {"name": "segnet", "notebook_head": False},
    "classes": {"background": 0, "erythrocyte": 1, "spirochaete": 2},
    "image_size": [256, 256],
    "mean": [0.16, 0.2, 0.26],
    "std": [0.22, 0.24, 0.25],
    "predict": {"tta": False},
}


def labels(path, model, device, precision):
    image = read_image(path)
    resized, size = resize_image(image, SPEC["image_size"]), image.shape[:2]
    (out,) = predict(model, [resized], [size], SPEC, device, precision)
    return classes_of(out)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        synthesize(Path(folder), images=1, size=(500, 700), seed=1)
        (path,) = Path(folder, "images").iterdir()
        device, precision = setup("auto", "auto", 2)
        model = load_model(SPEC, device)
        labels(path, model, device, precision)  # warm
        for _ in sys.stdin:
            begin = time.perf_counter()
            labels(path, model, device, precision)
            print(1000 * (time.perf_counter() - begin), flush=True)
