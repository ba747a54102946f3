"""Pack the run as an RO-Crate."""

from pathlib import Path

from darkfield.engine.script import job
from darkfield.files import atomic
from darkfield.publish.crate import write_crate

with job(snakemake) as log:
    params = snakemake.params
    files = {
        name: [Path(file) for file in ([found] if isinstance(found, str) else found)]
        for name, found in snakemake.input.items()
    }
    (pictures,) = files.pop("pictures")
    with atomic(snakemake.output[0]) as part:
        write_crate(part, Path(params.chain), params.settings, files, pictures, params.drawn)
    log.info("%s", snakemake.output[0])
