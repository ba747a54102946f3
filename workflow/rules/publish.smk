# The model for other programs, on demand: `snakemake export`.


rule export:
    input:
        weights=rules.calibrate.output.weights,
        spec=rules.calibrate.output.spec,
    output:
        onnx="results/{run}export/model.onnx",
        package="results/{run}export/darkfield.bioimageio.zip",
        card="results/{run}export/MODEL_CARD.md",
    log:
        "logs/{run}export.log",
    benchmark:
        "benchmarks/{run}export.tsv"
    params:
        code=code("export"),
    script:
        "../scripts/export.py"
