# The model for other programs, on demand: `snakemake export`.


rule export:
    input:
        weights=rules.select.output.weights,
        spec=rules.select.output.spec,
    output:
        onnx="results/export/model.onnx",
        package="results/export/darkfield.bioimageio.zip",
        card="results/export/MODEL_CARD.md",
    log:
        "logs/export.log",
    benchmark:
        "benchmarks/export.tsv"
    params:
        code=code("export"),
    script:
        "../scripts/export.py"
