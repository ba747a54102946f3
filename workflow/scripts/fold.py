"""The split of one fold of the cross-validation."""

from darkfield.classes import class_names
from darkfield.data.split import fold_splits, strata_of
from darkfield.data.trained_on import kept_in_train
from darkfield.engine.script import job
from darkfield.files import UserError, read_csv, write_csv

with job(snakemake) as log:
    inputs, params = snakemake.input, snakemake.params
    cfg, fold = params.split, int(snakemake.wildcards.fold)
    names = class_names(params.classes)
    split = read_csv(inputs.split)
    table = read_csv(inputs.manifest).merge(split, on="image")
    seen = kept_in_train(table, [*inputs.pretrained, *inputs.teacher], params.trained_on)
    strata, groups = strata_of(table, names), table["group"].tolist()
    options = {key: cfg[key] for key in ("folds", "train", "val", "seed")}
    splits = fold_splits(groups, strata, seen, fold, **options)
    if missing := {"train", "test"} - set(splits):
        known = f", {table['group'][seen].nunique()} of which pretrained weights know,"
        raise UserError(
            f"split.folds: {cfg['folds']} folds of {table['group'].nunique()} groups"
            f"{known if any(seen) else ''} leave {' and '.join(sorted(missing))} of fold {fold} "
            "empty; use fewer, or other images"
        )
    write_csv(snakemake.output.split, split.assign(split=splits))
    log.info(
        "fold %d of %d: %s", fold, cfg["folds"], {s: splits.count(s) for s in sorted(set(splits))}
    )
