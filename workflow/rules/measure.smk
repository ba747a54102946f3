# Every epoch measured, one selected.
rule evaluate_batch:
    input:
        images=rules.resize_batch.output.images,
        masks=rules.flatten_masks_batch.output.mask_pixels,
        manifest=rules.flatten_masks.output.manifest,
        checkpoints=rules.train.output.checkpoints,
        spec=rules.train.output.spec,
    output:
        confusions=temp("results/batches/{batch}/confusions.npy"),
    log:
        "logs/evaluate/{batch}.log",
    benchmark:
        "benchmarks/evaluate/{batch}.tsv"
    threads: config["train"]["threads"]
    resources:
        gpu=gpus(),
        mem_mb=memory(8000),
        runtime=4 * 60,
    params:
        code=code("evaluate_batch"),
        train=config["train"],
        predict=config["predict"],
        classes=config["data"]["classes"],
        batches=config["data"]["batches"],
    script:
        "../scripts/evaluate_batch.py"


rule evaluate:
    input:
        **of_batches(rules.evaluate_batch.output),
        manifest=rules.flatten_masks.output.manifest,
        split=rules.split.output[0],
        spec=rules.train.output.spec,
    output:
        confusions="results/evaluation/confusions.npy",
        epochs=report(
            "results/evaluation/epochs.csv",
            caption="../report/epochs.rst",
            category="Metrics",
        ),
    log:
        "logs/evaluate.log",
    benchmark:
        "benchmarks/evaluate.tsv"
    params:
        code=code("evaluate"),
    script:
        "../scripts/evaluate.py"


rule select:
    input:
        manifest=rules.flatten_masks.output.manifest,
        split=rules.split.output[0],
        checkpoints=rules.train.output.checkpoints,
        spec=rules.train.output.spec,
        confusions=rules.evaluate.output.confusions,
        epochs=rules.evaluate.output.epochs,
    output:
        weights="results/model/model.safetensors",
        spec="results/model/model.json",
        metrics=report(
            "results/metrics.json",
            caption="../report/metrics.rst",
            category="Metrics",
        ),
        images=report(
            "results/evaluation/images.csv",
            caption="../report/images.rst",
            category="Metrics",
        ),
        confusion="results/evaluation/confusion.csv",
    log:
        "logs/select.log",
    benchmark:
        "benchmarks/select.tsv"
    params:
        code=code("select"),
        select=config["select"],
        predict=config["predict"],
    script:
        "../scripts/select.py"
