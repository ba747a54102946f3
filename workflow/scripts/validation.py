"""Write the sheet that a reviewer asks for."""

from pathlib import Path

import numpy as np

from darkfield.engine.script import job
from darkfield.files import atomic, read_csv, read_json
from darkfield.network.spec import load_spec
from darkfield.publish.validation import sheet

with job(snakemake) as log:
    inputs = snakemake.input
    found = read_json(inputs.scores)
    text = sheet(
        spec=load_spec(Path(inputs.spec)),
        settings={name: snakemake.params[name] for name in ("data", "split", "select")},
        counts=read_json(inputs.counts),
        table=read_csv(inputs.manifest).merge(read_csv(inputs.split), on="image"),
        found=found,
        object_scores=read_json(inputs.object_scores),
        objects=read_csv(inputs.objects),
        matrices=np.load(inputs.confusions)[found["epoch"] - 1],
    )
    with atomic(snakemake.output[0]) as part:
        part.write_text(text, encoding="utf-8")
    log.info("%s", snakemake.output[0])
