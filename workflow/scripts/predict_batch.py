"""Label the pictures of one batch."""

from pathlib import Path

from darkfield.device import setup
from darkfield.files import atomic, write_json
from darkfield.job import job
from darkfield.labels import label_files
from darkfield.listing import batches

with job(snakemake) as log:
    cfg, train = snakemake.params.pictures, snakemake.params.train
    sources = batches(cfg["folder"], snakemake.params.batches)[int(snakemake.wildcards.batch)]
    hardware = setup(train["device"], train["precision"], train["threads"])
    scale = None if cfg["um_per_pixel"] == "none" else cfg["um_per_pixel"]
    with atomic(snakemake.output[0]) as part:
        part.mkdir()
        problems = label_files(sources, Path(cfg["model"]), part, *hardware, um_per_pixel=scale)
        write_json(part / "problems.json", problems)
    log.info("%d pictures, %d problems", len(sources), len(problems))
