# Grouped cross-validation, on demand: `snakemake cross_validation`. Each fold is the chain from its own
# split on, under results/folds/FOLD/.
FOLDS = [str(fold + 1) for fold in range(config["split"]["folds"])]


wildcard_constraints:
    fold=r"\d+",


rule fold:
    input:
        split=rules.split.output.split,
        manifest=rules.flatten_masks.output.manifest,
        pretrained=PRETRAINED_SPEC,
    output:
        **of_fold(rules.split.output),
    log:
        "logs/folds/{fold}/split.log",
    params:
        code=code("fold"),
        split=config["split"],
        classes=config["data"]["classes"],
        trained_on=TRAINED_ON,
    script:
        "../scripts/fold.py"


use rule channel_stats as fold_channel_stats with:
    input:
        **of_fold(rules.channel_stats.input),
    output:
        **of_fold(rules.channel_stats.output),
    log:
        "logs/folds/{fold}/channel_stats.log",
    benchmark:
        "benchmarks/folds/{fold}/channel_stats.tsv"


use rule class_counts as fold_class_counts with:
    input:
        **of_fold(rules.class_counts.input),
    output:
        **of_fold(rules.class_counts.output),
    log:
        "logs/folds/{fold}/class_counts.log",
    benchmark:
        "benchmarks/folds/{fold}/class_counts.tsv"


use rule train as fold_train with:
    input:
        **of_fold(rules.train.input),
    output:
        **of_fold(rules.train.output),
    log:
        "logs/folds/{fold}/train.log",
    benchmark:
        "benchmarks/folds/{fold}/train.tsv"


use rule evaluate_batch as fold_evaluate_batch with:
    input:
        **of_fold(rules.evaluate_batch.input),
    output:
        **of_fold(rules.evaluate_batch.output),
    log:
        "logs/folds/{fold}/evaluate/{batch}.log",
    benchmark:
        "benchmarks/folds/{fold}/evaluate/{batch}.tsv"


use rule evaluate as fold_evaluate with:
    input:
        **of_fold(rules.evaluate.input),
    output:
        **of_fold(rules.evaluate.output),
    log:
        "logs/folds/{fold}/evaluate.log",
    benchmark:
        "benchmarks/folds/{fold}/evaluate.tsv"


use rule select as fold_select with:
    input:
        **of_fold(rules.select.input),
    output:
        **of_fold(rules.select.output),
    log:
        "logs/folds/{fold}/select.log",
    benchmark:
        "benchmarks/folds/{fold}/select.tsv"


rule cross_validation:
    input:
        splits=expand("results/folds/{fold}/split.csv", fold=FOLDS),
        confusions=expand("results/folds/{fold}/evaluation/confusions.npy", fold=FOLDS),
        metrics=expand("results/folds/{fold}/metrics.json", fold=FOLDS),
    output:
        metrics="results/folds/metrics.json",
        images="results/folds/images.csv",
        confusions="results/folds/confusions.npy",
        split="results/folds/split.csv",
    log:
        "logs/cross_validation.log",
    params:
        code=code("cross_validation"),
        classes=config["data"]["classes"],
    script:
        "../scripts/cross_validation.py"


rule label_review:
    input:
        native=PIXELS["image_pixels"],
        masks=PIXELS["mask_pixels"],
        images=RESIZED["images"],
        manifest=rules.flatten_masks.output.manifest,
        split=rules.cross_validation.output.split,
        confusions=rules.cross_validation.output.confusions,
        weights=expand("results/folds/{fold}/model/model.safetensors", fold=FOLDS),
        specs=expand("results/folds/{fold}/model/model.json", fold=FOLDS),
    output:
        ranks="results/label_review.csv",
        overlays=directory("results/label_review"),
    log:
        "logs/label_review.log",
    threads: config["train"]["threads"]
    resources:
        gpu=gpus(),
        mem_mb=memory(8000),
        runtime=4 * 60,
    params:
        code=code("label_review"),
        train=config["train"],
        classes=config["data"]["classes"],
        image_size=config["image_size"],
    script:
        "../scripts/label_review.py"
