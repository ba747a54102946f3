"""A small copy of the project, and the real snakemake, dvc and git run in it."""

import json
import os
import pty
import re
import shutil
import subprocess
import termios
from pathlib import Path

import numpy as np
import yaml
from conftest import REPOSITORY
from PIL import Image

from darkfield.engine.ran import stage_of
from darkfield.validation import OF_CLASSES

SMALL = {
    "synthesize": {"images": 24, "size": [40, 56], "seed": 1},
    "image_size": [40, 48],
    "train": {"epochs": 2, "batch_size": 8},
    "overlays": {"images": 2},
}
RULES = {
    *("synthesize", "flatten_masks", "split", "resize", "channel_stats", "class_counts"),
    *("train", "evaluate", "select", "objects", "calibrate", "metrics"),
    *("overlays", "plots", "html_report", "validation"),
}
BATCHED = ("flatten_masks", "split", "resize", "evaluate", "objects", "overlays")
PARTS = {"split_index", "split_pairs", *(f"{rule}_batch" for rule in BATCHED)}
ROWS, COLUMNS = 60, 120  # of terminals
AFTER_TRAIN = {
    *("train", "evaluate", "select", "objects", "calibrate", "metrics"),
    *("overlays", "plots", "html_report", "validation"),
}


def project(folder, **sections):
    """A copy of the project in `folder`, with a small params.yaml changed by `sections`."""
    folder.mkdir()
    for name in ("workflow", "profiles", "src"):
        ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(REPOSITORY / name, folder / name, ignore=ignore)
    for name in ("models/None", "None"):
        shutil.copytree(REPOSITORY / name, folder / name)
    for name in ("Snakefile", "params.yaml", "dvc.yaml", ".gitignore", ".dvcignore"):
        shutil.copy(REPOSITORY / name, folder)
    set_params(folder, **SMALL)
    set_params(folder, **sections)
    return folder


def set_params(folder, **sections):
    params = yaml.safe_load((folder / "params.yaml").read_text())
    for name, value in sections.items():
        whole = name in OF_CLASSES or not isinstance(value, dict)
        params[name] = value if whole else params[name] | value
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


def repository(folder, **sections):
    """The same under git and DVC, committed; `folder`/../home holds their settings and state."""
    project(folder, **sections)
    shutil.copytree(REPOSITORY / ".dvc/plots", folder / ".dvc/plots")
    for name in (".gitignore", "config"):
        shutil.copy(REPOSITORY / ".dvc" / name, folder / ".dvc")
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder)
    return folder


def noise(root):
    """Twenty images and masks of noise at `root`: files of one size and time stamp, as unzipped."""
    rng = np.random.default_rng(0)
    for part, top, shape in (("images", 256, (30, 40, 3)), ("masks", 3, (30, 40))):
        (root / part).mkdir(parents=True)
        for i in range(20):
            path = root / f"{part}/{i:02}.png"
            picture = Image.fromarray(rng.integers(0, top, shape, dtype=np.uint8))
            picture.save(path, compress_level=0)
            os.utime(path, (1e9, 1e9))


AS_ON_SCREEN = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}


def run(folder, *command, **options):
    """Run a command in `folder`; its output and errors come as one text, as on the screen."""
    return subprocess.run(command, cwd=folder, env=environment(folder), **AS_ON_SCREEN, **options)


def start(folder, *command):
    """The same, not waited for: the running process."""
    return subprocess.Popen(command, cwd=folder, env=environment(folder), **AS_ON_SCREEN)


def in_terminal(folder, *command):
    """Run a command in a pseudo-terminal: its status, and all that it wrote."""
    here, there = pty.openpty()
    termios.tcsetwinsize(there, (ROWS, COLUMNS))
    settings = environment(folder) | {"TERM": "xterm-256color"}
    with subprocess.Popen(
        command, cwd=folder, env=settings, stdin=there, stdout=there, stderr=there
    ) as process:
        os.close(there)
        written = b""
        while chunk := read(here):
            written += chunk
    os.close(here)
    return process.returncode, written


def read(terminal):
    """The next bytes of a terminal; none once nobody holds its other end."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def environment(folder):
    """The modules of this copy; no settings or caches but its own."""
    home = Path(folder).parent / "home"
    home.mkdir(exist_ok=True)
    names = dict.fromkeys(("AUTHOR_NAME", "COMMITTER_NAME"), "A")
    emails = dict.fromkeys(("AUTHOR_EMAIL", "COMMITTER_EMAIL"), "a@example.org")
    return os.environ | {
        "PYTHONPATH": str(folder / "src"),
        "HOME": str(home),
        "DVC_SITE_CACHE_DIR": str(home / "dvc"),
        **{f"GIT_{name}": value for name, value in (names | emails).items()},
    }


def snakemake(folder, *arguments):
    return run(folder, "snakemake", *arguments)


def dvc(folder, *arguments):
    """Run dvc, which is to succeed, and return what it says."""
    done = run(folder, "dvc", *arguments)
    assert done.returncode == 0, done.stdout
    return done.stdout


def git(folder, *arguments):
    done = run(folder, "git", *arguments)
    assert done.returncode == 0, done.stdout
    return done.stdout


def commit(folder):
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "as it is")


def planned(folder, *targets):
    """The rules that a run of Snakemake would execute, those of parts by what they work for."""
    done = snakemake(folder, "--dry-run", *targets)
    assert done.returncode == 0, done.stdout
    return set(map(stage_of, re.findall(r"^(\w+)(?: \(\d+ jobs\))?: ", done.stdout, re.M)))


def stale(folder):
    """The stages that DVC calls changed."""
    return set(json.loads(dvc(folder, "status", "--json").splitlines()[-1]))  # after warnings
