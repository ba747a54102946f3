# New pictures, on demand: `snakemake predict` labels those of `pictures.folder`, in batches.
PICTURES = config["pictures"]
MODEL = PICTURES["model"]
if MODEL != "results/model":  # the chain's own
    MODEL = of_user(str(shipped(MODEL)))


rule predict_batch:
    input:
        weights=f"{MODEL}/model.safetensors",
        spec=f"{MODEL}/model.json",
    output:
        directory("results/predictions/batches/{batch}"),
    log:
        "logs/predict/{batch}.log",
    benchmark:
        "benchmarks/predict/{batch}.tsv"
    threads: config["train"]["threads"]
    resources:
        gpu=gpus(),
        mem_mb=memory(8000),
        runtime=4 * 60,
    params:
        code=code("predict_batch"),
        pictures=PICTURES,
        digest=pictures_digest,
        train=config["train"],
        batches=config["data"]["batches"],
    script:
        "../scripts/predict_batch.py"


rule predict:
    input:
        batches=expand(
            rules.predict_batch.output, batch=range(config["data"]["batches"])
        ),
        spec=rules.predict_batch.input.spec,
        template=of_project(PACKAGE / "report/predictions.html.j2"),
    output:
        labels=directory("results/predictions/labels"),
        counts="results/predictions/counts.csv",
        objects="results/predictions/objects.csv",
        problems="results/predictions/problems.csv",
        index="results/predictions/index.html",
    log:
        "logs/predict.log",
    params:
        code=code("predict"),
        pictures=PICTURES,
    script:
        "../scripts/predict.py"
