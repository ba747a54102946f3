"""The split of one fold of the cross-validation."""

from darkfield.files import UserError, read_csv, write_csv
from darkfield.job import job
from darkfield.split import fold_splits, strata_of, untrained

with job(snakemake.log[0]) as log:
    cfg, fold = snakemake.params.split, int(snakemake.wildcards.fold)
    table = read_csv(snakemake.input.split)
    strata = strata_of(read_csv(snakemake.input.manifest), list(snakemake.params.classes))
    splits = fold_splits(
        list(table["group"]), strata, fold, cfg["folds"], cfg["train"], cfg["val"], cfg["seed"]
    )
    if missing := {"train", "test"} - set(splits):
        raise UserError(
            f"split.folds: {cfg['folds']} folds of {table['group'].nunique()} groups leave "
            f"{' and '.join(sorted(missing))} of fold {fold} empty; use fewer"
        )
    if unseen := untrained(strata, splits, list(snakemake.params.classes)):
        raise UserError(
            f"split.folds: no training image of fold {fold} has {' or '.join(unseen)}; add images, "
            "or change split.folds or split.seed"
        )
    write_csv(snakemake.output.split, table.assign(split=splits))
    log.info(
        "fold %d of %d: %s", fold, cfg["folds"], {s: splits.count(s) for s in sorted(set(splits))}
    )
