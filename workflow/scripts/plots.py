"""Draw the curves, the class balance, the confusion matrix, and how objects are found."""

from pathlib import Path

from darkfield.engine.script import job
from darkfield.files import atomic, keep_only, read_csv, read_json
from darkfield.network.spec import load_spec
from darkfield.report import object_plots, plots
from darkfield.report.palette import GREY, class_colours

with job(snakemake) as log:
    scores, counts = read_json(snakemake.input.scores), read_json(snakemake.input.counts)
    epochs, epoch = read_csv(snakemake.input.epochs), scores["epoch"]
    history, spec = read_csv(snakemake.input.history), load_spec(Path(snakemake.input.spec))
    assert spec.train, "a run's model.json says how it was trained"
    figures = {
        snakemake.output.loss: plots.loss(history, spec.train, epoch),
        snakemake.output.balance: plots.class_balance(counts, class_colours(spec, GREY)),
        snakemake.output.confusion: plots.confusion_matrix(read_csv(snakemake.input.confusion)),
    }
    for path, name in zip(snakemake.output.classes, spec.looked_for, strict=True):
        figures[path] = plots.overlap_accuracy(epochs, name, epoch)
    split = read_csv(snakemake.input.split)
    test = split.loc[split["split"] == "test", "image"]
    objects, images = (read_csv(snakemake.input[name]) for name in ("objects", "images"))
    objects, images = (rows[rows["image"].isin(test)] for rows in (objects, images))
    places = (snakemake.output[name] for name in ("agreement", "by_size", "confidence"))
    for (name, kind), *paths in zip(spec.kinds.items(), *places, strict=True):
        figures[paths[0]] = object_plots.agreement(images, name)
        figures[paths[1]] = object_plots.by_size(objects, name, kind)
        figures[paths[2]] = object_plots.confidence(objects, name)
    pixels = read_csv(snakemake.input.pixels)
    figures[snakemake.output.pixels] = object_plots.pixel_confidence(
        pixels[pixels["split"] == "test"], spec.looked_for
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
