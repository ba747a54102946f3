"""Check the pairs of image and mask of one batch, and turn the masks into class indices."""

from pathlib import Path

from darkfield.data.masks import flatten_pairs
from darkfield.data.pairs import find_numbers, find_pairs
from darkfield.data.pixels import batch_rows
from darkfield.data.reading import asked_of, folder_ranges
from darkfield.engine.script import job
from darkfield.files import write_json

with job(snakemake) as log:
    data, out = snakemake.params.data, snakemake.output
    pairs, _ = find_pairs(Path(snakemake.input.root), data["classes"], data["mask_suffix"])
    rows = batch_rows(len(pairs), int(snakemake.wildcards.batch), data["batches"])
    stems = list(pairs)[rows.start : rows.stop]
    asked = asked_of(data)
    problems = flatten_pairs(
        {stem: pairs[stem] for stem in stems},
        Path(out.masks),
        Path(out.manifest),
        Path(out.image_pixels),
        Path(out.mask_pixels),
        Path(out.object_pixels),
        numbers=find_numbers(Path(snakemake.input.root))[0],
        asked=asked,
        ranges=folder_ranges([(image, "") for image, _ in pairs.values()], asked),
        um_per_pixel=data["um_per_pixel"],
        mask_values=data["mask_values"],
        classes=data["classes"],
        background=data["classes"].get(data["background"]),
        check=data["check_masks"],
        threads=snakemake.threads,
    )
    write_json(out.problems, problems)
    log.info("%d pairs, %d problems", len(stems), len(problems))
