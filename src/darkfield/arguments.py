"""What the command `darkfield` understands."""

import argparse
import math
from importlib.metadata import version
from pathlib import Path

from darkfield.shipped import MODEL, shipped

OWN_MODEL = Path("results/model")
ON_REQUEST = {  # of data.listing, which imports more than --help needs
    "probabilities": "OUT/probabilities/NAME.tif, float32 (class, height, width)",
    "instances": "OUT/instances/CLASS/NAME.tif, each object's number, for napari or CellProfiler",
    "geojson": "OUT/geojson/NAME.geojson, objects with measurements, for QuPath",
    "rois": "OUT/rois/NAME.zip, objects for ImageJ's ROI Manager",
}
PROGRAMS = ("labelme", "cvat", "qupath", "imagej")


def parser() -> argparse.ArgumentParser:
    """The parser; `command` is the name of one of cli.RUN, which takes the other arguments."""
    about = "Use a trained model, correct what it made, choose a recipe, check the machine."
    top = argparse.ArgumentParser(prog="darkfield", description=about)
    top.add_argument("--version", action="version", version=f"darkfield {version('darkfield')}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = argparse.ArgumentParser(add_help=False)
    chosen.add_argument(
        "--model",
        type=Path,
        default=shipped(MODEL) if shipped(MODEL).is_dir() else OWN_MODEL,
        help=f"a model folder (default: {MODEL}, the shipped one, wherever it is)",
    )
    of_model = argparse.ArgumentParser(add_help=False, parents=[chosen])
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
    rank = commands.add_parser(
        "rank",
        help="say which predictions to correct first",
        description="List the pictures of OUT that hold, and stand for, most of what the model "
        "doubts; docs/predict.md.",
    )
    rank.add_argument("out", type=Path, metavar="OUT", help="a folder that predict wrote")
    rank.add_argument(
        "--first", type=whole, default=20, metavar="N", help="how many (default: %(default)s)"
    )
    correct = commands.add_parser(
        "correct",
        parents=[chosen],
        help="correct predictions in an annotation program",
        description="Open the pictures of OUT in napari and save those that you change in "
        "OUT/corrected. With --to, write them and their objects, as shapes that can be changed, "
        "into a folder for another program; `darkfield masks` makes masks of what it saves. "
        "docs/masks.md.",
    )
    correct.add_argument("out", type=Path, metavar="OUT", help="a folder that predict wrote")
    correct.add_argument("--to", dest="program", choices=PROGRAMS, help="the other program")
    correct.add_argument(
        "--into",
        type=Path,
        metavar="DIR",
        help="the folder to write to (default: OUT/corrected, or OUT/PROGRAM)",
    )
    correct.add_argument(
        "--first",
        type=whole,
        metavar="N",
        help="only so many pictures, those that `darkfield rank` lists first",
    )
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
    adopt = commands.add_parser(
        "adopt",
        help="add corrected pictures to a folder to train on",
        description="Copy corrected pictures, their masks and objects to ROOT/images, masks and "
        "instances, and their origin to ROOT/corrected.json. Classes are matched by name; masks "
        "get the values of data.mask_values in params.yaml; docs/masks.md.",
    )
    adopt.add_argument(
        "out",
        type=Path,
        metavar="OUT",
        help="a folder that predict wrote, with corrections; or one that darkfield masks made",
    )
    adopt.add_argument(
        "--into",
        required=True,
        type=Path,
        metavar="ROOT",
        help="the folder to add to; made if it is not there",
    )
    commands.add_parser(
        "export",
        parents=[of_model],
        help="export a model to ONNX and to the BioImage Model Zoo",
        description="Write OUT/model.onnx, OUT/darkfield.bioimageio.zip and OUT/MODEL_CARD.md.",
    )
    commands.add_parser(
        "doctor",
        help="check this machine and this folder",
        description="List what this machine and this folder offer, and what to do about anything "
        "missing; exit with 1 if it keeps a run from starting.",
    )
    use = commands.add_parser(
        "use",
        help="write a recipe from presets/ into params.yaml",
        description="Set params.yaml to the defaults and what presets/NAME.yaml changes in them. "
        "What is about your data (data, objects, colours, pictures, publish), its comments and the "
        "order of its keys stay.",
    )
    use.add_argument("name", metavar="NAME", help="the name of a file in presets/, without .yaml")
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
