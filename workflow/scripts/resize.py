"""Bring images and masks to the size that the network takes."""

from tqdm import tqdm

from darkfield.files import atomic, hand_over, read_csv
from darkfield.images import resize_image, resize_mask
from darkfield.job import job
from darkfield.pixels import Pictures, network_sizes, new_pixels

with job(snakemake.log[0]) as log:
    sizes = network_sizes(read_csv(snakemake.input.manifest), "native")
    size = snakemake.params.image_size
    for name, channels, resize in (("images", (3,), resize_image), ("masks", (), resize_mask)):
        source, target = snakemake.input[name], snakemake.output[name]
        if size == "native":
            with atomic(target) as part:
                hand_over(source, part)
        else:
            with new_pixels(target, *channels) as append:
                pictures = Pictures(source, sizes)
                for picture in tqdm(pictures, f"resize {name}", unit="picture", disable=None):
                    append(resize(picture, tuple(size)))
    log.info("%d pictures at %s", len(sizes), size)
