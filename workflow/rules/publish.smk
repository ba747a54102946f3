# The model for other programs, and the run for an archive, on demand: `snakemake export`, `snakemake crate`.


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
        publish=config["publish"],
    script:
        "../scripts/export.py"


rule crate:
    input:
        **{f"plot_{name}": files for name, files in rules.plots.output.items()},
        manifest=rules.flatten_masks.output.manifest,
        split=split_of,
        stats=rules.channel_stats.output[0],
        counts=rules.class_counts.output[0],
        history=rules.train.output.history,
        epochs=rules.evaluate.output.epochs,
        scores=rules.select.output.scores,
        images=rules.select.output.images,
        confusion=rules.select.output.confusion,
        weights=rules.calibrate.output.weights,
        spec=rules.calibrate.output.spec,
        objects=rules.metrics.output.objects,
        object_scores=rules.metrics.output.scores,
        metrics=rules.metrics.output.metrics,
        validation=rules.validation.output[0],
        overlays=rules.overlays.output[0],
        report=rules.html_report.output[0],
        pictures=ROOT,
    output:
        "results/{run}run.crate.zip",
    log:
        "logs/{run}crate.log",
    benchmark:
        "benchmarks/{run}crate.tsv"
    params:
        code=code("crate"),
        chain=os.path.normpath(f"{HERE}/../.."),
        settings=config,
        drawn=DRAWN,
    script:
        "../scripts/crate.py"
