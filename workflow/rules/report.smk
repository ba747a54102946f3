# Pictures of what the model does, and the report.


rule overlays_batch:
    input:
        native=rules.flatten_masks_batch.output.image_pixels,
        masks=rules.flatten_masks_batch.output.mask_pixels,
        images=rules.resize_batch.output.images,
        manifest=rules.flatten_masks.output.manifest,
        split=rules.split.output[0],
        weights=rules.select.output.weights,
        spec=rules.select.output.spec,
    output:
        overlays=temp(directory("results/batches/{batch}/overlays")),
    log:
        "logs/overlays/{batch}.log",
    benchmark:
        "benchmarks/overlays/{batch}.tsv"
    threads: config["train"]["threads"]
    resources:
        gpu=gpus(),
        mem_mb=memory(8000),
        runtime=60,
    params:
        code=code("overlays_batch"),
        train=config["train"],
        overlays=config["overlays"],
        batches=config["data"]["batches"],
    script:
        "../scripts/overlays_batch.py"


rule overlays:
    input:
        **of_batches(rules.overlays_batch.output),
    output:
        report(
            directory("results/overlays"),
            patterns=["{split}/{image}.png"],
            caption="../report/overlays.rst",
            category="Overlays",
            subcategory="{split}",
            labels={"image": "{image}"},
        ),
    log:
        "logs/overlays.log",
    benchmark:
        "benchmarks/overlays.tsv"
    params:
        code=code("overlays"),
    script:
        "../scripts/overlays.py"


rule plots:
    input:
        counts=rules.class_counts.output[0],
        history=rules.train.output.history,
        spec=rules.train.output.spec,
        epochs=rules.evaluate.output.epochs,
        metrics=rules.select.output.metrics,
        confusion=rules.select.output.confusion,
    output:
        loss=report(
            "results/plots/loss.png", caption="../report/loss.rst", category="Curves"
        ),
        classes=report(
            expand(
                "results/plots/classes/{name}.png",
                name=class_names(config["data"]["classes"])[1:],
            ),
            caption="../report/overlap_accuracy.rst",
            category="Curves",
        ),
        balance=report(
            "results/plots/class_balance.png",
            caption="../report/class_counts.rst",
            category="Data",
        ),
        confusion=report(
            "results/plots/confusion_matrix.png",
            caption="../report/confusion_matrix.rst",
            category="Metrics",
        ),
    log:
        "logs/plots.log",
    benchmark:
        "benchmarks/plots.tsv"
    params:
        code=code("plots"),
    script:
        "../scripts/plots.py"


rule html_report:
    input:
        native=PIXELS["image_pixels"],
        masks=PIXELS["mask_pixels"],
        images=RESIZED["images"],
        manifest=rules.flatten_masks.output.manifest,
        split=rules.split.output[0],
        counts=rules.class_counts.output[0],
        history=rules.train.output.history,
        confusions=rules.evaluate.output.confusions,
        epochs=rules.evaluate.output.epochs,
        weights=rules.select.output.weights,
        spec=rules.select.output.spec,
        metrics=rules.select.output.metrics,
        template=os.path.relpath(Path(SRC, "darkfield/report/html.html.j2")),
    output:
        "results/report.html",
    log:
        "logs/html_report.log",
    benchmark:
        "benchmarks/html_report.tsv"
    threads: config["train"]["threads"]
    resources:
        gpu=gpus(),
        mem_mb=memory(8000),
        runtime=60,
    params:
        code=code("html_report"),
        data=config["data"],
        split=config["split"],
        train=config["train"],
        select=config["select"],
    script:
        "../scripts/html_report.py"
