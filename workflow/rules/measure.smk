# Every epoch measured, one selected, its objects compared with those drawn, its confidence calibrated.
rule evaluate_batch:
    input:
        images=rules.resize_batch.output.images,
        masks=rules.flatten_masks_batch.output.mask_pixels,
        manifest=rules.flatten_masks.output.manifest,
        split=split_of,
        checkpoints=rules.train.output.checkpoints,
        spec=rules.train.output.spec,
    output:
        confusions=temp("results/{run}batches/{batch}/confusions.npy"),
    log:
        "logs/{run}evaluate/{batch}.log",
    benchmark:
        "benchmarks/{run}evaluate/{batch}.tsv"
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
        split=split_of,
        spec=rules.train.output.spec,
    output:
        confusions="results/{run}evaluation/confusions.npy",
        epochs=report(
            "results/{run}evaluation/epochs.csv",
            caption="../report/epochs.rst",
            category="Metrics",
        ),
    log:
        "logs/{run}evaluate.log",
    benchmark:
        "benchmarks/{run}evaluate.tsv"
    params:
        code=code("evaluate"),
    script:
        "../scripts/evaluate.py"


rule select:
    input:
        manifest=rules.flatten_masks.output.manifest,
        split=split_of,
        spec=rules.train.output.spec,
        confusions=rules.evaluate.output.confusions,
        epochs=rules.evaluate.output.epochs,
    output:
        scores="results/{run}evaluation/scores.json",
        images=report(
            "results/{run}evaluation/images.csv",
            caption="../report/images.rst",
            category="Metrics",
        ),
        confusion="results/{run}evaluation/confusion.csv",
    log:
        "logs/{run}select.log",
    benchmark:
        "benchmarks/{run}select.tsv"
    params:
        code=code("select"),
        select=config["select"],
    script:
        "../scripts/select.py"


rule objects_batch:
    input:
        native=rules.flatten_masks_batch.output.image_pixels,
        masks=rules.flatten_masks_batch.output.mask_pixels,
        numbers=rules.flatten_masks_batch.output.object_pixels,
        manifest=rules.flatten_masks.output.manifest,
        split=split_of,
        checkpoints=rules.train.output.checkpoints,
        spec=rules.train.output.spec,
        scores=rules.select.output.scores,
    output:
        objects=temp("results/{run}batches/{batch}/objects.csv"),
        pairs=temp("results/{run}batches/{batch}/pairs.csv"),
        outlines=temp("results/{run}batches/{batch}/outlines.csv"),
        pixels=temp("results/{run}batches/{batch}/pixels.csv"),
        features=temp("results/{run}batches/{batch}/features.csv"),
    log:
        "logs/{run}objects/{batch}.log",
    benchmark:
        "benchmarks/{run}objects/{batch}.tsv"
    threads: config["train"]["threads"]
    resources:
        gpu=gpus(),
        mem_mb=memory(8000),
        runtime=4 * 60,
    params:
        code=code("objects_batch"),
        train=config["train"],
        predict=config["predict"],
        classes=config["data"]["classes"],
        objects=config["objects"],
        batches=config["data"]["batches"],
    script:
        "../scripts/objects_batch.py"


rule objects:
    input:
        **of_batches(rules.objects_batch.output),
    output:
        objects="results/{run}found/objects.csv",
        pairs="results/{run}found/pairs.csv",
        outlines="results/{run}found/outlines.csv",
        pixels="results/{run}found/pixels.csv",
        features="results/{run}found/features.csv",
    log:
        "logs/{run}objects.log",
    benchmark:
        "benchmarks/{run}objects.tsv"
    params:
        code=code("objects"),
    script:
        "../scripts/objects.py"


rule calibrate:
    input:
        **{name: unflagged(file) for name, file in rules.objects.output.items()},
        manifest=rules.flatten_masks.output.manifest,
        split=split_of,
        checkpoints=rules.train.output.checkpoints,
        spec=rules.train.output.spec,
        scores=rules.select.output.scores,
        pretrained_spec=PRETRAINED_SPEC,
    output:
        weights="results/{run}model/model.safetensors",
        spec="results/{run}model/model.json",
    log:
        "logs/{run}calibrate.log",
    benchmark:
        "benchmarks/{run}calibrate.tsv"
    params:
        code=code("calibrate"),
        data=config["data"],
        predict=config["predict"],
        objects=config["objects"],
        colours=config["colours"],
    script:
        "../scripts/calibrate.py"


# Runs only for a training that starts from a model: how good that one is on the test images.
rule metrics_batch:
    input:
        native=rules.flatten_masks_batch.output.image_pixels,
        masks=rules.flatten_masks_batch.output.mask_pixels,
        numbers=rules.flatten_masks_batch.output.object_pixels,
        manifest=rules.flatten_masks.output.manifest,
        split=split_of,
        spec=rules.calibrate.output.spec,
        pretrained=PRETRAINED_WEIGHTS,
        pretrained_spec=PRETRAINED_SPEC,
    output:
        confusions=temp("results/{run}batches/{batch}/before.npy"),
        images=temp("results/{run}batches/{batch}/before.csv"),
    log:
        "logs/{run}metrics/{batch}.log",
    benchmark:
        "benchmarks/{run}metrics/{batch}.tsv"
    threads: config["train"]["threads"]
    resources:
        gpu=gpus(),
        mem_mb=memory(8000),
        runtime=4 * 60,
    params:
        code=code("metrics_batch"),
        train=config["train"],
        batches=config["data"]["batches"],
    script:
        "../scripts/metrics_batch.py"


BEFORE = {} if PRETRAINED is None else of_batches(rules.metrics_batch.output)


rule metrics:
    input:
        **{name: unflagged(file) for name, file in rules.objects.output.items()},
        split=split_of,
        spec=rules.calibrate.output.spec,
        scores=rules.select.output.scores,
        confusions=rules.evaluate.output.confusions,
        pretrained=PRETRAINED_WEIGHTS,
        pretrained_spec=PRETRAINED_SPEC,
        before=BEFORE.get("confusions", []),
        before_images=BEFORE.get("images", []),
    output:
        objects="results/{run}evaluation/objects.csv",
        images="results/{run}evaluation/object_images.csv",
        pixels="results/{run}evaluation/pixel_reliability.csv",
        scores="results/{run}evaluation/object_scores.json",
        gain="results/{run}evaluation/before_after.csv",
        gain_images="results/{run}evaluation/before_after_images.csv",
        metrics=report(
            "results/{run}metrics.json",
            caption="../report/metrics.rst",
            category="Metrics",
        ),
    log:
        "logs/{run}metrics.log",
    benchmark:
        "benchmarks/{run}metrics.tsv"
    params:
        code=code("metrics"),
    script:
        "../scripts/metrics.py"


# Grouped cross-validation, on demand: `snakemake cross_validation`.
FOLDS = [str(fold + 1) for fold in range(config["split"]["folds"])]


rule cross_validation:
    input:
        splits=expand("results/folds/{fold}/split.csv", fold=FOLDS),
        confusions=expand("results/folds/{fold}/evaluation/confusions.npy", fold=FOLDS),
        scores=expand("results/folds/{fold}/evaluation/scores.json", fold=FOLDS),
        objects=expand("results/folds/{fold}/found/objects.csv", fold=FOLDS),
        pairs=expand("results/folds/{fold}/found/pairs.csv", fold=FOLDS),
        outlines=expand("results/folds/{fold}/found/outlines.csv", fold=FOLDS),
        pixels=expand("results/folds/{fold}/found/pixels.csv", fold=FOLDS),
        specs=expand("results/folds/{fold}/model/model.json", fold=FOLDS),
        object_scores=expand(
            "results/folds/{fold}/evaluation/object_scores.json", fold=FOLDS
        ),
    output:
        metrics="results/folds/metrics.json",
        images="results/folds/images.csv",
        objects="results/folds/object_images.csv",
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
        background=config["data"]["background"],
    script:
        "../scripts/label_review.py"


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
    input:
        images=rules.flatten_masks_batch.output.image_pixels,
        masks=rules.flatten_masks_batch.output.mask_pixels,
        manifest=rules.flatten_masks.output.manifest,
        spec="models/{model}/model.json",
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
        split=rules.split.output.split,
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
        spec="models/{model}/model.json",
        confusions=rules.model_evaluate.output.confusions,
        epochs=rules.model_evaluate.output.epochs,
    output:
        scores="results/models/{model}/evaluation/scores.json",
        images="results/models/{model}/evaluation/images.csv",
        confusion="results/models/{model}/evaluation/confusion.csv",
    log:
        "logs/models/{model}/select.log",
    benchmark:
        "benchmarks/models/{model}/select.tsv"
    params:
        select={"epoch": 1},


use rule objects_batch as model_objects_batch with:
    input:
        native=rules.flatten_masks_batch.output.image_pixels,
        masks=rules.flatten_masks_batch.output.mask_pixels,
        numbers=rules.flatten_masks_batch.output.object_pixels,
        manifest=rules.flatten_masks.output.manifest,
        split=rules.split.output.split,
        checkpoints=["models/{model}/model.safetensors"],
        spec="models/{model}/model.json",
        scores=rules.model_select.output.scores,
    output:
        objects=temp("results/models/{model}/batches/{batch}/objects.csv"),
        pairs=temp("results/models/{model}/batches/{batch}/pairs.csv"),
        outlines=temp("results/models/{model}/batches/{batch}/outlines.csv"),
        pixels=temp("results/models/{model}/batches/{batch}/pixels.csv"),
        features=temp("results/models/{model}/batches/{batch}/features.csv"),
    log:
        "logs/models/{model}/objects/{batch}.log",
    benchmark:
        "benchmarks/models/{model}/objects/{batch}.tsv"
    params:
        predict=of_model("predict"),
        objects=None,


use rule objects as model_objects with:
    input:
        **of_batches(rules.model_objects_batch.output),
    output:
        objects="results/models/{model}/found/objects.csv",
        pairs="results/models/{model}/found/pairs.csv",
        outlines="results/models/{model}/found/outlines.csv",
        pixels="results/models/{model}/found/pixels.csv",
        features="results/models/{model}/found/features.csv",
    log:
        "logs/models/{model}/objects.log",
    benchmark:
        "benchmarks/models/{model}/objects.tsv"


use rule metrics as model_metrics with:
    input:
        **{name: unflagged(file) for name, file in rules.model_objects.output.items()},
        split=rules.split.output.split,
        spec="models/{model}/model.json",
        scores=rules.model_select.output.scores,
        confusions=rules.model_evaluate.output.confusions,
        pretrained=[],
        pretrained_spec=[],
        before=[],
        before_images=[],
    output:
        objects="results/models/{model}/evaluation/objects.csv",
        images="results/models/{model}/evaluation/object_images.csv",
        pixels="results/models/{model}/evaluation/pixel_reliability.csv",
        scores="results/models/{model}/evaluation/object_scores.json",
        gain=temp("results/models/{model}/evaluation/before_after.csv"),
        gain_images=temp("results/models/{model}/evaluation/before_after_images.csv"),
        metrics="results/models/{model}/metrics.json",
    log:
        "logs/models/{model}/metrics.log",
    benchmark:
        "benchmarks/models/{model}/metrics.tsv"
