"""From a file of 700 x 500 pixels to its label map, one picture a line of stdin; its milliseconds.

Decoding, resizing to 256 x 256, SegNet, and bringing the logits back to 700 x 500, in one process.
"""

import sys
import tempfile
import time
from pathlib import Path

from darkfield.data.images import read_image
from darkfield.data.synthetic import synthesize
from darkfield.files import write_json
from darkfield.network.build import build
from darkfield.network.predictor import Predictor
from darkfield.network.training import save_weights
from darkfield.recipe import Model

SPEC = {
    "model": {"name": "segnet", "notebook_head": False},
    "classes": {"background": 0, "erythrocyte": 1, "spirochaete": 2},
    "image_size": [256, 256],
    "mean": [0.16, 0.2, 0.26],
    "std": [0.22, 0.24, 0.25],
    "predict": {"tile": [768, 768], "overlap": 0.25, "tta": False},
}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        synthesize(Path(folder), images=1, size=(500, 700), seed=1)
        (path,) = Path(folder, "images").iterdir()
        save_weights(build(Model(**SPEC["model"]), 3), Path(folder, "model.safetensors"))
        write_json(Path(folder, "model.json"), SPEC)
        predictor = Predictor(folder, threads=2)
        predictor.labels(read_image(path))  # warm
        for _ in sys.stdin:
            begin = time.perf_counter()
            predictor.labels(read_image(path))
            print(1000 * (time.perf_counter() - begin), flush=True)
