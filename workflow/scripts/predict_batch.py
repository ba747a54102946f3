"""Label the pictures of one batch."""

from itertools import chain
from pathlib import Path

from darkfield.data.listing import batches
from darkfield.data.reading import asked_of
from darkfield.engine.script import job
from darkfield.files import atomic, write_json
from darkfield.network.predictor import Predictor
from darkfield.report.labels import label_files

with job(snakemake) as log:
    cfg, train = snakemake.params.pictures, snakemake.params.train
    parts = batches(cfg["folder"], snakemake.params.batches, cfg["every"])
    sources, folder = parts[int(snakemake.wildcards.batch)], sorted(chain.from_iterable(parts))
    hardware = train["device"], train["precision"], train["threads"]
    predictor = Predictor(Path(snakemake.input.spec).parent, *hardware)
    with atomic(snakemake.output[0]) as part:
        part.mkdir()
        options = {key: cfg[key] for key in ("um_per_pixel", "rescale", "two_borders")}
        options |= {"asked": asked_of(cfg), "folder": folder}
        problems = label_files(sources, predictor, part, **options)
        write_json(part / "problems.json", problems)
    log.info("%d pictures, %d problems", len(sources), len(problems))
