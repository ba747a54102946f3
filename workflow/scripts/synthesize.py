"""Draw synthetic darkfield scenes with their masks, unless there are pictures to use instead."""

from pathlib import Path

from darkfield.data.synthetic import synthesize
from darkfield.engine.script import job
from darkfield.files import atomic, sha256

with job(snakemake) as log:
    cfg, out = snakemake.params.synthesize, Path(snakemake.output.folder)
    with atomic(out) as part, atomic(snakemake.output.checksums) as checksums:
        if Path(snakemake.params.root) == out:
            synthesize(part, **cfg)
        else:
            part.mkdir()
        files = sorted(part.rglob("*.png"))
        lines = (f"{sha256(p)}  {out.name}/{p.relative_to(part)}\n" for p in files)
        checksums.write_text("".join(lines))
    log.info("%d scenes in %s", cfg["images"] if files else 0, out)
