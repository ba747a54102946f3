"""Export the model as ONNX, a package for the BioImage Model Zoo, and a model card."""

from pathlib import Path

from darkfield.engine.script import job
from darkfield.publish.onnx import export_model

with job(snakemake) as log:
    export_model(Path(snakemake.input.weights).parent, Path(snakemake.output.onnx).parent)
    log.info("%s", ", ".join(snakemake.output))
