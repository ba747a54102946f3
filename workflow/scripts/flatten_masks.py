"""Join the flattened masks of all batches, or report what is wrong with the pairs."""

from collections import Counter
from pathlib import Path

from darkfield.data import reading
from darkfield.data.listing import in_words, skipped
from darkfield.data.masks import find_pairs, gather_masks
from darkfield.engine.script import job
from darkfield.files import UserError, image_and_mask_folders, keep_only, read_json

with job(snakemake) as log:
    inputs, out = snakemake.input, snakemake.output
    _, problems = find_pairs(Path(inputs.root))
    problems += [problem for path in inputs.problems for problem in read_json(path)]
    if problems:
        raise UserError(*problems)
    folders, manifests = [Path(p) for p in inputs.masks], [Path(p) for p in inputs.manifest]
    classes = snakemake.params.data["classes"]
    table = gather_masks(folders, manifests, Path(out.masks), Path(out.manifest), classes)
    for files in (inputs.image_pixels, inputs.mask_pixels, inputs.object_pixels):
        keep_only(files)
    folders = image_and_mask_folders(Path(inputs.root))
    others = sum((skipped(folder, flat=True) for folder in folders), Counter())
    unused = f"; passed over: {in_words(others)}" if others else ""
    read = f"; read: {how}" if (how := reading.in_words(table["read"])) else ""
    log.info("%d masks flattened%s%s", len(table), read, unused)
