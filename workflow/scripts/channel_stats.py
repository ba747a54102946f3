"""Mean and standard deviation of each colour channel of the training images."""

from pathlib import Path

from tqdm import tqdm

from darkfield.files import read_csv, write_json
from darkfield.images import read_image, resize_image
from darkfield.job import job
from darkfield.stats import channel_stats

with job(snakemake.log[0]) as log:
    table = read_csv(snakemake.input.manifest).merge(read_csv(snakemake.input.split), on="image")
    files = tqdm(table["file"][table["split"] == "train"], "channel_stats", disable=None)
    folder, size = Path(snakemake.input.root, "images"), tuple(snakemake.params.image_size)
    stats = channel_stats(resize_image(read_image(folder / f), size) for f in files)
    write_json(snakemake.output[0], stats)
    log.info("%s", stats)
