"""Bring images and masks to the size that the network takes."""

from tqdm import tqdm

from darkfield.files import read_csv
from darkfield.images import resize_image, resize_mask
from darkfield.job import job
from darkfield.pixels import Pictures, new_pixels

with job(snakemake.log[0]) as log:
    sizes = read_csv(snakemake.input.manifest)[["height", "width"]].to_numpy()
    size = tuple(snakemake.params.image_size)
    images, masks = (Pictures(snakemake.input[name], sizes) for name in ("images", "masks"))
    with new_pixels(snakemake.output.images, 3) as add_image:
        for image in tqdm(images, "resize images", unit="image", disable=None):
            add_image(resize_image(image, size))
    with new_pixels(snakemake.output.masks) as add_mask:
        for mask in tqdm(masks, "resize masks", unit="mask", disable=None):
            add_mask(resize_mask(mask, size))
    log.info("%d pictures at %d x %d pixels", len(sizes), *size)
