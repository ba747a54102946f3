"""The command `darkfield`: labels for new pictures by a trained model."""

import argparse
import os
import sys
from pathlib import Path

from darkfield.environment import ENVIRONMENT
from darkfield.files import UserError

MODELS = (Path("models/darkfield"), Path("results/model"))


def main() -> None:
    """Run the command; a user's mistake ends in its lines and exit code 1."""
    if not ENVIRONMENT.keys() <= os.environ.keys():  # C libraries read them when they start
        os.execve(sys.executable, [sys.executable, *sys.argv], ENVIRONMENT | os.environ)
    arguments = vars(parser().parse_args())
    command = arguments.pop("command")
    try:
        command(**arguments)
    except UserError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on from here")


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="darkfield", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    predict = commands.add_parser(
        "predict",
        help="label every pixel of pictures",
        description="Write OUT/NAME.png, 8-bit class indices, of every picture.",
    )
    predict.add_argument(
        "images",
        nargs="+",
        metavar="IMAGES",
        help="PNG, TIFF or JPEG files, folders of them, globs",
    )
    predict.add_argument("--out", required=True, type=Path, help="the folder to write to")
    predict.add_argument(
        "--model",
        type=Path,
        help=f"a model folder (default: {MODELS[0]} if it is there, else {MODELS[1]})",
    )
    predict.set_defaults(command=run_predict)
    doctor = commands.add_parser("doctor", help="what this machine and this folder offer, and lack")
    doctor.set_defaults(command=run_doctor)
    return top


def run_predict(images: list[str], out: Path, model: Path | None) -> None:
    from darkfield.labels import label_files
    from darkfield.listing import sources

    default = next((folder for folder in MODELS if folder.is_dir()), MODELS[-1])
    label_files(sources(images, out), model or default, out)


def run_doctor() -> None:
    from darkfield.doctor import main

    main()
