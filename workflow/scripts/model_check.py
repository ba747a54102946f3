"""Refuse to measure a model on other classes, or on images that it was trained on."""

from pathlib import Path

from darkfield.classes import matched
from darkfield.data.trained_on import REMEDY, caveats, leak, qualified, recorded
from darkfield.engine.script import job
from darkfield.files import UserError, read_csv, write_json
from darkfield.network.spec import load_spec

with job(snakemake) as log:
    path, params = Path(snakemake.input.spec), snakemake.params
    spec = load_spec(path)
    matched(spec.classes, params.classes, path)
    table = read_csv(snakemake.input.manifest).merge(read_csv(snakemake.input.split), on="image")
    if params.trained_on == "refuse" and (lines := caveats(leak(table, recorded(path)))):
        raise UserError(f"{path.parent}: {', '.join(lines)}; measure it on others, or {REMEDY}")
    found = qualified(table, spec.trained_on)
    write_json(snakemake.output[0], found)
    log.info("%s", found.get("caveats", "no test or val image was seen in training"))
