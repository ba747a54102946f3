# From pictures to splits and statistics. Rules with a {batch} work on one part of the pictures.
wildcard_constraints:
    batch=r"\d+",
    fold=r"\d+",
    run=r"(folds/\d+/)?",


# Drawn by the chain, or the user's, known by a digest.
RAW = raw_of_run()
DRAWN = RAW is None
ROOT = ancient(SYNTHETIC if DRAWN else of_user(config["data"]["root"]))


rule synthesize:
    input:
        # Without an input there would be nothing that old outputs could be older than.
        script=[] if MODULE else os.path.relpath(f"{HERE}/../scripts/synthesize.py"),
    output:
        folder=directory(SYNTHETIC),
        checksums=f"{SYNTHETIC}.sha256",
    log:
        "logs/synthesize.log",
    benchmark:
        "benchmarks/synthesize.tsv"
    params:
        code=code("synthesize"),
        synthesize=config["synthesize"],
        # In a module the folder has its `prefix:`. Snakemake does not notice that a function of
        # the output gives something else than before.
        root=(
            (lambda wildcards, output: output.folder)
            if MODULE and DRAWN
            else (lambda wildcards: config["data"]["root"])
        ),
    script:
        "../scripts/synthesize.py"


rule flatten_masks_batch:
    input:
        root=ROOT,
        checksums=rules.synthesize.output.checksums if DRAWN else [],
    output:
        masks=temp(directory("data/batches/{batch}/flattened_masks")),
        manifest=temp("data/batches/{batch}/flattened_masks.csv"),
        problems=temp("data/batches/{batch}/problems.json"),
        image_pixels="data/pixels/images/{batch}.npy",
        mask_pixels="data/pixels/masks/{batch}.npy",
        object_pixels="data/pixels/objects/{batch}.npy",
    log:
        "logs/flatten_masks/{batch}.log",
    benchmark:
        "benchmarks/flatten_masks/{batch}.tsv"
    threads: 4
    resources:
        mem_mb=memory(4000),
        runtime=4 * 60,
    params:
        code=code("flatten_masks_batch"),
        data=config["data"],
        raw=RAW,
    script:
        "../scripts/flatten_masks_batch.py"


PIXELS = of_batches(rules.flatten_masks_batch.output)


rule flatten_masks:
    input:
        **PIXELS,
        root=ROOT,
        checksums=rules.flatten_masks_batch.input.checksums,
    output:
        masks=directory("data/flattened_masks"),
        manifest="data/flattened_masks.csv",
    log:
        "logs/flatten_masks.log",
    benchmark:
        "benchmarks/flatten_masks.tsv"
    params:
        code=code("flatten_masks"),
        data=config["data"],
        raw=RAW,
    script:
        "../scripts/flatten_masks.py"


rule split_batch:
    input:
        images=rules.flatten_masks_batch.output.image_pixels,
        manifest=rules.flatten_masks.output.manifest,
    output:
        keypoints=temp("data/batches/{batch}/keypoints.npy"),
        described=temp("data/batches/{batch}/described.json"),
    log:
        "logs/split/{batch}.log",
    benchmark:
        "benchmarks/split/{batch}.tsv"
    threads: 4
    resources:
        mem_mb=memory(4000),
        runtime=4 * 60,
    params:
        code=code("split_batch"),
        batches=config["data"]["batches"],
    script:
        "../scripts/split_batch.py"


rule split_index:
    input:
        **of_batches(rules.split_batch.output),
        images=PIXELS["image_pixels"],
        manifest=rules.flatten_masks.output.manifest,
    output:
        # A folder: each of many jobs reads it, and every job hashes the files among its inputs.
        index=temp(directory("data/batches/index")),
    log:
        "logs/split/index.log",
    benchmark:
        "benchmarks/split_index.tsv"
    threads: 4
    resources:
        mem_mb=index_memory,
        runtime=12 * 60,
    params:
        code=code("split_index"),
    script:
        "../scripts/split_index.py"


rule split_pairs:
    input:
        index=rules.split_index.output.index,
        manifest=rules.flatten_masks.output.manifest,
    output:
        pairs=temp("data/batches/{batch}/pairs.json"),
    log:
        "logs/split/pairs/{batch}.log",
    benchmark:
        "benchmarks/split_pairs/{batch}.tsv"
    threads: 4
    resources:
        mem_mb=memory(4000),
        runtime=4 * 60,
    params:
        code=code("split_pairs"),
        batches=config["data"]["batches"],
    script:
        "../scripts/split_pairs.py"


# The model to start a training from, and its teachers; pictures that they have seen must not be
# tested on.
PRETRAINED, TEACHER = (
    config["train"][key] for key in ("pretrained_weights", "teacher")
)
START = shipped(f"models/{PRETRAINED}")  # the folder's own, or that of the package
PRETRAINED_SPEC = [] if PRETRAINED is None else [f"{START}/model.json"]
PRETRAINED_WEIGHTS = [] if PRETRAINED is None else f"{START}/model.safetensors"
TEACHER_SPECS = [] if TEACHER is None else or_exit(teachers, TEACHER)
# Without such models the setting changes nothing, so it must not make the split stale.
TRAINED_ON = (
    config["evaluate"]["trained_on"] if PRETRAINED_SPEC + TEACHER_SPECS else "refuse"
)


# The user's own split or table of the images; a folder's files, since Snakemake hashes no folder.
SPLIT_FILE = config["split"]["file"]
SPLIT_LISTS = [
    of_user(path) for path in (or_exit(split_lists, SPLIT_FILE) if SPLIT_FILE else [])
]


rule split:
    input:
        **of_batches(rules.split_pairs.output),
        manifest=rules.flatten_masks.output.manifest,
        pretrained=PRETRAINED_SPEC,
        teacher=TEACHER_SPECS,
        own_split=SPLIT_LISTS,
    output:
        split="data/split.csv",
    log:
        "logs/split.log",
    benchmark:
        "benchmarks/split.tsv"
    resources:
        mem_mb=memory(8000),
    params:
        code=code("split"),
        split=config["split"],
        classes=config["data"]["classes"],
        trained_on=TRAINED_ON,
    script:
        "../scripts/split.py"


rule fold:
    input:
        split=rules.split.output.split,
        manifest=rules.flatten_masks.output.manifest,
        pretrained=PRETRAINED_SPEC,
        teacher=TEACHER_SPECS,
    output:
        split="results/folds/{fold}/split.csv",
    log:
        "logs/folds/{fold}/split.log",
    params:
        code=code("fold"),
        split=config["split"],
        classes=config["data"]["classes"],
        trained_on=TRAINED_ON,
    script:
        "../scripts/fold.py"


rule resize_batch:
    input:
        images=rules.flatten_masks_batch.output.image_pixels,
        masks=rules.flatten_masks_batch.output.mask_pixels,
        manifest=rules.flatten_masks.output.manifest,
    output:
        images="data/resized/images/{batch}.npy",
        masks="data/resized/masks/{batch}.npy",
        sums=temp("data/batches/{batch}/resized.csv"),
    log:
        "logs/resize/{batch}.log",
    benchmark:
        "benchmarks/resize/{batch}.tsv"
    params:
        code=code("resize_batch"),
        image_size=config["image_size"],
        batches=config["data"]["batches"],
    script:
        "../scripts/resize_batch.py"


RESIZED = of_batches(rules.resize_batch.output)


rule resize:
    input:
        **RESIZED,
    output:
        sums="data/resized.csv",
    log:
        "logs/resize.log",
    benchmark:
        "benchmarks/resize.tsv"
    params:
        code=code("resize"),
    script:
        "../scripts/resize.py"


rule channel_stats:
    input:
        sums=rules.resize.output.sums,
        split=split_of,
    output:
        stats="results/{run}channel_stats.json",
    log:
        "logs/{run}channel_stats.log",
    benchmark:
        "benchmarks/{run}channel_stats.tsv"
    params:
        code=code("channel_stats"),
    script:
        "../scripts/channel_stats.py"


rule class_counts:
    input:
        manifest=rules.flatten_masks.output.manifest,
        split=split_of,
    output:
        counts=report(
            "results/{run}class_counts.json",
            caption="../report/class_counts.rst",
            category="Data",
        ),
    log:
        "logs/{run}class_counts.log",
    benchmark:
        "benchmarks/{run}class_counts.tsv"
    params:
        code=code("class_counts"),
        classes=config["data"]["classes"],
    script:
        "../scripts/class_counts.py"
