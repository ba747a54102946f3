# From splits to a trained, measured, selected model.
rule train:
    input:
        images=RESIZED["images"],
        masks=RESIZED["masks"],
        manifest=rules.flatten_masks.output.manifest,
        split=rules.split.output[0],
        stats=rules.channel_stats.output[0],
        counts=rules.class_counts.output[0],
        pretrained=(
            [] if PRETRAINED == "none" else f"models/{PRETRAINED}/model.safetensors"
        ),
        pretrained_spec=PRETRAINED_SPEC,
        code=code("train"),
    output:
        checkpoints=expand(
            "results/train/checkpoints/{epoch:04d}.safetensors",
            epoch=range(1, config["train"]["epochs"] + 1),
        ),
        history="results/train/history.csv",
        spec="results/train/model.json",
    log:
        "logs/train.log",
    benchmark:
        "benchmarks/train.tsv"
    threads: config["train"]["threads"] * config["train"]["processes"]
    resources:
        gpu=gpus(config["train"]["processes"]),
        mem_mb=memory(16000),
        runtime=24 * 60,
    params:
        train=config["train"],
        augment=config["augment"],
        model=config["model"],
        image_size=config["image_size"],
        classes=config["data"]["classes"],
    script:
        "../scripts/train.py"


rule evaluate_batch:
    input:
        images=rules.resize_batch.output.images,
        masks=rules.flatten_masks_batch.output.mask_pixels,
        manifest=rules.flatten_masks.output.manifest,
        checkpoints=rules.train.output.checkpoints,
        spec=rules.train.output.spec,
        code=code("evaluate_batch"),
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
        code=code("evaluate"),
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
        code=code("select"),
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
        select=config["select"],
        predict=config["predict"],
    script:
        "../scripts/select.py"
