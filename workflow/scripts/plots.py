"""Draw the curves, the class balance and the confusion matrix."""

from pathlib import Path

from darkfield.engine.script import job
from darkfield.files import atomic, keep_only, read_csv, read_json
from darkfield.network.spec import load_spec
from darkfield.report import plots

with job(snakemake) as log:
    scores, counts = read_json(snakemake.input.scores), read_json(snakemake.input.counts)
    epochs, epoch = read_csv(snakemake.input.epochs), scores["epoch"]
    history, train = read_csv(snakemake.input.history), load_spec(Path(snakemake.input.spec)).train
    assert train, "a run's model.json says how it was trained"
    figures = {
        snakemake.output.loss: plots.loss(history, train, epoch),
        snakemake.output.balance: plots.class_balance(counts),
        snakemake.output.confusion: plots.confusion_matrix(read_csv(snakemake.input.confusion)),
    }
    classes = snakemake.output.classes
    for path, name in zip(classes, list(counts["pixels"]["all"])[1:], strict=True):
        figures[path] = plots.overlap_accuracy(epochs, name, epoch)
    for path, figure in figures.items():
        with atomic(path) as part:
            figure.savefig(part, metadata={"Software": None})
        log.info("%s", path)
    # DVC records the folder as a whole, so the plot of a former class would stay for ever.
    keep_only(classes)
    whole = (snakemake.output[name] for name in ("loss", "balance", "confusion"))
    keep_only([*whole, Path(classes[0]).parent])
