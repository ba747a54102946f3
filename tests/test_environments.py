"""The environments for conda and for containers are those of the lock file."""

import re
import shlex
import tomllib

import yaml
from conftest import REPOSITORY
from packaging.requirements import Requirement

CONDA = {  # names on conda-forge and bioconda that are not those of the package index
    "torch": "pytorch",
    "matplotlib": "matplotlib-base",
    "opencv-python-headless": "opencv",
    "snakemake": "snakemake-minimal",  # without what it needs on clouds
}
PYTHON = "3.13"


def locked():
    """The versions of the lock file for PYTHON on Linux, by name."""
    found = {}
    for line in (REPOSITORY / "requirements.lock").read_text().splitlines():
        if line[:1] not in (" ", "#", ""):
            pinned = Requirement(line.removesuffix("\\"))
            here = {"python_full_version": f"{PYTHON}.0", "python_version": PYTHON}
            if pinned.marker is None or pinned.marker.evaluate(here):
                found[pinned.name] = str(pinned.specifier).removeprefix("==")
    return found


def test_the_conda_environment_has_the_libraries_of_the_lock_file_to_the_minor_version():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    versions = locked()
    expected = ["pip", f"python={PYTHON}"]
    for line in project["dependencies"]:
        name = Requirement(line).name
        major, minor = versions[name.replace(".", "-")].split(".")[:2]
        expected.append(f"{CONDA.get(name, name)}={major}.{minor}")
    environment = yaml.safe_load((REPOSITORY / "workflow/envs/darkfield.yaml").read_text())
    assert sorted(environment["dependencies"]) == sorted(expected)
    assert environment["channels"] == ["conda-forge", "bioconda", "nodefaults"]


def instructions():
    """The Dockerfile's instructions as (name, words) pairs."""
    text = re.sub(r"\\\n", " ", (REPOSITORY / "Dockerfile").read_text())
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return [(line.partition(" ")[0], shlex.split(line.partition(" ")[2])) for line in lines]


def test_the_image_is_built_from_the_lock_file_and_from_what_a_wheel_needs():
    steps = instructions()
    assert steps[0] == ("FROM", [f"python:{PYTHON}-slim"])
    assert [words for name, words in steps if name == "COPY"] == [
        ["requirements.lock", "/tmp/"],
        [".", "/darkfield"],
    ]
    installs = [words for name, words in steps if name == "RUN" and "pip" in words]
    assert installs[0][-3:] == ["--require-hashes", "--requirement", "/tmp/requirements.lock"]
    assert "--no-index" in installs[1]
    ignored, *lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert ignored == "*"
    copied = {line[1:] for line in lines if line.startswith("!")}
    assert all((REPOSITORY / name).exists() for name in copied)
    build = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    source = {name.strip("/") for name in build["targets"]["sdist"]["include"]}
    assert copied == source | {"README.md", "pyproject.toml", "requirements.lock"}
