"""Label the pictures of one batch."""

from darkfield.data.listing import batches
from darkfield.engine.script import job
from darkfield.files import atomic, write_json
from darkfield.network.predictor import Predictor
from darkfield.report.labels import label_files

with job(snakemake) as log:
    cfg, train = snakemake.params.pictures, snakemake.params.train
    sources = batches(cfg["folder"], snakemake.params.batches)[int(snakemake.wildcards.batch)]
    hardware = train["device"], train["precision"], train["threads"]
    predictor = Predictor(cfg["model"], *hardware)
    with atomic(snakemake.output[0]) as part:
        part.mkdir()
        measured = {key: cfg[key] for key in ("um_per_pixel", "two_borders")}
        problems = label_files(sources, predictor, part, **measured)
        write_json(part / "problems.json", problems)
    log.info("%d pictures, %d problems", len(sources), len(problems))
