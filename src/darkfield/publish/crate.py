"""A finished run as an RO-Crate: one zip that holds and describes what ran, on what, to what end.

It is what the profile Workflow Run Crate 0.5 (https://w3id.org/ro/wfrun/workflow/0.5) asks for, in
RO-Crate 1.1, which that profile extends.
"""

import json
import os
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from darkfield.files import UserError, read_json
from darkfield.network.spec import ModelSpec, load_spec
from darkfield.publish.archive import write_zip
from darkfield.publish.card import card, literal
from darkfield.sections import Publish

CHAIN = ("Snakefile", "workflow", "profiles")  # of the project
PACKAGES = ("darkfield", "snakemake_logger_plugin_darkfield")
NOT_CODE = {"__pycache__", "project"}  # folders of a package
PICTURES = ("images", "masks", "instances")
# What is in a crate beside settings, code and pictures, by the name of the rule's input.
RESULTS = {
    "manifest": "Every picture: its size, its pixels of each class, SHA-256 of picture and mask.",
    "split": "Every picture: its group and its split.",
    "weights": "Weights of the trained model (safetensors).",
    "spec": "The trained model: classes, normalisation, settings, software, scores.",
    "metrics": "Scores that people compare, of the model on test and val.",
    "scores": "Every score of pixels, of the model on test and val.",
    "object_scores": "Every score of objects on test and val, with 95 % intervals of test.",
    "history": "Loss and learning rate of each epoch.",
    "epochs": "Scores of each epoch, split and class.",
    "images": "Scores of each picture and class, of the model.",
    "confusion": "Pixels of test by true and by predicted class.",
    "objects": "Each object in val and test, drawn or predicted.",
    "stats": "Mean and standard deviation of the training pictures' channels.",
    "counts": "Pixels and pictures with each class, by split.",
    "plot_loss": "Training loss by epoch.",
    "plot_classes": "Overlap accuracy of a class by epoch.",
    "plot_agreement": "Counts of a class in each test picture, drawn and predicted.",
    "plot_by_size": "How many of a class are found, by their size.",
    "plot_confidence": "How often objects of a class are real, by their confidence.",
    "plot_pixels": "How often pixels are right, by their probability.",
    "plot_balance": "Pixels of each class, and pictures that have it.",
    "plot_confusion": "Pixels of test by true and by predicted class.",
    "validation": "Validation of the run, as a reviewer asks for it.",
    "overlays": "Picture with truth, prediction and errors.",
    "report": "The run on one page, with test pictures.",
}
SHOWING = ("overlays", "report")  # what one sees pictures in


def write_crate(
    path: Path,
    chain: Path,
    settings: dict[str, Any],
    files: Mapping[str, Sequence[Path]],
    pictures: Path,
    drawn: bool,
) -> None:
    """Write the crate of a run, a zip; the same run gives the same bytes.

    `chain` is the folder of the Snakefile, `settings` the whole of params.yaml. `files` are files
    and folders below the working folder, by the keys of RESULTS. `pictures` is the folder that
    holds images/ and masks/, `drawn` whether the chain drew them. Unless it did, they stay out of
    the crate, and what shows them too, if publish.pictures does not put them into it. Raises
    UserError if rocrate is missing, if section publish lacks what a crate has to say, or if the
    Snakefile was fetched from elsewhere.
    """
    if not find_spec("rocrate"):
        raise UserError("a crate needs rocrate: pip install 'darkfield[export]'")
    from darkfield.publish.crate_metadata import FOLDERS, Run, describe

    publish = Publish.model_validate(settings["publish"])
    if missing := [key for key in ("authors", "licence", "date") if not getattr(publish, key)]:
        raise UserError(*(f"params.yaml: publish.{key}: a crate must say it" for key in missing))
    shown = drawn or publish.pictures
    spec = load_spec(files["spec"][0])
    results = {
        inside(file): (file, about)
        for key, about in RESULTS.items()
        for root in (files[key] if shown or key not in SHOWING else ())
        for file in below(root)
    }
    run = Run(
        spec=spec,
        settings=settings,
        publish=publish,
        metrics=read_json(files["metrics"][0]),
        results=results,
        manifest=inside(files["manifest"][0]),
        pictures=inside(pictures) if shown else None,
    )
    metadata = describe(run).metadata.generate()
    write_zip(
        path,
        {
            **code(chain),
            **(of_pictures(pictures) if shown else {}),
            **{name: file for name, (file, _) in results.items()},
            **{f"{folder}/": "" for folder in FOLDERS},
            "params.yaml": yaml.safe_dump(settings, sort_keys=False, allow_unicode=True),
            "README.md": readme(spec, files, results),
            "ro-crate-metadata.json": json.dumps(metadata, indent=2) + "\n",
        },
    )


def of_pictures(root: Path) -> dict[str, Path | str]:
    """What is in ROOT/images and its like, by the names in the crate, and ROOT itself."""
    name = inside(root)
    found = (file for part in PICTURES for file in below(root / part))
    return {f"{name}/": "", **{f"{name}/{f.relative_to(root).as_posix()}": f for f in found}}


def readme(spec: ModelSpec, files: Mapping[str, Sequence[Path]], kept: Collection[str]) -> str:
    """What to do with a crate, which of the run's files it holds, and the model card."""
    rows = "".join(
        f"| {literal(inside(root))} | {about} |\n"
        for key, about in RESULTS.items()
        for root in files[key]
        if any(inside(file) in kept for file in below(root))
    )
    return f"""\
# A run of darkfield

This is an [RO-Crate](https://www.researchobject.org/ro-crate): ro-crate-metadata.json describes \
the run and each of its files. With the software that it names, `snakemake --cores 4` in this \
folder repeats the run, if the pictures are where params.yaml says.

| result | what it is |
| --- | --- |
{rows}
{card(spec)}"""


def code(chain: Path) -> dict[str, Path | str]:
    """The chain, the packages that its scripts run, and their licence."""
    if not (chain / "Snakefile").is_file():
        raise UserError(f"{chain}: no Snakefile, which a crate holds; run the chain from a clone")
    src = Path(__file__).parents[2]
    text = distribution("darkfield").read_text("licenses/LICENSE")
    files: dict[str, Path | str] = {"LICENSE": text or "MIT"}
    for file in (file for name in CHAIN for file in below(chain / name)):
        files[file.relative_to(chain).as_posix()] = file
    for file in (file for name in PACKAGES for file in below(src / name)):
        name = file.relative_to(src)
        if not NOT_CODE.intersection(name.parts):
            files[f"src/{name.as_posix()}"] = file
    return files


def below(path: Path) -> list[Path]:
    """The files in a folder and in its folders, sorted, without hidden ones; of a file, itself."""
    if path.is_file():
        return [path]
    files = (file for file in path.rglob("*") if file.is_file())
    return sorted(f for f in files if not any(p.startswith(".") for p in f.relative_to(path).parts))


def inside(path: Path) -> str:
    """The name in the crate of a file or folder: that below the working folder.

    Pictures may lie elsewhere; they get a name in data/.
    """
    here, path = Path.cwd(), Path(os.path.normpath(path.absolute()))
    return (path.relative_to(here) if here in path.parents else Path("data", path.name)).as_posix()
