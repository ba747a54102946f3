"""Fit the selected model's confidence on val, and what it knows; put the model together."""

import shutil
from pathlib import Path

from darkfield.classes import class_names
from darkfield.data.reading import asked_of
from darkfield.engine.script import job
from darkfield.files import atomic, read_csv, read_json, sha256
from darkfield.measure.calibration import TABLES, Tables, fit, of_images
from darkfield.network.familiarity import fit_familiarity
from darkfield.network.spec import load_spec, reading, save_spec
from darkfield.objects.kinds import kinds_of
from darkfield.sections import Predict

with job(snakemake) as log:
    inputs, output = snakemake.input, snakemake.output
    spec, scores = load_spec(Path(inputs.spec)), read_json(inputs.scores)
    split = read_csv(inputs.split)
    found = Tables(*(read_csv(inputs[name]) for name in TABLES))
    val = of_images(found, split.loc[split["split"] == "val", "image"], "val")
    kinds = kinds_of(spec.classes, spec.background, snakemake.params.objects)
    starts = [load_spec(Path(path)).calibration_of(kinds) for path in inputs.pretrained_spec]
    earlier = starts[0].objects if starts and starts[0] else None
    calibration = fit(val, class_names(spec.classes), earlier)
    features = read_csv(inputs.features).set_index("image").loc[split["image"]].to_numpy()
    known, held_out = (features[split["split"] == name] for name in ("train", "val"))
    table = read_csv(inputs.manifest).merge(split, on="image")
    with atomic(output.weights) as part:
        shutil.copyfile(inputs.checkpoints[scores["epoch"] - 1], part)
    facts = {
        "predict": Predict(**snakemake.params.predict),
        "objects": kinds,
        "colours": snakemake.params.colours,
        "epoch": scores["epoch"],
        "metrics": {name: scores[name] for name in ("test", "val")},
        "caveats": tuple(scores.get("caveats", [])),
        "weights_sha256": sha256(Path(output.weights)),
        "calibration": calibration,
        "reading": reading(table, asked_of(snakemake.params.data)),
        "familiarity": fit_familiarity(known, held_out),
    }
    save_spec(output.spec, spec.model_copy(update=facts))
    log.info("%s", calibration.model_dump_json() if calibration else "no val image: not calibrated")
