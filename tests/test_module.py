"""The chain in another workflow, in another folder, and deployed by snakedeploy."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import REPOSITORY
from project import RULES, SMALL, commit, dvc, environment, git, noise, planned, project, run
from project import snakemake as start

FOREIGN = """\
stages:
  split:
    cmd: echo mine > mine.txt
    outs: [mine.txt]
  lab_split:
    cmd: echo mine > too.txt
    outs: [too.txt]
"""
IMPORTER = """\
rule all:
    input:
        "counted.txt",


module darkfield:
    snakefile:
        {snakefile}
    config:
        {config}
    prefix:
        "segmented"


use rule * from darkfield as lab_*


rule count:
    input:
        {given!r},
    output:
        "counted.txt",
    shell:
        "cp {{input}} {{output}}"
"""
ADDRESS = "https://github.com/lab/darkfield"


def importer(folder, snakefile, given="segmented/results/metrics.json", **config):
    """Another workflow, in `folder`, that has the chain as a module."""
    folder.mkdir()
    text = IMPORTER.format(snakefile=snakefile, given=given, config=SMALL | config)
    (folder / "Snakefile").write_text(text)
    return folder


def versioned(folder):
    """The same under git and under DVC, which has stages named as rules of the chain; committed."""
    (folder / "dvc.yaml").write_text(FOREIGN)
    (folder / ".gitignore").write_text("/.snakemake/\n/segmented/\n/counted.txt\n")
    git(folder, "init", "--quiet")
    dvc(folder, "init", "--quiet")
    dvc(folder, "repro", "--quiet")
    commit(folder)
    return folder


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    return project(tmp_path_factory.mktemp("clone") / "darkfield")


def snakemake(folder, *arguments):
    """Run Snakemake without PYTHONPATH: whoever imports a workflow has not set it."""
    settings = environment(folder)
    del settings["PYTHONPATH"]
    return subprocess.run(
        ["snakemake", *arguments],
        cwd=folder,
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_module_runs_below_its_prefix_and_leaves_the_importers_books_alone(tmp_path, clone):
    noise(tmp_path / "pictures")
    config = {"data": {"root": "../pictures", "check_masks": False}}
    snakefile = repr(str(clone / "Snakefile"))
    folder = versioned(
        importer(tmp_path / "lab", snakefile, "segmented/results/class_counts.json", **config)
    )
    before = (folder / "dvc.lock").read_bytes()
    done = snakemake(folder, "--cores", "1")
    assert done.returncode == 0, done.stdout
    counted = json.loads((folder / "counted.txt").read_text())
    assert counted["pixels"]["all"].keys() == {"background", "erythrocyte", "spirochaete"}
    assert {path.name for path in folder.iterdir() if path.name[0] != "."} == {
        *("Snakefile", "counted.txt", "dvc.lock", "dvc.yaml", "mine.txt", "segmented", "too.txt"),
    }
    assert (folder / "dvc.lock").read_bytes() == before
    assert git(folder, "status", "--short") == ""
    assert not list(folder.glob(".snakemake/darkfield-ran/*"))
    assert not (folder / ".snakemake/darkfield-adopted.json").exists()
    assert "dvc.lock" not in done.stdout
    assert "Nothing to be done" in snakemake(folder, "--cores", "1").stdout


@pytest.mark.long
def test_a_module_runs_the_whole_chain_on_scenes_that_it_draws(tmp_path, clone):
    folder = versioned(importer(tmp_path / "lab", repr(str(clone / "Snakefile"))))
    done = snakemake(folder, "--cores", "2", "counted.txt", "lab_all")
    assert done.returncode == 0, done.stdout
    assert (folder / "segmented/results/report.html").exists()
    assert "test" in json.loads((folder / "counted.txt").read_text())
    assert git(folder, "status", "--short") == ""
    assert "Nothing to be done" in snakemake(folder, "--cores", "2", "lab_all").stdout


def test_a_module_removes_no_lock(tmp_path, clone):
    made = "segmented/data/synthetic.sha256"
    folder = importer(tmp_path / "lab", repr(str(clone / "Snakefile")), made)
    lock = folder / ".snakemake/locks/0.output.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text(f"{made}\n")
    done = snakemake(folder, "--cores", "1")
    assert "Directory cannot be locked" in done.stdout
    assert lock.exists()


def test_a_mistake_in_a_modules_config_is_one_line(tmp_path, clone):
    folder = importer(tmp_path / "lab", repr(str(clone / "Snakefile")), samples="a.csv")
    done = snakemake(folder, "--dry-run")
    assert done.returncode == 1
    *_, last = done.stdout.splitlines()
    assert last.startswith("config of module darkfield: unknown key 'samples'")


def test_another_folder_needs_a_params_yaml_which_the_message_says_how_to_get(tmp_path, clone):
    there = tmp_path / "elsewhere"
    there.mkdir()
    command = ("--snakefile", str(clone / "Snakefile"), "--directory", str(there), "--dry-run")
    done = start(tmp_path, *command)
    assert done.returncode == 1
    *_, last = done.stdout.splitlines()
    assert last == (
        "params.yaml: no such file; go to a clone of the project, or write one in "
        f"{there} with darkfield use best"
    )
    done = run(there, str(Path(sys.executable).with_name("darkfield")), "use", "best")
    assert done.returncode == 0, done.stdout
    done = start(tmp_path, *command)
    assert done.returncode == 0, done.stdout
    assert "html_report" in done.stdout


def test_the_catalogs_snakefile_has_the_same_default_target(clone):
    catalogs = planned(clone, "--snakefile", "workflow/Snakefile")
    assert catalogs - {"default"} == planned(clone) == RULES


def test_the_catalogs_config_is_params_yaml():
    assert (REPOSITORY / "config/config.yaml").samefile(REPOSITORY / "params.yaml")
    usage = yaml.safe_load((REPOSITORY / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert usage.keys() <= {"mandatory-flags", "software-stack-deployment", "report"}
    assert usage["mandatory-flags"].keys() == {"desc", "flags"}
    assert set(usage["software-stack-deployment"].values()) == {False}  # no rule has `conda:`


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A repository with a tag, which git takes for the one at ADDRESS."""
    folder = project(tmp_path / "darkfield")
    shutil.copytree(REPOSITORY / "config", folder / "config", symlinks=True)
    shutil.copy(REPOSITORY / "LICENSE", folder)
    git(folder, "init", "--quiet")
    commit(folder)
    git(folder, "tag", "v0")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{folder}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", ADDRESS)
    return folder


def test_a_workflow_fetched_from_github_runs_with_the_installed_package(tmp_path, published):
    snakefile = 'github("lab/darkfield", path="workflow/Snakefile", tag="v0")'
    folder = importer(tmp_path / "lab", snakefile, "segmented/data/synthetic.sha256")
    done = snakemake(folder, "--cores", "1")
    assert done.returncode == 0, done.stdout
    assert (folder / "counted.txt").read_text().count(".png") == 3 * SMALL["synthesize"]["images"]
    assert "Nothing to be done" in snakemake(folder, "--cores", "1").stdout


def test_what_snakedeploy_writes_plans_the_chain(tmp_path, published):
    if not (snakedeploy := shutil.which("snakedeploy")):
        pytest.skip("no snakedeploy: uv tool install snakedeploy")
    folder = tmp_path / "deployed"
    done = run(tmp_path, snakedeploy, "deploy-workflow", ADDRESS, str(folder), "--tag", "v0")
    assert done.returncode == 0, done.stdout
    config = folder / "config/config.yaml"
    assert config.read_bytes() == (published / "params.yaml").read_bytes()
    done = snakemake(folder, "--dry-run")
    assert done.returncode == 0, done.stdout
    assert "html_report" in done.stdout
