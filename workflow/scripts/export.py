"""Export the model as ONNX, a package for the BioImage Model Zoo, and a model card."""

from pathlib import Path

from darkfield.engine.script import job
from darkfield.publish.onnx import export_model
from darkfield.sections import Publish

with job(snakemake) as log:
    folders = [Path(file).parent for file in (snakemake.input.weights, snakemake.output.onnx)]
    export_model(*folders, Publish.model_validate(snakemake.params.publish))
    log.info("%s", ", ".join(snakemake.output))
