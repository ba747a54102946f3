# A model folder measured on the data of params.yaml, on demand:
# `snakemake results/models/NAME/metrics.json` for models/NAME.


wildcard_constraints:
    model="[^/]+",


rule model_check:
    input:
        manifest=rules.flatten_masks.output.manifest,
        split=rules.split.output.split,
        spec="models/{model}/model.json",
    output:
        "results/models/{model}/check.json",
    log:
        "logs/models/{model}/check.log",
    params:
        code=code("model_check"),
        classes=config["data"]["classes"],
        trained_on=config["evaluate"]["trained_on"],
    script:
        "../scripts/model_check.py"


use rule resize_batch as model_resize_batch with:
    output:
        images=temp("results/models/{model}/batches/{batch}/images.npy"),
        masks=temp("results/models/{model}/batches/{batch}/masks.npy"),
        sums=temp("results/models/{model}/batches/{batch}/resized.csv"),
    log:
        "logs/models/{model}/resize/{batch}.log",
    benchmark:
        "benchmarks/models/{model}/resize/{batch}.tsv"
    params:
        image_size=of_model("image_size"),


use rule evaluate_batch as model_evaluate_batch with:
    input:
        images=rules.model_resize_batch.output.images,
        masks=rules.flatten_masks_batch.output.mask_pixels,
        manifest=rules.flatten_masks.output.manifest,
        checkpoints=["models/{model}/model.safetensors"],
        spec="models/{model}/model.json",
        check=rules.model_check.output,
    output:
        confusions=temp("results/models/{model}/batches/{batch}/confusions.npy"),
    log:
        "logs/models/{model}/evaluate/{batch}.log",
    benchmark:
        "benchmarks/models/{model}/evaluate/{batch}.tsv"
    params:
        predict=of_model("predict"),


use rule evaluate as model_evaluate with:
    input:
        **of_batches(rules.model_evaluate_batch.output),
        manifest=rules.flatten_masks.output.manifest,
        split=rules.split.output.split,
        spec="models/{model}/model.json",
    output:
        confusions="results/models/{model}/evaluation/confusions.npy",
        epochs="results/models/{model}/evaluation/epochs.csv",
    log:
        "logs/models/{model}/evaluate.log",
    benchmark:
        "benchmarks/models/{model}/evaluate.tsv"


use rule select as model_select with:
    input:
        manifest=rules.flatten_masks.output.manifest,
        split=rules.split.output.split,
        checkpoints=["models/{model}/model.safetensors"],
        spec="models/{model}/model.json",
        confusions=rules.model_evaluate.output.confusions,
        epochs=rules.model_evaluate.output.epochs,
    output:
        weights="results/models/{model}/model/model.safetensors",
        spec="results/models/{model}/model/model.json",
        metrics="results/models/{model}/metrics.json",
        images="results/models/{model}/evaluation/images.csv",
        confusion="results/models/{model}/evaluation/confusion.csv",
    log:
        "logs/models/{model}/select.log",
    benchmark:
        "benchmarks/models/{model}/select.tsv"
    params:
        select={"epoch": 1},
        predict=of_model("predict"),
