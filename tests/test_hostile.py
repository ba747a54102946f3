"""Hostile input through the real commands: one clear message for all, nothing lost, nothing run."""

import copy
import hashlib
import re
import shutil

import hostile
import pytest
import yaml
from hostile import DISAGREEING, MODELS, READ, REFUSED, UNREADABLE, WRONG_PARAMS
from project import noise, project, run, set_params, snakemake

from darkfield.data.pixels import Pictures
from darkfield.files import read_csv

MANIFEST = "data/flattened_masks.csv"


def by_name(cases):
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.wrong)


def contents(root):
    """Path and bytes of all files, links as they are."""
    return {
        p.relative_to(root): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in root.rglob("*")
        if p.is_file()
    }


def made(cases, place):
    """What each case's make gives; what this file system cannot hold is an OSError."""
    results = {}
    for case in cases:
        try:
            results[case.wrong] = case.make(place)
        except OSError as error:
            results[case.wrong] = error
    return results


def clear(done):
    """A failure in words alone."""
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stdout
    assert 'File "' not in done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """A folder with every kind of broken pair among twenty right ones, and a run of it."""
    base = tmp_path_factory.mktemp("refused")
    noise(base / "mine")
    results = made(REFUSED, base / "mine")
    folder = project(base / "project", data={"root": "../mine"})
    before = contents(base / "mine")
    done = snakemake(folder, "--cores", "1", MANIFEST)
    assert contents(base / "mine") == before
    return folder, clear(done), results


@by_name(REFUSED)
def test_broken_pictures_are_all_reported_by_one_run(refused, case):
    _, text, results = refused
    if isinstance(results[case.wrong], OSError):
        pytest.skip(f"this file system has no such file: {results[case.wrong]}")
    assert case.says in text


def test_broken_pictures_leave_no_half_output(refused):
    folder, text, _ = refused
    # Of each batch what was right, which the next run replaces.
    assert {path.name for path in (folder / "data").iterdir()} == {"batches", "pixels"}
    lines = [line for line in text.splitlines() if line.startswith("../mine/")]
    assert len(lines) >= len(REFUSED)
    assert re.fullmatch(
        r"flatten_masks failed: \d+ problems, the first: .* \(log: logs/flatten_masks.log\)",
        text.splitlines()[-1],
    )


@pytest.fixture(scope="module")
def exotic(tmp_path_factory):
    """A folder of right but unusual pairs, and what a run made of it."""
    base = tmp_path_factory.mktemp("exotic")
    noise(base / "mine")
    results = made(READ, base / "mine")
    folder = project(base / "project", data={"root": "../mine"})
    done = snakemake(folder, "--cores", "1", MANIFEST)
    assert done.returncode == 0, done.stdout
    table = read_csv(folder / MANIFEST)
    sizes = table[["height", "width"]].to_numpy()
    images, masks = (
        Pictures([folder / f"data/pixels/{n}/0.npy"], sizes) for n in ("images", "masks")
    )
    return folder, results, list(table["image"]), images, masks


@by_name(READ)
def test_unusual_pictures_are_read(exotic, case):
    _, results, names, images, masks = exotic
    assert len(names) == 20 + sum(result is not None for result in results.values())
    if (expected := results[case.wrong]) is None:
        return
    stem, image, mask = expected
    assert (images[names.index(stem)] == image).all()
    assert (masks[names.index(stem)] == mask).all()


def test_a_file_name_is_never_a_command(exotic):
    folder, *_ = exotic
    assert not list(folder.parent.rglob("pwned"))


@pytest.mark.long
def test_the_whole_chain_takes_unusual_pictures_and_its_report_escapes_names(exotic):
    folder, _, names, *_ = exotic
    done = snakemake(folder, "--cores", "2")
    assert done.returncode == 0, done.stdout
    assert not list(folder.parent.rglob("pwned"))
    page = (folder / "results/report.html").read_text(encoding="utf-8")
    assert "<img src=x" not in page
    split = read_csv(folder / "data/split.csv").set_index("image")
    assert sorted(split.index) == sorted(names)
    done = snakemake(folder, "--report", "results/snakemake-report.html")
    assert done.returncode == 0, done.stdout
    set_params(folder, pictures={"folder": "../mine/images", "model": "results/model"})
    done = snakemake(folder, "--cores", "2", "predict")
    assert done.returncode == 0, done.stdout
    labels = folder / "results/predictions/labels"
    assert len(list(labels.glob("*.png"))) == len(names)
    assert not list(folder.parent.rglob("pwned"))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A project to change params.yaml of."""
    return project(tmp_path_factory.mktemp("params") / "project")


@pytest.fixture(scope="module", params=[WRONG_PARAMS, DISAGREEING], ids=["each", "together"])
def told(request, small):
    """What one dry run says of a params.yaml in which all these are wrong."""
    path = small / "params.yaml"
    before = path.read_text()
    params = copy.deepcopy(yaml.safe_load(before))
    made(request.param, params)
    path.write_text(yaml.safe_dump(params, allow_unicode=True))
    done = snakemake(small, "--cores", "1")
    path.write_text(before)
    assert not (small / "data").exists()
    return request.param, clear(done)


def test_wrong_params_are_all_reported_by_one_run(told):
    cases, text = told
    lines = text.splitlines()
    for case in cases:
        assert any(line.startswith(f"params.yaml: {case.says}") for line in lines), case.wrong
    assert len([line for line in lines if line.startswith("params.yaml: ")]) == len(cases)


@by_name(UNREADABLE)
def test_params_that_cannot_be_read(small, case):
    path = small / "params.yaml"
    before = path.read_bytes()
    case.make(path)
    text = clear(snakemake(small, "--dry-run"))
    path.write_bytes(before)
    assert text.splitlines()[-1].startswith(case.says)


@pytest.mark.long
@by_name(MODELS)
@pytest.mark.parametrize("model", ["native"], indirect=True)
def test_a_model_folder_that_is_wrong(model, tmp_path, case):
    folder = shutil.copytree(model, tmp_path / "model")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_bytes(hostile.GOOD)
    case.make(folder)
    done = run(tmp_path, "darkfield", "predict", "in", "--out", "out", "--model", "model")
    assert case.says in clear(done).splitlines()[-1]
    assert not list(tmp_path.rglob("pwned"))
    assert not (tmp_path / "out").exists()
