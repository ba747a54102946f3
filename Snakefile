# From a folder of darkfield images and masks to a trained, measured, explained SegNet.
#
#   synthesize -> flatten_masks -> split, resize -> channel_stats, class_counts -> train -> evaluate
#              -> select -> objects -> calibrate -> metrics, overlays, plots, html_report, validation
#
# A rule runs workflow/scripts/RULE.py, which calls the module of src/darkfield of that concept.
from snakemake.utils import min_version

# The first whose reruns are vetoed by the checksums of unchanged inputs.
min_version("9.18")


include: "workflow/rules/common.smk"  # reads and checks params.yaml; says why a run failed


if MODULE is None:

    include: "workflow/rules/engine.smk"  # records in dvc.lock what has run, and believes what it says


include: "workflow/rules/data.smk"  # synthesize, flatten_masks, split, resize, ...
include: "workflow/rules/network.smk"  # train
include: "workflow/rules/measure.smk"  # evaluate, select, objects, calibrate, metrics; on demand: folds, label review, a model folder
include: "workflow/rules/report.smk"  # overlays, plots, html_report, validation
include: "workflow/rules/predict.smk"  # on demand: new pictures labelled, in batches
include: "workflow/rules/publish.smk"  # on demand: the model for other programs


rule all:
    input:  # every rule, so that an old result never hides a failed one before it
        in_chain(
            rules.synthesize,
            rules.flatten_masks,
            rules.split,
            rules.resize,
            rules.channel_stats,
            rules.class_counts,
            rules.train,
            rules.evaluate,
            rules.select,
            rules.objects,
            rules.calibrate,
            rules.metrics,
            rules.overlays,
            rules.plots,
            rules.html_report,
            rules.validation,
        ),
