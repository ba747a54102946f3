# Pictures of what the model does, and the report.


rule overlays_batch:
    input:
        native=rules.flatten_masks_batch.output.image_pixels,
        masks=rules.flatten_masks_batch.output.mask_pixels,
        manifest=rules.flatten_masks.output.manifest,
        split=split_of,
        weights=rules.calibrate.output.weights,
        spec=rules.calibrate.output.spec,
    output:
        overlays=temp(directory("results/{run}batches/{batch}/overlays")),
    log:
        "logs/{run}overlays/{batch}.log",
    benchmark:
        "benchmarks/{run}overlays/{batch}.tsv"
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
            directory("results/{run}overlays"),
            patterns=["{split}/{image}.png"],
            caption="../report/overlays.rst",
            category="Overlays",
            subcategory="{split}",
            labels={"image": "{image}"},
        ),
    log:
        "logs/{run}overlays.log",
    benchmark:
        "benchmarks/{run}overlays.tsv"
    params:
        code=code("overlays"),
    script:
        "../scripts/overlays.py"


LOOKED_FOR = foreground(config["data"]["classes"], config["data"]["background"])


rule plots:
    input:
        counts=rules.class_counts.output[0],
        history=rules.train.output.history,
        spec=rules.calibrate.output.spec,
        epochs=rules.evaluate.output.epochs,
        scores=rules.select.output.scores,
        confusion=rules.select.output.confusion,
        split=split_of,
        objects=rules.metrics.output.objects,
        images=rules.metrics.output.images,
        pixels=rules.metrics.output.pixels,
    output:
        loss=report(
            "results/{run}plots/loss.png",
            caption="../report/loss.rst",
            category="Curves",
        ),
        classes=report(
            expand(
                "results/{run}plots/classes/{name}.png",
                name=LOOKED_FOR,
                allow_missing=True,
            ),
            caption="../report/overlap_accuracy.rst",
            category="Curves",
        ),
        agreement=report(
            expand(
                "results/{run}plots/agreement/{name}.png",
                name=LOOKED_FOR,
                allow_missing=True,
            ),
            caption="../report/agreement.rst",
            category="Objects",
        ),
        by_size=report(
            expand(
                "results/{run}plots/by_size/{name}.png",
                name=LOOKED_FOR,
                allow_missing=True,
            ),
            caption="../report/by_size.rst",
            category="Objects",
        ),
        confidence=report(
            expand(
                "results/{run}plots/confidence/{name}.png",
                name=LOOKED_FOR,
                allow_missing=True,
            ),
            caption="../report/confidence.rst",
            category="Objects",
        ),
        pixels=report(
            "results/{run}plots/pixel_confidence.png",
            caption="../report/pixel_confidence.rst",
            category="Metrics",
        ),
        balance=report(
            "results/{run}plots/class_balance.png",
            caption="../report/class_counts.rst",
            category="Data",
        ),
        confusion=report(
            "results/{run}plots/confusion_matrix.png",
            caption="../report/confusion_matrix.rst",
            category="Metrics",
        ),
    log:
        "logs/{run}plots.log",
    benchmark:
        "benchmarks/{run}plots.tsv"
    params:
        code=code("plots"),
    script:
        "../scripts/plots.py"


rule html_report:
    input:
        native=PIXELS["image_pixels"],
        masks=PIXELS["mask_pixels"],
        manifest=rules.flatten_masks.output.manifest,
        split=split_of,
        counts=rules.class_counts.output[0],
        history=rules.train.output.history,
        confusions=rules.evaluate.output.confusions,
        epochs=rules.evaluate.output.epochs,
        weights=rules.calibrate.output.weights,
        spec=rules.calibrate.output.spec,
        scores=rules.select.output.scores,
        objects=rules.metrics.output.objects,
        object_images=rules.metrics.output.images,
        object_scores=rules.metrics.output.scores,
        pixels=rules.metrics.output.pixels,
        gain=rules.metrics.output.gain,
        gain_images=rules.metrics.output.gain_images,
        template=of_project(PACKAGE / "report/html.html.j2"),
    output:
        "results/{run}report.html",
    log:
        "logs/{run}html_report.log",
    benchmark:
        "benchmarks/{run}html_report.tsv"
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


rule validation:
    input:
        manifest=rules.flatten_masks.output.manifest,
        split=split_of,
        counts=rules.class_counts.output[0],
        confusions=rules.evaluate.output.confusions,
        spec=rules.calibrate.output.spec,
        scores=rules.select.output.scores,
        objects=rules.metrics.output.objects,
        object_scores=rules.metrics.output.scores,
        template=of_project(PACKAGE / "publish/validation.md.j2"),
    output:
        report(
            "results/{run}validation.md",
            caption="../report/validation.rst",
            category="Metrics",
        ),
    log:
        "logs/{run}validation.log",
    benchmark:
        "benchmarks/{run}validation.tsv"
    params:
        code=code("validation"),
        data=config["data"],
        split=config["split"],
        select=config["select"],
    script:
        "../scripts/validation.py"
