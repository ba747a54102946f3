"""Measure the model that the training starts from on the test images of one batch."""

from pathlib import Path

import numpy as np

from darkfield.classes import VOID, class_names, matched
from darkfield.data.pixels import Pictures, batch_rows, network_sizes
from darkfield.engine.script import job
from darkfield.files import atomic, read_csv, stacked, write_csv
from darkfield.measure.metrics import confusion
from darkfield.measure.object_scores import image_table, match_table, of_counted, outside_void
from darkfield.measure.objects import Compared, compare_seen, nothing
from darkfield.network.predictor import Predictor
from darkfield.network.spec import load_spec
from darkfield.objects.confidence import judged
from darkfield.objects.table import numbered
from darkfield.progress import progress

with job(snakemake) as log:
    inputs, cfg = snakemake.input, snakemake.params.train
    folder = Path(inputs.pretrained).parent
    predictor = Predictor(folder, cfg["device"], cfg["precision"], cfg["threads"])
    spec = load_spec(Path(inputs.spec))
    classes, kinds = spec.classes, spec.kinds
    as_here = np.array(matched(predictor.classes, classes, str(folder)), np.uint8)
    table = read_csv(inputs.manifest).merge(read_csv(inputs.split), on="image")
    batch, batches = int(snakemake.wildcards.batch), snakemake.params.batches
    table = table.iloc[batch_rows(len(table), batch, batches)].reset_index(drop=True)
    sizes = network_sizes(table, "native")
    native, masks = (Pictures([inputs[name]], sizes) for name in ("native", "masks"))
    # Empty if no picture of the batch has numbered objects.
    numbers = Pictures([inputs.numbers], sizes) if table["numbered"].any() else None
    found, matrices = [nothing(classes, kinds)], []
    for i in progress(table.index[table["split"] == "test"], "image"):
        labels, certainty = predictor.labels_and_certainty(native[i])
        labels, drawn = as_here[labels], masks[i]
        matrices.append(confusion(drawn, labels, len(classes)))
        if (drawn == VOID).all():
            continue
        known = table["numbered"][i] and numbers is not None
        by_number = numbered(drawn, classes, kinds, numbers[i]) if known else None
        parts = compare_seen(native[i], (labels, certainty), drawn, classes, kinds, by_number)
        found.append(Compared(*(part.assign(image=table["image"][i]) for part in parts)))
    objects, pairs, outlines = map(stacked, zip(*found, strict=True))
    objects, pairs = outside_void(match_table(objects, pairs), pairs)
    counted = of_counted(judged(objects, predictor.spec.calibration_of(kinds)), pairs)
    write_csv(snakemake.output.images, image_table(*counted, outlines))
    with atomic(snakemake.output.confusions) as part:
        c = len(class_names(classes))
        np.save(part, np.array(matrices, np.int64).reshape(-1, c, c))
    log.info("%d images, %s", len(matrices), folder)
