"""Find the pictures that show the field of view of another: a batch of the likely pairs."""

from pathlib import Path

from darkfield.data.features import read_features
from darkfield.data.fields import copies_of, likely, overlapping
from darkfield.data.pixels import Pictures
from darkfield.data.trained_on import KEY
from darkfield.engine.script import job
from darkfield.files import read_csv, write_json

with job(snakemake) as log:
    index, batches = Path(snakemake.input.index), snakemake.params.batches
    manifest = read_csv(snakemake.input.manifest)
    sizes = manifest[["height", "width"]].to_numpy()
    keypoints, described, images = (
        [index / name / f"{number}.{suffix}" for number in range(batches)]
        for name, suffix in (("keypoints", "npy"), ("described", "json"), ("images", "npy"))
    )
    # Of pictures that are the same, the first stands for all.
    rows = [same[0] for same in copies_of(manifest[KEY])]
    features = read_features(keypoints, described)
    features, pictures = [features[row] for row in rows], Pictures(images, sizes, rows)
    asked = likely(features, index, int(snakemake.wildcards.batch), batches)
    found = overlapping(asked, features, pictures)
    write_json(snakemake.output.pairs, found)
    log.info("%d of %d pairs overlap", len(found), len(asked))
