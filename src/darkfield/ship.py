"""Make a run's model one to give away: `python -m darkfield.ship results/model models/darkfield`.

Half precision, for half the size; the licence of the pictures that it comes from; what the
cross-validation of its recipe found, since a model trained on all pictures has none left to test.
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file, save

from darkfield.files import atomic, read_json, sha256, write_json

DATA = (
    '286 of the 366 pictures and hand-drawn masks of the public data set "Bacteria detection with '
    'darkfield microscopy" (Long Nguyen, CC BY-NC 4.0): many microscopes and magnifications. '
    "Strokes around spirochaetes are wider than the bacteria."
)
LICENCE = """\
The weights in this folder are licensed under the Creative Commons
Attribution-NonCommercial 4.0 International Public License (CC BY-NC 4.0):
https://creativecommons.org/licenses/by-nc/4.0/legalcode

They were trained on "Bacteria detection with darkfield microscopy" by Long
Nguyen (Kaggle, longnguyen2306/bacteria-detection-with-darkfield-microscopy),
which is under that licence: give credit, no commercial use. The code of this
project is under the MIT licence.
"""


def halved(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """float32 weights as float16, but those of batch statistics, whose range may exceed its own."""
    return {
        name: value if "running_" in name or not value.is_floating_point() else value.half()
        for name, value in weights.items()
    }


def ship(model: Path, out: Path, tta: bool, cross_validation: Path | None) -> None:
    """Write the model folder `out` from the folder `model`.

    `tta` is whether it predicts with test-time augmentation; `cross_validation` the metrics.json
    of one.
    """
    spec = read_json(model / "model.json")
    spec["predict"]["tta"] = tta
    spec |= {"licence": "CC-BY-NC-4.0", "data": DATA}
    if cross_validation:
        found = read_json(cross_validation)
        spec["cross_validation"] = {key: found[key] for key in ("test", "interval_95")}
    with atomic(out) as part:
        part.mkdir()
        weights = part / "model.safetensors"
        weights.write_bytes(save(halved(load_file(model / weights.name))))
        spec["weights_sha256"] = sha256(weights)
        write_json(part / "model.json", spec)
        (part / "LICENSE").write_text(LICENCE)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m darkfield.ship", description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tta", action="store_true", help="predict with test-time augmentation")
    parser.add_argument("--cross-validation", type=Path, help="the metrics.json of one")
    ship(**vars(parser.parse_args()))
