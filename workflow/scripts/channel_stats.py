"""Mean and standard deviation of each colour channel of the training images."""

from darkfield.data.stats import channel_stats, constant_channels
from darkfield.engine.script import job
from darkfield.files import read_csv, write_json

with job(snakemake) as log:
    table = read_csv(snakemake.input.sums).merge(read_csv(snakemake.input.split), on="image")
    stats = channel_stats(table[table["split"] == "train"])
    write_json(snakemake.output[0], stats)
    log.info("%d images of the training split", stats["images"])
    if constant := constant_channels(stats):
        log.warning(
            "%s: the same value in every pixel of the training images; only shifted, not scaled",
            ", ".join(constant),
        )
