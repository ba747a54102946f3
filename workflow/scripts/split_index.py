"""Gather what all batches know of their pictures, and index it, so that likely pairs are found."""

from pathlib import Path

from darkfield.data.features import read_features
from darkfield.data.fields import copies_of, write_likely
from darkfield.data.trained_on import KEY
from darkfield.engine.script import job
from darkfield.files import atomic, hand_over, read_csv

with job(snakemake) as log:
    inputs = snakemake.input
    features = read_features(inputs.keypoints, inputs.described)
    copies = copies_of(read_csv(inputs.manifest)[KEY])
    with atomic(snakemake.output.index) as folder:
        folder.mkdir()
        for name in ("images", "keypoints", "described"):
            (folder / name).mkdir()
            for number, path in enumerate(inputs[name]):
                hand_over(path, folder / name / f"{number}{Path(path).suffix}")
        write_likely([features[same[0]] for same in copies], folder)
    log.info("%d images, %d different ones", len(features), len(copies))
