"""What this machine and this folder offer, and what to do about anything missing."""

import os
import platform
import shutil
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import psutil

from darkfield.data.images import is_picture
from darkfield.data.listing import in_words, skipped
from darkfield.data.mask_files import is_mask
from darkfield.engine import lock
from darkfield.files import UserError, image_and_mask_folders
from darkfield.network.states import STATES, unfinished
from darkfield.shipped import MODEL, shipped
from darkfield.validation import check, load

GB = 1e9
NEEDS_MEMORY, NEEDS_DISK = 4, 5  # GB: for the notebook's recipe; for the default run and its cache


class Finding(NamedTuple):
    """One line: what was checked, what was found, and what to do about it, if anything.

    `stops` means that nothing runs until it is done.
    """

    what: str
    found: str
    advice: str = ""
    stops: bool = False


def examine() -> Iterator[Finding]:
    """All findings about this machine and the project in the working directory."""
    yield Finding("Python", platform.python_version())
    yield from libraries()
    if find_spec("torch"):
        yield from machine()
    yield from models()
    if not Path("params.yaml").exists():
        advice = "to train, go to a clone of the project, or write one: darkfield use best"
        yield Finding("project", "no params.yaml here", advice)
        return
    yield from project()
    yield from engines()


def libraries() -> Iterator[Finding]:
    for name in ("darkfield", "torch", "torchvision", "snakemake", "dvc"):
        try:
            yield Finding(name, version(name))
        except PackageNotFoundError:
            yield Finding(name, "not installed", "make .venv/installed", stops=True)
    try:
        yield Finding(
            "U-Nets", f"segmentation_models.pytorch {version('segmentation_models_pytorch')}"
        )
    except PackageNotFoundError:
        remedy = "for U-Nets: pip install segmentation-models-pytorch"
        yield Finding("U-Nets", "not installed", remedy)


def machine() -> Iterator[Finding]:
    import torch

    from darkfield.network.device import setup

    device, precision = setup("auto", "auto", torch.get_num_threads())
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "torch sees no GPU"
    slow = "" if device.type == "cuda" else "training takes minutes to hours; presets say how long"
    yield Finding("device", f"{device.type} ({name})", slow)
    hint = "" if precision == "bf16" else "no fast bf16 here: fp32, about twice as slow"
    yield Finding("precision", precision, hint)
    yield Finding("threads", f"{torch.get_num_threads()} of {os.cpu_count()} processors")
    memory = psutil.virtual_memory().available / GB
    low = f"below {NEEDS_MEMORY} GB, lower train.batch_size" if memory < NEEDS_MEMORY else ""
    yield Finding("memory", f"{memory:.1f} GB free", low)
    disk = shutil.disk_usage(".").free / GB
    low = f"free some space: a run needs about {NEEDS_DISK} GB" if disk < NEEDS_DISK else ""
    yield Finding("disk", f"{disk:.0f} GB free here", low)


def project() -> Iterator[Finding]:
    try:
        settings = check(load(Path("params.yaml")))
    except UserError as error:
        for problem in str(error).splitlines():
            yield Finding("params", "wrong", problem, stops=True)
        return
    yield Finding("params", f"{settings.model.name}, {settings.train.epochs} epochs")
    threads = settings.train.threads
    if threads != (cores := os.cpu_count()):
        yield Finding("train.threads", f"{threads} of {cores}", "more is faster, with other bytes")
    root = Path(settings.data.root)
    if root == Path("data/synthetic"):
        yield Finding("data", f"{root}: scenes that the chain draws itself")
        return
    try:
        folders = image_and_mask_folders(root)
        kinds = (is_picture, is_mask)
        images, masks = (
            sum(map(is_its, folder.rglob("*")))
            for folder, is_its in zip(folders, kinds, strict=True)
        )
        others = sum((skipped(folder, known=is_mask) for folder in folders), Counter())
        hint = f"passed over: {in_words(others)}" if others else ""
        yield Finding("data", f"{root}: {images} images, {masks} masks", hint)
    except UserError as error:
        yield Finding("data", "missing", str(error).replace("\n", "; "), stops=True)


def engines() -> Iterator[Finding]:
    if not Path(".git").exists() or not Path(".dvc").is_dir():
        yield Finding("DVC", "not a DVC repository", "runs are not recorded in dvc.lock")
    else:
        found = "dvc.lock is there" if Path("dvc.lock").exists() else "nothing recorded yet"
        yield Finding("DVC", found, "dvc status shows what is stale")
    locked = lock.LOCKS.is_dir() and any(lock.LOCKS.iterdir())
    if lock.alive():
        yield Finding("Snakemake", "a run is in progress")
    elif locked:
        yield Finding(
            "Snakemake", "locked by a run that was killed", "the next run removes the lock"
        )
    else:
        yield Finding("Snakemake", "free", "snakemake --dry-run shows what a run would do")
    if sizes := unfinished():
        yield Finding(
            "trainings",
            f"{len(sizes)} unfinished, {sum(sizes) / 1e6:.0f} MB in {STATES}",
            "the same params and pictures continue from there; otherwise remove the folder",
        )


def models() -> Iterator[Finding]:
    found = [p for p in (shipped(MODEL), Path("results/model")) if (p / "model.json").exists()]
    none = "" if found else "darkfield predict needs one: make run"
    yield Finding("models", ", ".join(map(str, found)) or "none", none)


def main() -> None:
    """Print the findings; exit with 1 if one of them stops everything."""
    findings = list(examine())
    for finding in findings:
        mark = "!" if finding.stops else " "
        advice = f"   -> {finding.advice}" if finding.advice else ""
        print(f"{mark} {finding.what:14}{finding.found}{advice}")
    raise SystemExit(any(finding.stops for finding in findings))
