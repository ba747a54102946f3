"""Join the labels and counts of all batches."""

import sys
from pathlib import Path

import pandas as pd

from darkfield.data.listing import in_words, skipped
from darkfield.engine.script import job
from darkfield.files import atomic, concat_csv, hand_over, read_csv, read_json, write_csv
from darkfield.network.spec import load_spec
from darkfield.report.as_trained import remarks
from darkfield.report.predictions import write_index

with job(snakemake) as log:
    pictures = snakemake.params.pictures
    folders = [Path(folder) for folder in snakemake.input.batches]
    with atomic(snakemake.output.labels) as part:
        for folder in folders:
            for path in sorted(p for p in folder.rglob("*") if p.suffix in (".png", ".jpg")):
                target = part / path.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                hand_over(path, target)
    for name in ("counts", "objects"):
        tables = concat_csv([folder / f"{name}.csv" for folder in folders])
        table = tables.sort_values("image", kind="stable")
        write_csv(snakemake.output[name], table)
    problems = sorted(line for folder in folders for line in read_json(folder / "problems.json"))
    write_csv(snakemake.output.problems, pd.DataFrame({"problem": problems}))
    labels = Path(snakemake.output.labels)
    model = load_spec(Path(snakemake.input.spec))
    write_index(labels.parent, labels, model, problems)
    print(*problems, sep="\n", file=sys.stderr)
    unused = in_words(skipped(Path(pictures["folder"])))
    if unused:
        print(f"passed over: {unused}", file=sys.stderr)
    counts = read_csv(snakemake.output.counts)
    for line in remarks(counts, model, rescaled=pictures["rescale"]):
        print(line, file=sys.stderr)
    log.info("%d pictures could not be read; passed over: %s", len(problems), unused or "none")
