# From pictures to splits and numbers about them.


rule synthesize:
    input:
        code=code("synthesize"),
    output:
        folder=directory(SYNTHETIC),
        checksums=f"{SYNTHETIC}.sha256",
    log:
        "logs/synthesize.log",
    benchmark:
        "benchmarks/synthesize.tsv"
    params:
        synthesize=config["synthesize"],
    script:
        "../scripts/synthesize.py"


rule flatten_masks:
    input:
        root=ancient(config["data"]["root"]),
        checksums=rules.synthesize.output.checksums if raw_digest() is None else [],
        code=code("flatten_masks"),
    output:
        masks=directory("data/flattened_masks"),
        manifest="data/flattened_masks.csv",
        image_pixels="data/pixels/images.npy",
        mask_pixels="data/pixels/masks.npy",
    log:
        "logs/flatten_masks.log",
    benchmark:
        "benchmarks/flatten_masks.tsv"
    threads: 4
    resources:
        mem_mb=memory(4000),
        runtime=4 * 60,
    params:
        data=config["data"],
        raw=raw_digest(),
    script:
        "../scripts/flatten_masks.py"


rule split:
    input:
        images=rules.flatten_masks.output.image_pixels,
        manifest=rules.flatten_masks.output.manifest,
        code=code("split"),
    output:
        split="data/split.csv",
    log:
        "logs/split.log",
    benchmark:
        "benchmarks/split.tsv"
    threads: 4
    resources:
        mem_mb=memory(8000),
        runtime=4 * 60,
    params:
        split=config["split"],
        classes=config["data"]["classes"],
    script:
        "../scripts/split.py"


rule resize:
    input:
        images=rules.flatten_masks.output.image_pixels,
        masks=rules.flatten_masks.output.mask_pixels,
        manifest=rules.flatten_masks.output.manifest,
        code=code("resize"),
    output:
        images="data/resized/images.npy",
        masks="data/resized/masks.npy",
    log:
        "logs/resize.log",
    benchmark:
        "benchmarks/resize.tsv"
    params:
        image_size=config["image_size"],
    script:
        "../scripts/resize.py"


rule channel_stats:
    input:
        images=rules.resize.output.images,
        manifest=rules.flatten_masks.output.manifest,
        split=rules.split.output[0],
        code=code("channel_stats"),
    output:
        stats="results/channel_stats.json",
    log:
        "logs/channel_stats.log",
    benchmark:
        "benchmarks/channel_stats.tsv"
    params:
        image_size=config["image_size"],
    script:
        "../scripts/channel_stats.py"


rule class_counts:
    input:
        manifest=rules.flatten_masks.output.manifest,
        split=rules.split.output[0],
        code=code("class_counts"),
    output:
        counts=report(
            "results/class_counts.json",
            caption="../report/class_counts.rst",
            category="Data",
        ),
    log:
        "logs/class_counts.log",
    benchmark:
        "benchmarks/class_counts.tsv"
    params:
        classes=config["data"]["classes"],
    script:
        "../scripts/class_counts.py"
