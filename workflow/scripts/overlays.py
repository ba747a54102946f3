"""Join the overlays of all batches."""

from pathlib import Path

from darkfield.engine.script import job
from darkfield.files import atomic, hand_over

with job(snakemake) as log:
    with atomic(snakemake.output[0]) as part:
        for name in ("train", "test"):
            (part / name).mkdir(parents=True)
            for folder in map(Path, snakemake.input.overlays):
                for path in sorted((folder / name).iterdir()):
                    hand_over(path, part / name / path.name)
    log.info("overlays in %s", snakemake.output[0])
