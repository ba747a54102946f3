"""Resize a batch of images and masks to the network's input size; sum up its channels."""

import pandas as pd

from darkfield.data.images import resize_image, resize_mask
from darkfield.data.pixels import Pictures, batch_rows, network_sizes, new_pixels
from darkfield.data.stats import channel_sums
from darkfield.engine.script import job
from darkfield.files import atomic, hand_over, read_csv, write_csv
from darkfield.progress import progress

with job(snakemake) as log:
    table = read_csv(snakemake.input.manifest)
    batch, batches = int(snakemake.wildcards.batch), snakemake.params.batches
    table = table.iloc[batch_rows(len(table), batch, batches)]
    sizes, size = network_sizes(table, "native"), snakemake.params.image_size
    for name, channels, resize in (("images", (3,), resize_image), ("masks", (), resize_mask)):
        source, target = snakemake.input[name], snakemake.output[name]
        if size == "native":
            with atomic(target) as part:
                hand_over(source, part)
        else:
            with new_pixels(target, *channels) as append:
                pictures = Pictures([source], sizes)
                for picture in progress(pictures, "picture"):
                    append(resize(picture, tuple(size)))
    images = Pictures([snakemake.output.images], network_sizes(table, size))
    sums = [channel_sums(image) for image in progress(images, "picture")]
    write_csv(snakemake.output.sums, pd.DataFrame(sums, index=table["image"]).reset_index())
    log.info("%d pictures at %s", len(sizes), size)
