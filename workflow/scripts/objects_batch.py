"""Find the objects of one batch's val and test images, predicted and drawn, and compare them.

Also count their pixels by probability, and note what the encoder makes of all images.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from darkfield.classes import VOID, class_names, matched
from darkfield.data.pixels import Pictures, batch_rows, network_sizes
from darkfield.engine.script import job
from darkfield.files import read_csv, read_json, stacked, write_csv
from darkfield.measure.objects import Compared, compare_seen, nothing
from darkfield.measure.reliability import nothing as no_pixels
from darkfield.measure.reliability import pixel_table, tally
from darkfield.network.predictor import Predictor, certainty_of, classes_of
from darkfield.network.watched import watched
from darkfield.objects.kinds import kinds_of
from darkfield.objects.table import Found, numbered
from darkfield.progress import progress
from darkfield.sections import Predict


def measured(
    image: np.ndarray, drawn: np.ndarray, objects_drawn: dict[str, Found] | None
) -> tuple[Compared, np.ndarray]:
    """What `measure.objects.compare_seen` and `reliability.tally` give for a picture."""
    parts, sums, top = [], no_pixels(len(names)), 0
    for band in predictor.bands(image):
        rows = slice(top, top := top + band.shape[1])
        sums += tally(band.cpu().numpy(), drawn[rows])
        parts.append((classes_of(band), certainty_of(band)))
    labels, certainty = (np.concatenate(part) for part in zip(*parts, strict=True))
    return compare_seen(image, (labels, certainty), drawn, classes, kinds, objects_drawn), sums


with job(snakemake) as log:
    inputs, cfg = snakemake.input, snakemake.params.train
    epoch = read_json(inputs.scores)["epoch"]
    predictor = Predictor(
        Path(inputs.spec).parent,
        cfg["device"],
        cfg["precision"],
        cfg["threads"],
        weights=Path(inputs.checkpoints[epoch - 1]),
        predict=Predict(**snakemake.params.predict),
    )
    classes, names = predictor.classes, class_names(predictor.classes)
    wanted = snakemake.params.objects  # None: what the model's own model.json says
    kinds = predictor.spec.kinds
    if wanted is not None:
        kinds = kinds_of(classes, predictor.spec.background, wanted)
    # Index in the masks -> index of the same name in the model.
    of_data = matched(classes, snakemake.params.classes, inputs.spec)
    numbering = np.full(VOID + 1, VOID, np.uint8)
    numbering[of_data] = range(len(of_data))
    table = read_csv(inputs.manifest).merge(read_csv(inputs.split), on="image")
    batch, batches = int(snakemake.wildcards.batch), snakemake.params.batches
    table = table.iloc[batch_rows(len(table), batch, batches)].reset_index(drop=True)
    sizes = network_sizes(table, "native")
    native, masks = (Pictures([inputs[name]], sizes) for name in ("native", "masks"))
    # Empty if no picture of the batch has numbered objects.
    numbers = Pictures([inputs.numbers], sizes) if table["numbered"].any() else None
    found = [nothing(classes, kinds)]  # the columns, if no image of the batch is measured
    tallies = {split: no_pixels(len(names)) for split in ("test", "val")}
    # One view says as much about what a picture shows as eight.
    single = predictor.spec.predict.model_copy(update={"tta": False})
    plain, features = predictor.varied(predict=single), []
    for i in progress(table.index, "image"):
        split = table["split"][i]
        with watched(predictor.network) as seen:
            drawn = numbering[masks[i]]
            if split == "train" or (drawn == VOID).all():
                plain.labels(native[i])
            else:
                known = table["numbered"][i] and numbers is not None
                by_number = numbered(drawn, classes, kinds, numbers[i]) if known else None
                parts, sums = measured(native[i], drawn, by_number)
                found.append(Compared(*(part.assign(image=table["image"][i]) for part in parts)))
                tallies[split] += sums
            features.append(seen())
    pixels = [pixel_table(sums, split, names) for split, sums in tallies.items()]
    columns = pd.DataFrame(np.array(features)).add_prefix("feature_")
    columns.insert(0, "image", table["image"])
    tables = [*map(stacked, zip(*found, strict=True)), stacked(pixels), columns]
    for path, part in zip(snakemake.output, tables, strict=True):
        write_csv(path, part)
    log.info("%d images, %s", len(found) - 1, ", ".join(names))
