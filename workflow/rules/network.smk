# From splits to a trained model.
rule train:
    input:
        images=RESIZED["images"],
        masks=RESIZED["masks"],
        manifest=rules.flatten_masks.output.manifest,
        split=split_of,
        stats=rules.channel_stats.output[0],
        counts=rules.class_counts.output[0],
        pretrained=PRETRAINED_WEIGHTS,
        pretrained_spec=PRETRAINED_SPEC,
        teacher=[
            path
            for spec in TEACHER_SPECS
            for path in (spec, spec.replace("model.json", "model.safetensors"))
        ],
    output:
        checkpoints=expand(
            "results/{run}train/checkpoints/{epoch:04d}.safetensors",
            epoch=range(1, config["train"]["epochs"] + 1),
            allow_missing=True,
        ),
        history="results/{run}train/history.csv",
        spec="results/{run}train/model.json",
    log:
        "logs/{run}train.log",
    benchmark:
        "benchmarks/{run}train.tsv"
    threads: config["train"]["threads"] * config["train"]["processes"]
    resources:
        gpu=gpus(config["train"]["processes"]),
        mem_mb=memory(16000),
        runtime=24 * 60,
    params:
        code=code("train"),
        train=config["train"],
        augment=config["augment"],
        model=config["model"],
        image_size=config["image_size"],
        classes=config["data"]["classes"],
        background=config["data"]["background"],
        synthesize=config["synthesize"],
    script:
        "../scripts/train.py"
