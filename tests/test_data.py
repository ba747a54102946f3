"""Versioned data: pushed and pulled, by a folder and by S3; the public set as a pinned import."""

import re
import shutil
import subprocess

import pytest
import yaml
from conftest import REPOSITORY
from project import commit, dvc, git, noise, repository, run, snakemake, stale


@pytest.fixture(scope="module")
def s3():
    """The address of a real S3 server on loopback with a bucket named darkfield."""
    import boto3

    command = ["moto_server", "--host", "127.0.0.1", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        address = None
        while not address:
            address = re.search(r"http://127.0.0.1:\d+", server.stderr.readline())
        client = boto3.client(
            "s3",
            endpoint_url=address[0],
            region_name="us-east-1",
            aws_access_key_id="none",
            aws_secret_access_key="none",
        )
        client.create_bucket(Bucket="darkfield")
        yield address[0]
        server.terminate()


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


@pytest.mark.parametrize("store", ["folder", "s3"])
def test_data_are_pushed_and_pulled(own_pictures, tmp_path, store, request, monkeypatch):
    options = {}
    if store == "s3":
        options = {"endpointurl": request.getfixturevalue("s3")}
        for name, value in {
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            monkeypatch.setenv(name, value)
    remote = {"folder": str(tmp_path / "store"), "s3": "s3://darkfield/dvc"}[store]
    clone = pushed_and_pulled(own_pictures, remote, **options)
    for path in sorted((own_pictures / "data").rglob("*.png")):
        assert (clone / path.relative_to(own_pictures)).read_bytes() == path.read_bytes()
    assert not {"flatten_masks", "split", "class_counts", "data/mine.dvc"} & stale(clone)
    done = snakemake(clone, "--dry-run", "results/class_counts.json")
    assert "Nothing to be done" in done.stdout


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
    assert "data/darkfield is there already" in again.stdout


def test_make_data_leaves_nothing_behind_if_it_fails(public):
    folder, _ = public
    assert make_data(folder, "DATA_REV=nowhere").returncode != 0
    assert not (folder / "data/darkfield").exists()
    assert git(folder, "status", "--short") == ""
