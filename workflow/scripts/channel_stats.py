"""Mean and standard deviation of each colour channel of the training images."""

from tqdm import tqdm

from darkfield.files import read_csv, write_json
from darkfield.job import job
from darkfield.pixels import Pictures, network_sizes
from darkfield.stats import channel_stats

with job(snakemake.log[0]) as log:
    table = read_csv(snakemake.input.manifest).merge(read_csv(snakemake.input.split), on="image")
    sizes, rows = (
        network_sizes(table, snakemake.params.image_size),
        table.index[table["split"] == "train"],
    )
    images = Pictures(snakemake.input.images, sizes, rows)
    stats = channel_stats(tqdm(images, "channel_stats", unit="image", disable=None))
    write_json(snakemake.output[0], stats)
    log.info("%s", stats)
