# A model folder measured on the data of params.yaml, on demand:
# `snakemake results/models/NAME/metrics.json` for models/NAME.


wildcard_constraints:
    model="[^/]+",


use rule resize as model_resize with:
    output:
        images=temp("results/models/{model}/images.npy"),
        masks=temp("results/models/{model}/masks.npy"),
    log:
        "logs/models/{model}/resize.log",
    benchmark:
        "benchmarks/models/{model}/resize.tsv"
    params:
        image_size=of_model("image_size"),


use rule evaluate as model_evaluate with:
    input:
        images=rules.model_resize.output.images,
        masks=rules.flatten_masks.output.mask_pixels,
        manifest=rules.flatten_masks.output.manifest,
        split=rules.split.output.split,
        checkpoints=["models/{model}/model.safetensors"],
        spec="models/{model}/model.json",
        code=code("evaluate"),
    output:
        confusions="results/models/{model}/evaluation/confusions.npy",
        epochs="results/models/{model}/evaluation/epochs.csv",
    log:
        "logs/models/{model}/evaluate.log",
    benchmark:
        "benchmarks/models/{model}/evaluate.tsv"
    params:
        predict=of_model("predict"),


use rule select as model_select with:
    input:
        split=rules.split.output.split,
        checkpoints=["models/{model}/model.safetensors"],
        spec="models/{model}/model.json",
        confusions=rules.model_evaluate.output.confusions,
        epochs=rules.model_evaluate.output.epochs,
        code=code("select"),
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
