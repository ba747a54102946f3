"""Draw image, truth, prediction and errors of the training and test images of one batch."""

from pathlib import Path

from darkfield.data.images import write_png
from darkfield.data.pixels import Pictures, batch_rows, network_sizes
from darkfield.engine.script import job
from darkfield.files import atomic, read_csv
from darkfield.progress import progress
from darkfield.report.overlays import overlay, pick


def draw(folder: Path, stems: dict[int, str], rows: range, table) -> None:
    """Write the overlays of the pictures of these rows."""
    # Imported here: most batches of a large set have nothing to draw, and torch loads slowly.
    from darkfield.network.predictor import Predictor

    cfg, model = snakemake.params.train, Path(snakemake.input.weights).parent
    predictor = Predictor(model, cfg["device"], cfg["precision"], cfg["threads"])
    sizes = network_sizes(table.iloc[rows], "native")
    native, masks = (Pictures([snakemake.input[name]], sizes) for name in ("native", "masks"))
    for row, stem in progress(stems.items(), "image"):
        i = row - rows.start
        labels = predictor.labels(native[i])
        sheet = overlay(native[i], masks[i], labels, predictor.spec)
        write_png(folder / f"{stem}.png", sheet)


with job(snakemake) as log:
    table = read_csv(snakemake.input.manifest).merge(read_csv(snakemake.input.split), on="image")
    rows = batch_rows(len(table), int(snakemake.wildcards.batch), snakemake.params.batches)
    with atomic(snakemake.output[0]) as part:
        for name in ("train", "test"):
            (part / name).mkdir(parents=True)
            picked = pick(table[table["split"] == name], snakemake.params.overlays["images"])
            if mine := {i: stem for i, stem in picked["image"].items() if i in rows}:
                draw(part / name, mine, rows, table)
