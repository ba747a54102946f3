"""The command `darkfield`: use a trained model, choose a recipe, check the machine."""

import argparse
import gc
import json
import math
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from darkfield.command import command
from darkfield.engine.environment import ENVIRONMENT
from darkfield.files import UserError
from darkfield.shipped import MODEL, shipped

PARAMS, OWN_MODEL = Path("params.yaml"), Path("results/model")
ON_REQUEST = {  # of data.listing, which imports more than --help needs
    "probabilities": "OUT/probabilities/NAME.tif, float32 (class, height, width)",
    "instances": "OUT/instances/CLASS/NAME.tif, each object's number, for napari or CellProfiler",
    "geojson": "OUT/geojson/NAME.geojson, objects with measurements, for QuPath",
    "rois": "OUT/rois/NAME.zip, objects for ImageJ's ROI Manager",
}


def main() -> None:
    """Run the command."""
    if not ENVIRONMENT.keys() <= os.environ.keys():  # C libraries read them when they start
        os.execve(sys.executable, [sys.executable, *sys.argv], ENVIRONMENT | os.environ)
    with command():
        arguments = vars(parser().parse_args())
        arguments.pop("run")(**arguments)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="darkfield", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    of_model = argparse.ArgumentParser(add_help=False)
    of_model.add_argument(
        "--model",
        type=Path,
        default=shipped(MODEL) if shipped(MODEL).is_dir() else OWN_MODEL,
        help=f"a model folder (default: {MODEL}, the shipped one, wherever it is)",
    )
    of_model.add_argument("--out", required=True, type=Path, help="the folder to write to")
    predict = commands.add_parser(
        "predict",
        parents=[of_model],
        help="label pictures, count and measure what is in them",
        description="Write for each picture OUT/NAME.png, a palette image of class indices, and "
        "OUT/overlays/NAME.jpg; for all, OUT/counts.csv and OUT/objects.csv, and OUT/index.html, "
        "which shows them in a browser, the least sure first.",
    )
    predict.add_argument(
        "images",
        nargs="+",
        metavar="IMAGES",
        help="files, folders or globs of PNG, TIFF (also OME, ImageJ, LSM, STK), JPEG, JPEG 2000, "
        "BMP, GIF, WebP, AVIF; with darkfield[microscopes] also CZI, ND2, LIF, HEIF and films",
    )
    for kind, words in ON_REQUEST.items():
        predict.add_argument(
            f"--{kind}",
            dest="also",
            action="append_const",
            const=kind,
            default=[],
            help=f"also write {words}",
        )
    predict.add_argument(
        "--um-per-pixel",
        type=positive,
        metavar="N",
        help="the size of a pixel in micrometres, for files that do not say it; lengths and areas "
        "are then also given in these",
    )
    predict.add_argument(
        "--rescale",
        action="store_true",
        help="bring pictures to the size of a pixel that the model was trained on",
    )
    predict.add_argument(
        "--channels",
        type=channels,
        default=(),
        metavar="N",
        help="the channel to show, by number from 1 or by name, or three as red,green,blue: 3,2,1",
    )
    predict.add_argument(
        "--z",
        type=whole,
        metavar="N",
        help="the plane of a stack to show, from 1 (default: the maximum of all)",
    )
    predict.add_argument(
        "--every",
        type=whole,
        default=1,
        metavar="N",
        help="of films and other series in time, label the first picture and every Nth after it",
    )
    predict.add_argument(
        "--range",
        dest="limits",
        nargs=2,
        type=float,
        metavar=("LOW", "HIGH"),
        help="the values to show as black and as white (default: as the file says, else as in "
        "training, else one range for all pictures: 0.1 to 99.9 %% of their values)",
    )
    predict.add_argument(
        "--two-borders",
        action="store_true",
        help="do not count objects at the right or the lower border, as in a haemocytometer",
    )
    predict.set_defaults(run=run_predict)
    masks = commands.add_parser(
        "masks",
        help="make masks of what was drawn in an annotation program",
        description="Read labelme, CVAT (XML or masks), COCO, Label Studio, QuPath (GeoJSON), "
        "ImageJ (ROIs), napari, Cellpose or ilastik, told by content. Write ROOT/masks/NAME.png, "
        "class indices; ROOT/instances/NAME.png, each object's number; and ROOT/images, copies of "
        "the pictures that lie beside. The classes are data.classes of params.yaml; docs/masks.md.",
    )
    masks.add_argument("source", type=Path, metavar="SOURCE", help="a file, or a folder of files")
    masks.add_argument(
        "--out", required=True, type=Path, metavar="ROOT", help="the folder to write to"
    )
    masks.add_argument(
        "--label",
        dest="labels",
        action="append",
        default=[],
        metavar="LABEL=CLASS",
        help="the class of a label that has another name, such as RBC=erythrocyte or "
        "'*=erythrocyte'; in a label image the class of a value, 2=spirochaete, or, if each value "
        "is an object, of all: instances=erythrocyte",
    )
    masks.set_defaults(run=run_masks)
    export = commands.add_parser(
        "export",
        parents=[of_model],
        help="export a model to ONNX and to the BioImage Model Zoo",
        description="Write OUT/model.onnx, OUT/darkfield.bioimageio.zip and OUT/MODEL_CARD.md.",
    )
    export.set_defaults(run=run_export)
    doctor = commands.add_parser("doctor", help="check this machine and this folder")
    doctor.set_defaults(run=run_doctor)
    use = commands.add_parser(
        "use",
        help="write a recipe from presets/ into params.yaml",
        description="Set params.yaml to the defaults and what presets/NAME.yaml changes in them. "
        "What is about your data (data, objects, colours, pictures, publish), its comments and the "
        "order of its keys stay.",
    )
    use.add_argument("name", metavar="NAME", help="the name of a file in presets/, without .yaml")
    use.set_defaults(run=run_use)
    return top


def positive(text: str) -> float:
    if not 0 < (number := float(text)) < math.inf:
        raise ValueError
    return number


def whole(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError
    return number


def channels(text: str) -> tuple[int | str, ...]:
    found = tuple(int(part) if part.isdecimal() else part for part in text.split(","))
    if len(found) not in (1, 3):
        raise ValueError
    return found


@contextmanager
def starting() -> Iterator[None]:
    """Let the garbage collector pass over what the block makes, such as modules: it stays.

    It would look at these million objects again and again, for a fifth of the start.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def introduce(model: Path) -> None:
    """Say on stderr what the model is, and which others are available."""
    from darkfield.network.spec import described, read_spec

    found = [*sorted(spec.parent for spec in Path("models").glob("*/model.json")), OWN_MODEL]
    others = [f"--model {m}" for m in found if m != model and (m / "model.json").is_file()]
    also = f"; also here: {', '.join(others)}" if others else ""
    print(f"{model}: {described(read_spec(model))}{also}", file=sys.stderr)


def run_predict(
    images: list[str],
    out: Path,
    model: Path,
    channels: tuple[int | str, ...] = (),
    z: int | None = None,
    every: int = 1,
    limits: Sequence[float] | None = None,
    **options: Any,
) -> None:
    with starting():
        from darkfield.data.axes import Asked
        from darkfield.data.listing import in_words, skipped, sources
        from darkfield.files import read_csv
        from darkfield.network.predictor import Predictor
        from darkfield.report.as_trained import remarks
        from darkfield.report.labels import claimed, label_files
        from darkfield.report.predictions import write_index

    if limits and not limits[0] < limits[1]:
        raise UserError(f"--range: {limits[0]:g} is not below {limits[1]:g}")
    asked = Asked(channels, z, (limits[0], limits[1]) if limits else None)
    introduce(model)
    pictures = sources(images, out, every)
    if others := sum((skipped(Path(f), out) for f in images if Path(f).is_dir()), Counter()):
        print(f"passed over: {in_words(others)}", file=sys.stderr)
    with starting():
        predictor = Predictor(model)
    problems = label_files(pictures, predictor, out, asked=asked, **options)
    with claimed(out):
        write_index(out, out, predictor.spec, problems)
        counts, rescaled = read_csv(out / "counts.csv"), options.get("rescale", False)
        for line in remarks(counts, predictor.spec, rescaled=rescaled):
            print(line, file=sys.stderr)
    if problems:
        raise UserError(*problems)


def run_masks(source: Path, out: Path, labels: list[str]) -> None:
    from darkfield.classes import IGNORE, VOID, class_names
    from darkfield.data.annotations.convert import convert
    from darkfield.data.annotations.names import parse
    from darkfield.params import Params
    from darkfield.validation import check, load

    data = check(load(PARAMS)).data if PARAMS.exists() else Params().data
    if not PARAMS.exists():
        print(f"no {PARAMS} here: the classes are {', '.join(data.classes)}", file=sys.stderr)
    table = parse(labels, data.classes)
    print(*convert(source, out, table, data.classes), sep="\n")
    void = {VOID: IGNORE} if VOID in dict(table).values() else {}
    values = {str(v): n for v, n in (dict(enumerate(class_names(data.classes))) | void).items()}
    also = "" if data.mask_values == values else f" and mask_values: {json.dumps(values)}"
    print(f"now set data.root: {out}{also} in params.yaml")


def run_export(out: Path, model: Path) -> None:
    from darkfield.publish.onnx import FILES, export_model

    introduce(model)
    export_model(model, out)
    print(*(out / name for name in FILES), sep="\n")


def run_use(name: str) -> None:
    from darkfield import presets

    source = shipped(PARAMS)
    presets.use(name, PARAMS)
    data = "your data is unchanged" if source == PARAMS else f"its data is that of {source}"
    print(f"{PARAMS} now has the recipe of presets/{name}.yaml; {data}")


def run_doctor() -> None:
    from darkfield.doctor import main

    main()
