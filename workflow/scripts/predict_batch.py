"""Label the pictures of one batch."""

from pathlib import Path

from darkfield.data.listing import batches
from darkfield.engine.script import job
from darkfield.files import atomic, write_json
from darkfield.network.device import setup
from darkfield.report.labels import label_files

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
