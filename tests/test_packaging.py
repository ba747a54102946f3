"""The package that is built from a clone needs no clone."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from conftest import REPOSITORY
from PIL import Image
from project import commit, git, run

from darkfield.data.synthetic import synthesize
from darkfield.shipped import MODEL, shipped

SOURCE = (
    *("src", "workflow", "presets", "profiles", MODEL, "Snakefile", "params.yaml"),
    *("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff", ".gitignore"),
)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A clone at a commit after the tag v1.2.3, and in dist/ what was built from it."""
    folder = tmp_path_factory.mktemp("built") / "project"
    folder.mkdir()
    for name in SOURCE:
        if (REPOSITORY / name).is_dir():
            ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(REPOSITORY / name, folder / name, ignore=ignore)
        else:
            shutil.copy(REPOSITORY / name, folder)
    git(folder, "init", "--quiet")
    commit(folder)
    git(folder, "tag", "v1.2.3")
    done = run(folder, sys.executable, "-m", "build", "--no-isolation")
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """The bin/ of an environment that has the wheel, and from this one the libraries alone."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    python = folder / "bin/python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (wheel,) = (built / "dist").glob("*.whl")
    options = ("--quiet", "--offline", "--no-deps", "--python", python)
    subprocess.run(["uv", "pip", "install", *options, wheel], check=True)
    own = sysconfig.get_path("purelib", vars={"base": str(folder)})
    libraries = [path for path in sys.path if path.endswith("site-packages")]
    Path(own, "libraries.pth").write_text("\n".join(libraries))
    return folder / "bin"


def command(installed, folder, *arguments):
    """Run a command of the environment in `folder`, without this environment's settings."""
    settings = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(
        [installed / arguments[0], *arguments[1:]],
        cwd=folder,
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_build_leaves_nothing_that_git_shows(built):
    assert git(built, "status", "--short") == ""


def test_what_is_built_passes_twines_check(built):
    files = sorted((built / "dist").iterdir())
    assert [path.name for path in files] == [
        "darkfield-1.2.3-py3-none-any.whl",
        "darkfield-1.2.3.tar.gz",
    ]
    if not (twine := shutil.which("twine")):  # not in the lock file: it brings keyrings
        pytest.skip("no twine: uv tool install twine")
    done = run(built, twine, "check", "--strict", *files)
    assert done.returncode == 0, done.stdout


def test_the_wheel_holds_the_code_with_its_templates_and_what_is_shipped(built):
    (wheel,) = (built / "dist").glob("*.whl")
    with ZipFile(wheel) as archive:
        held = {name: archive.read(name) for name in archive.namelist() if "dist-info" not in name}
    tracked = git(built, "ls-files").splitlines()
    places = {name: name.removeprefix("src/") for name in tracked if name.startswith("src/")}
    folders = ("workflow/", "presets/", "profiles/", f"{MODEL}/")
    alone = ("Snakefile", "params.yaml")
    places |= {
        name: f"darkfield/project/{name}"
        for name in tracked
        if name.startswith(folders) or name in alone
    }
    assert held == {place: (built / name).read_bytes() for name, place in places.items()}


def test_without_git_there_is_a_version(built, tmp_path):
    (source,) = (built / "dist").glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    done = run(folder, sys.executable, "-m", "hatchling", "version")
    assert done.stdout == "1.2.3\n"  # as its PKG-INFO says
    (folder / "PKG-INFO").unlink()
    done = run(folder, sys.executable, "-m", "hatchling", "version")
    assert done.stdout.splitlines()[-1] == "0.1.0"


def test_the_installed_command_labels_a_picture_in_an_empty_folder(installed, tmp_path):
    synthesize(tmp_path / "scenes", images=1, size=(96, 128), seed=1)
    folder = tmp_path / "empty"
    folder.mkdir()
    done = command(installed, folder, "darkfield", "predict", "../scenes/images", "--out", "out")
    assert done.returncode == 0, done.stdout
    assert "darkfield/project/models/darkfield: " in done.stdout
    assert "leaked" not in done.stdout  # as libraries say of what cli.starting has frozen
    labels = np.asarray(Image.open(folder / "out/001.png"))
    drawn = np.asarray(Image.open(tmp_path / "scenes/masks/001.png"))
    assert labels.shape == drawn.shape[:2]
    assert set(np.unique(labels)) <= {0, 1, 2}
    assert (folder / "out/index.html").exists()


def test_the_installed_command_reads_masks_and_checks_the_machine(installed, tmp_path):
    (tmp_path / "drawn").mkdir()
    Image.fromarray(np.eye(20, dtype=np.uint8)).save(tmp_path / "drawn/a.png")
    options = ("--out", "mine", "--label", "0=background", "--label", "1=erythrocyte")
    done = command(installed, tmp_path, "darkfield", "masks", "drawn", *options)
    assert done.returncode == 0, done.stdout
    classes = "background, erythrocyte, spirochaete"
    assert done.stdout.count(f"no params.yaml here: the classes are {classes}\n") == 1
    assert (tmp_path / "mine/masks/a.png").exists()
    assert command(installed, tmp_path, "darkfield", "--version").stdout == "darkfield 1.2.3\n"
    done = command(installed, tmp_path, "darkfield", "doctor")
    assert done.returncode == 0, done.stdout
    assert "darkfield/project/models/darkfield" in done.stdout


@pytest.mark.parametrize("recipe", ["best", "finetune"])  # the second starts from a shipped model
def test_the_installed_chain_is_planned_in_an_empty_folder(recipe, installed, tmp_path):
    done = command(installed, tmp_path, "darkfield", "use", recipe)
    assert done.returncode == 0, done.stdout
    code = "from darkfield.shipped import ROOT; print(ROOT / 'Snakefile')"
    snakefile = command(installed, tmp_path, "python", "-c", code).stdout.strip()
    options = ("--snakefile", snakefile, "--dry-run", "--workflow-profile", "none")
    done = command(installed, tmp_path, "python", "-m", "snakemake", *options)
    assert done.returncode == 0, done.stdout
    assert "html_report" in done.stdout


def test_what_is_shipped_is_the_working_folders_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert shipped(MODEL) == REPOSITORY / MODEL
    (tmp_path / MODEL).mkdir(parents=True)
    assert shipped(MODEL) == MODEL
    assert shipped("presets/mine.yaml") == Path("presets/mine.yaml")
