"""Draw the curves, the class balance, the confusion matrix, and how objects are found."""

from pathlib import Path

from darkfield.engine.script import job
from darkfield.files import atomic, keep_only, read_csv, read_json
from darkfield.network.spec import load_spec
from darkfield.report import object_plots, plots

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
    for path, name in zip(snakemake.output.classes, list(counts["pixels"]["all"])[1:], strict=True):
        figures[path] = plots.overlap_accuracy(epochs, name, epoch)
    split = read_csv(snakemake.input.split)
    test = split.loc[split["split"] == "test", "image"]
    for kind, draw, table in (
        ("agreement", object_plots.agreement, "images"),
        ("by_size", object_plots.by_size, "objects"),
        ("confidence", object_plots.confidence, "objects"),
    ):
        rows = read_csv(snakemake.input[table])
        for path in snakemake.output[kind]:
            figures[path] = draw(rows[rows["image"].isin(test)], Path(path).stem)
    pixels = read_csv(snakemake.input.pixels)
    figures[snakemake.output.pixels] = object_plots.pixel_confidence(
        pixels[pixels["split"] == "test"], list(counts["pixels"]["all"])[1:]
    )
    for path, figure in figures.items():
        with atomic(path) as part:
            figure.savefig(part, metadata={"Software": None})
        log.info("%s", path)
    # DVC records the folder as a whole, so the plot of a former class would stay for ever.
    made = set(map(Path, figures))
    folders = {path.parent for path in made}
    for folder in folders:
        keep_only([path for path in made | folders if path.parent == folder])
