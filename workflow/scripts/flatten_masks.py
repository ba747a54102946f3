"""Join the flattened masks of all batches, or report what is wrong with the pairs."""

from collections import Counter
from pathlib import Path

from darkfield.data import reading
from darkfield.data.listing import in_words, skipped
from darkfield.data.mask_files import is_mask
from darkfield.data.masks import gather_masks
from darkfield.data.pairs import find_pairs, suffix_of
from darkfield.engine.script import job
from darkfield.files import UserError, image_and_mask_folders, keep_only, read_json

with job(snakemake) as log:
    inputs, out, data = snakemake.input, snakemake.output, snakemake.params.data
    pairs, problems = find_pairs(Path(inputs.root), data["classes"], data["mask_suffix"])
    problems += [problem for path in inputs.problems for problem in read_json(path)]
    if problems:
        raise UserError(*problems)
    folders, manifests = [Path(p) for p in inputs.masks], [Path(p) for p in inputs.manifest]
    options = {"classes": data["classes"], "check": data["check_masks"]}
    table = gather_masks(folders, manifests, Path(out.masks), Path(out.manifest), **options)
    for files in (inputs.image_pixels, inputs.mask_pixels, inputs.object_pixels):
        keep_only(files)
    folders = image_and_mask_folders(Path(inputs.root))
    others = sum((skipped(folder, known=is_mask) for folder in folders), Counter())
    unused = f"; passed over: {in_words(others)}" if others else ""
    read = f"; read: {how}" if (how := reading.in_words(table["read"])) else ""
    suffix = f"; masks are named NAME{found}" if (found := suffix_of(pairs)) else ""
    log.info("%d masks flattened%s%s%s", len(table), read, suffix, unused)
