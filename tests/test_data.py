"""Versioned data: pushed and pulled, by a folder and by S3; the public set as a pinned import."""

import shutil

import pytest
import yaml
from conftest import REPOSITORY
from project import commit, dvc, git, noise, repository, run, snakemake, stale

from darkfield.files import read_json


def pushed_and_pulled(folder, remote, **options):
    """Push from `folder`, clone it, pull; the clone."""
    dvc(folder, "remote", "add", "--default", "store", remote)
    for name, value in options.items():
        dvc(folder, "remote", "modify", "store", name, value)
    commit(folder)
    dvc(folder, "push")
    clone = folder.parent / "clone"
    git(folder, "clone", "--quiet", str(folder), str(clone))
    done = run(clone, "dvc", "pull", "data/mine", "flatten_masks")
    assert done.returncode == 0, done.stdout
    return clone


@pytest.fixture
def own_pictures(tmp_path):
    folder = repository(tmp_path / "project", data={"root": "data/mine"})
    noise(folder / "data/mine")
    dvc(folder, "add", "data/mine")
    assert snakemake(folder, "--cores", "2", "results/class_counts.json").returncode == 0
    return folder


@pytest.mark.long
@pytest.mark.parametrize("store", ["folder", "s3"])
def test_data_are_pushed_and_pulled(own_pictures, tmp_path, store, request):
    options = {"endpointurl": request.getfixturevalue("s3")} if store == "s3" else {}
    remote = {"folder": str(tmp_path / "store"), "s3": "s3://darkfield/dvc"}[store]
    clone = pushed_and_pulled(own_pictures, remote, **options)
    for path in sorted((own_pictures / "data").rglob("*.png")):
        assert (clone / path.relative_to(own_pictures)).read_bytes() == path.read_bytes()
    assert not {"flatten_masks", "split", "class_counts", "data/mine.dvc"} & stale(clone)
    done = snakemake(clone, "--dry-run", "results/class_counts.json")
    assert "Nothing to be done" in done.stdout


@pytest.mark.long
def test_pictures_in_a_bucket(tmp_path, s3):
    """Imported from S3 they are the data root; what is added there is seen after `dvc update`."""
    import boto3

    noise(tmp_path / "noise")
    bucket = boto3.resource("s3", endpoint_url=s3).Bucket("darkfield")

    def upload(name, as_name):
        for part in ("images", "masks"):
            bucket.upload_file(tmp_path / f"noise/{part}/{name}", f"mine/{part}/{as_name}")

    for i in range(20):
        upload(f"{i:02}.png", f"{i:02}.png")
    folder = repository(tmp_path / "project", data={"root": "data/mine"})
    dvc(folder, "remote", "add", "bucket", "s3://darkfield")
    dvc(folder, "remote", "modify", "bucket", "endpointurl", s3)
    (folder / "data").mkdir()  # as a clone has it
    dvc(folder, "import-url", "remote://bucket/mine", "data/mine")
    target = "results/class_counts.json"
    assert snakemake(folder, "--cores", "2", target).returncode == 0
    assert "flatten_masks" not in stale(folder)
    assert git(folder, "status", "--short", "data/mine") == ""
    upload("03.png", "99.png")
    dvc(folder, "update", "data/mine.dvc")
    assert "flatten_masks" in stale(folder)
    assert snakemake(folder, "--cores", "2", target).returncode == 0
    assert read_json(folder / target)["images"]["all"] == 21


def make_data(folder, *variables):
    installed = "--assume-old=.venv/installed"
    return run(folder, "make", installed, "data", f"DATA={folder.parent / 'public'}", *variables)


@pytest.fixture
def public(tmp_path):
    """A project, and a repository shaped as the public one that has moved on since its pin."""
    folder = repository(tmp_path / "project")
    shutil.copy(REPOSITORY / "Makefile", folder)
    commit(folder)
    theirs = tmp_path / "public"
    noise(tmp_path / "noise")
    (theirs / "masks_orig").mkdir(parents=True)
    (tmp_path / "noise/images").rename(theirs / "images")
    (tmp_path / "noise/masks").rename(theirs / "masks_orig/masks")
    git(theirs, "init", "--quiet")
    commit(theirs)
    pinned = git(theirs, "rev-parse", "--short", "HEAD").strip()
    (theirs / "images/00.png").unlink()
    commit(theirs)
    return folder, pinned


def test_make_data_imports_the_pinned_commit(public):
    folder, pinned = public
    done = make_data(folder, f"DATA_REV={pinned}")
    assert done.returncode == 0, done.stdout
    assert done.stdout.index("CC BY-NC 4.0") < done.stdout.index("Importing")
    assert len(list((folder / "data/darkfield/images").iterdir())) == 20
    assert len(list((folder / "data/darkfield/masks").iterdir())) == 20
    imported = yaml.safe_load((folder / "data/darkfield/images.dvc").read_text())
    assert imported["deps"][0]["repo"]["rev"] == pinned  # "9e48300" is quoted, or it were a number
    assert git(folder, "status", "--short") == ""
    again = make_data(folder)
    assert again.returncode != 0
    assert "data/darkfield exists already" in again.stdout


def test_make_data_leaves_nothing_behind_if_it_fails(public):
    folder, _ = public
    assert make_data(folder, "DATA_REV=nowhere").returncode != 0
    assert not (folder / "data/darkfield").exists()
    assert git(folder, "status", "--short") == ""
