"""Make a run's model one to give away: `python tools/ship.py --help`.

Half precision, for half the size; what only its maker knows of it, licence, data and authors; what
the cross-validation of its recipe found, if there is one, since a model trained on all images has
none left to test.
"""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save

from darkfield.command import command
from darkfield.files import atomic, read_json, sha256
from darkfield.network.spec import SPEC, read_spec, save_spec
from darkfield.objects.calibration import Calibration

OF_OBJECTS = ("objects", "objects_interval_95", "reliability", "familiarity")


def halved(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """float32 weights as float16, but those of batch statistics, whose range may exceed its own."""
    return {
        name: value if "running_" in name or not value.is_floating_point() else value.half()
        for name, value in weights.items()
    }


def ship(
    model: Path,
    out: Path,
    *,
    licence: str,
    licence_file: Path,
    data: str,
    authors: Sequence[str],
    modality: str | None = None,
    cross_validation: Path | None = None,
) -> None:
    """Write the model folder `out` from the folder `model`.

    `licence` is an identifier of SPDX, `licence_file` what becomes OUT/LICENSE, `data` a sentence
    on the images that the model was trained on, `authors` the names of who made it, `modality` what
    took the images, such as "darkfield microscopy"; `cross_validation` is the metrics.json of one,
    whose calibration, and threshold of unlike pictures, take the place of the model's own.
    """
    spec = read_spec(model)
    facts = {"licence": licence, "data": data, "authors": tuple(authors), "modality": modality}
    if cross_validation:
        found = read_json(cross_validation)
        told = ("test", "interval_95", "interval_note", "leak", "caveats", *OF_OBJECTS)
        facts["cross_validation"] = {key: found[key] for key in told if key in found}
        if calibration := found.get("calibration"):
            facts["calibration"] = Calibration.model_validate(calibration)
        if spec.familiarity and (known := found.get("familiarity")):
            update = {"threshold": known["threshold"]}
            facts["familiarity"] = spec.familiarity.model_copy(update=update)
    with atomic(out) as part:
        part.mkdir()
        weights = part / "model.safetensors"
        weights.write_bytes(save(halved(load_file(model / weights.name))))
        facts["weights_sha256"] = sha256(weights)
        save_spec(part / SPEC, spec.model_copy(update=facts))
        shutil.copyfile(licence_file, part / "LICENSE")


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python tools/ship.py", description=__doc__)
    parser.add_argument("model", type=Path, help="the folder of the model, such as results/model")
    parser.add_argument("out", type=Path, help="the folder to write, such as models/NAME")
    parser.add_argument("--licence", required=True, help="of the weights, by its SPDX identifier")
    parser.add_argument("--licence-file", required=True, type=Path, help="its text")
    parser.add_argument("--data", required=True, help="a sentence on the training images")
    parser.add_argument("--modality", help="what took them, such as 'darkfield microscopy'")
    parser.add_argument("--author", required=True, action="append", dest="authors", help="or more")
    parser.add_argument("--cross-validation", type=Path, help="the metrics.json of one")
    return parser


if __name__ == "__main__":
    with command():
        ship(**vars(parser().parse_args()))
