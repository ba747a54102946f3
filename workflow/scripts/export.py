"""Turn the model into ONNX, a package for the BioImage Model Zoo, and a model card."""

from pathlib import Path

from darkfield.export import export_model
from darkfield.job import job

with job(snakemake) as log:
    export_model(Path(snakemake.input.weights).parent, Path(snakemake.output.onnx).parent)
    log.info("%s", ", ".join(snakemake.output))
