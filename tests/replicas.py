"""toy.py's training in several processes: python tests/replicas.py PROCESSES FOLDER OPTIONS.

Pictures are of noise: even ones have ties, which max pooling breaks as rounding happens to fall.
Of the options, `scenes` is their number, `double` computes in float64, and `dies` kills the second
process when it first asks for that many samples.
"""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch
from toy import run, script, toy_dataset

from darkfield.engine.script import job
from darkfield.network.distributed import launch, launched, process


def train(folder, scenes=4, double=False, dies=0, **options):
    torch.set_default_dtype(torch.float64 if double else torch.float32)
    size = (64, 64) if "model" in options else (48, 56)  # sides that a U-Net takes
    dataset, rng = toy_dataset(scenes, size), np.random.default_rng(0)
    dataset.images = [rng.integers(256, size=i.shape, dtype=np.uint8) for i in dataset.images]
    if dies and (os.environ["RANK"], os.environ["TORCHELASTIC_RESTART_COUNT"]) == ("1", "0"):
        dataset.transform = Mortal(dataset.transform, dies)
    try:
        return run(dataset, folder, **options)
    finally:
        torch.set_default_dtype(torch.float32)


class Mortal:
    def __init__(self, function, life):
        self.function, self.life = function, life

    def __call__(self, x):
        self.life -= 1
        if not self.life:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.function(x)


if __name__ == "__main__":
    processes, folder, options = int(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
    with process(f"{folder}.log") if launched() else job(script(f"{folder}.log")):
        if launched():
            train(folder, **options)
        else:
            launch(sys.argv, processes, torch.device("cpu"))
