"""Snakemake and DVC agree: neither does again what the other did, or calls fresh what is stale.

The numbers of the cases are those of docs/engines.md.
"""

import hashlib
import json
import re
import shutil

import numpy as np
import pytest
import yaml
from conftest import LONG, REPOSITORY
from PIL import Image
from project import (
    AFTER_TRAIN,
    RULES,
    commit,
    dvc,
    git,
    noise,
    planned,
    project,
    repository,
    run,
    set_params,
    snakemake,
    stale,
)

from darkfield.engine.dvcfile import dvc_yaml
from darkfield.engine.ran import stage_of
from darkfield.files import read_csv, read_json, write_csv, write_json

RESULTS = (
    "results/model/model.safetensors",
    "results/metrics.json",
    "results/evaluation/epochs.csv",
)


def run_snakemake(folder, *arguments):
    done = snakemake(folder, "--cores", "2", *arguments)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture
def copy(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "project", symlinks=True)


def assert_clean(folder):
    """Neither engine has anything to do."""
    assert stale(folder) == set()
    assert planned(folder) == set()


def ran_by_dvc(text):
    return set(re.findall(r"^Running stage '(\w+)'", text, re.M))


def downstream(folder, stages):
    """The stages and all that depend on them, by DVC's own graph."""
    edges = re.findall(r'"(\w+)" -> "(\w+)"', dvc(folder, "dag", "--dot"))
    found = set(stages)
    while new := {b for a, b in edges if a in found} - found:
        found |= new
    return found


def digests(folder):
    return {path: hashlib.sha256((folder / path).read_bytes()).hexdigest() for path in RESULTS}


# 1


def test_dvc_has_nothing_to_do_after_snakemake(copy):
    assert stale(copy) == set()
    text = dvc(copy, "repro")
    assert ran_by_dvc(text) == set()
    assert "Data and pipelines are up to date" in text
    assert git(copy, "status", "--short") == ""


# 2 and 12


@pytest.fixture(scope="module")
def finished_by_dvc(tmp_path_factory):
    folder = repository(tmp_path_factory.mktemp("engines") / "project")
    assert ran_by_dvc(dvc(folder, "repro")) == RULES
    return folder


@pytest.mark.long
def test_snakemake_has_nothing_to_do_after_dvc(finished_by_dvc):
    assert "Nothing to be done" in snakemake(finished_by_dvc).stdout
    assert stale(finished_by_dvc) == set()


@pytest.mark.long
def test_results_are_the_same_whichever_engine_ran_on_any_number_of_cores(
    finished, finished_by_dvc, tmp_path
):
    four = project(tmp_path / "four")
    run_snakemake(four, "--cores", "4")
    one = project(tmp_path / "one")
    run_snakemake(one, "--cores", "1")
    assert digests(finished) == digests(finished_by_dvc) == digests(one) == digests(four)


# 3


@pytest.mark.parametrize(
    "change",
    [
        LONG({"overlays": {"images": 1}}),
        LONG({"train": {"learning_rate": 0.01}}),
        {"image_size": [48, 40]},  # swapped
        LONG({"select": {"epoch": 1}}),
        LONG({"split": {"val": 0.1, "test": 0.2}}),
        LONG({"data": {"mask_values": {"0": "erythrocyte", "1": "background"}}}),
    ],
    ids=lambda change: next(iter(change)),
)
def test_both_plan_the_same_stages_after_a_change_of_params(copy, change):
    set_params(copy, **change)
    changed = stale(copy)
    assert changed
    assert planned(copy) == downstream(copy, changed)


@pytest.mark.long
def test_values_swapped_and_swapped_back(copy):
    before = (copy / "params.yaml").read_text()
    set_params(copy, split={"val": 0.1, "test": 0.2})
    run_snakemake(copy, "data/split.csv")
    commit(copy)
    set_params(copy, split={"val": 0.2, "test": 0.1})
    assert "split" in stale(copy) & planned(copy)
    (copy / "params.yaml").write_text(before)
    assert "split" in stale(copy) & planned(copy)


@pytest.mark.long
@pytest.mark.parametrize(
    ("change", "stages"),
    [({"overlays": {"images": 1}}, {"overlays"}), ({"train": {"epochs": 3}}, AFTER_TRAIN)],
    ids=["overlays", "train"],
)
def test_either_engine_finishes_what_a_change_asks_for(finished, tmp_path, change, stages):
    a, b = (tmp_path / name / "project" for name in "ab")
    for folder in (a, b):
        shutil.copytree(finished, folder, symlinks=True)
        set_params(folder, **change)
    run_snakemake(a)
    assert ran_by_dvc(dvc(b, "repro")) == stages
    assert digests(a) == digests(b)
    assert_clean(a)
    assert_clean(b)
    assert ran_by_dvc(dvc(a, "repro")) == set()


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        ("src/darkfield/report/overlays.py", {"overlays", "html_report"}),
        ("src/darkfield/report/html.html.j2", {"html_report"}),
        LONG("workflow/scripts/overlays.py", {"overlays"}),
    ],
)
def test_changed_code_is_planned_alike(copy, file, stages):
    (copy / file).write_text((copy / file).read_text() + "\nUNUSED = 1\n")
    assert stale(copy) == planned(copy) == stages


@pytest.mark.long
def test_diffs_of_params_metrics_and_plots(copy):
    set_params(copy, select={"epoch": 1})
    for name, column in (("epochs", "iou"), ("confusion", "pixels")):
        path = copy / f"results/evaluation/{name}.csv"
        table = read_csv(path)
        write_csv(path, table.assign(**{column: 0}))
    metrics = read_json(copy / "results/metrics.json")
    write_json(copy / "results/metrics.json", metrics | {"epoch": 99})
    diff = json.loads(dvc(copy, "params", "diff", "--json"))
    assert diff["params.yaml"]["select.epoch"] == {"old": "best", "new": 1}
    diff = json.loads(dvc(copy, "metrics", "diff", "--json"))
    assert diff["results/metrics.json"]["epoch"]["new"] == 99
    for path in ("results/metrics.json", "results/evaluation/scores.json"):
        write_json(copy / path, doubled(read_json(copy / path)))
    table = dvc(copy, "metrics", "diff", "--md").strip().splitlines()
    assert len(table) <= 24  # a screen: every number has changed
    offline = copy / "page.html"  # as docs/engines.md says
    offline.write_text("<script src='vega.js'></script>{plot_divs}")
    for options, online in (([], True), (["--html-template", str(offline)], False)):
        dvc(copy, "plots", "diff", "HEAD", *options)
        assert ("cdn.jsdelivr.net" in (copy / "dvc_plots/index.html").read_text()) == online
    plots = json.loads(dvc(copy, "plots", "diff", "HEAD", "--json"))["data"]
    assert plots.pop("before and after") == []  # this training starts from no model
    assert plots.keys() == {"training loss", "overlap accuracy", "IoU", "test pixels"}
    for name, (plot,) in plots.items():
        assert plot["revisions"] == ["workspace", "HEAD"], name
        assert "<DVC_METRIC" not in json.dumps(plot["content"]), name
        rows = plot["content"]["data"]["values"]
        assert {row["rev"] for row in rows} == {"workspace", "HEAD"}, name
    rows = plots["IoU"][0]["content"]["data"]["values"]
    assert {(row["split"], row["class"]) for row in rows} >= {("test", "spirochaete")}


def doubled(scores):
    """Other numbers in the place of all."""
    if isinstance(scores, dict):
        return {key: doubled(value) for key, value in scores.items()}
    return 2 * (scores or 0.1) if isinstance(scores, int | float | None) else scores


def test_a_tagged_model_is_an_artifact_to_get(copy, tmp_path):
    git(copy, "tag", "--annotate", "segnet@v1.0.0", "--message", "the first")
    dvc(copy, "artifacts", "get", str(copy), "segnet", "--out", str(tmp_path / "model"))
    for name in ("model.json", "model.safetensors"):
        ours = copy / "results/model" / name
        assert (tmp_path / "model" / name).read_bytes() == ours.read_bytes()


# 4


def pull_into_a_clone(folder, remote, **options):
    """Push from `folder`, clone it, pull; the clone."""
    dvc(folder, "remote", "add", "--default", "store", remote)
    for name, value in options.items():
        dvc(folder, "remote", "modify", "store", name, value)
    commit(folder)
    dvc(folder, "push")
    clone = folder.parent / "clone"
    git(folder, "clone", "--quiet", str(folder), str(clone))
    dvc(clone, "pull")
    return clone


@pytest.mark.parametrize("store", ["folder", LONG("s3")])
def test_a_clone_that_has_pulled_has_nothing_to_do(copy, tmp_path, store, request):
    if store == "s3":
        address = request.getfixturevalue("s3")
        clone = pull_into_a_clone(copy, "s3://darkfield/dvc", endpointurl=address)
    else:
        clone = pull_into_a_clone(copy, str(tmp_path / "store"))
    assert digests(clone) == digests(copy)
    assert_clean(clone)
    assert ran_by_dvc(dvc(clone, "repro")) == set()


@pytest.mark.long
def test_a_clone_edited_at_once_is_planned_alike(copy, tmp_path):
    """The first Snakemake in a clone finds it edited, then with the edit undone."""
    before = (copy / "params.yaml").read_text()
    clone = pull_into_a_clone(copy, str(tmp_path / "store"))
    set_params(clone, train={"learning_rate": 0.01})
    assert downstream(clone, stale(clone)) == planned(clone) == AFTER_TRAIN
    (clone / "params.yaml").write_text(before)
    assert_clean(clone)


@pytest.mark.long
def test_a_clone_that_pulls_late_has_nothing_to_do(copy, tmp_path):
    git(copy, "clone", "--quiet", str(copy), str(tmp_path / "clone"))
    assert planned(tmp_path / "clone") == RULES
    dvc(tmp_path / "clone", "cache", "dir", str(copy / ".dvc/cache"))
    dvc(tmp_path / "clone", "checkout")
    assert_clean(tmp_path / "clone")


@pytest.mark.long
def test_clones_that_share_a_cache_hold_one_copy(copy, tmp_path):
    """By hard links, as in a group with one file system; a rerun leaves the others' files alone."""
    for name, value in {"dir": tmp_path / "cache", "type": "hardlink", "shared": "group"}.items():
        dvc(copy, "config", f"cache.{name}", str(value))
    shutil.move(copy / ".dvc/cache", tmp_path / "cache")
    dvc(copy, "checkout", "--relink")
    commit(copy)
    clone = tmp_path / "clone"
    git(copy, "clone", "--quiet", str(copy), str(clone))
    dvc(clone, "checkout")
    assert_clean(clone)
    assert_clean(copy)
    large = ("results/model/model.safetensors", "data/pixels/images/0.npy")
    for path in large:
        assert (copy / path).stat().st_ino == (clone / path).stat().st_ino
        assert (clone / path).stat().st_mode & 0o222 == 0
    before = digests(copy)
    set_params(clone, train={"learning_rate": 0.01})
    run_snakemake(clone)
    assert_clean(clone)
    assert digests(copy) == before != digests(clone)
    assert_clean(copy)
    commit(clone)
    git(copy, "pull", "--quiet", str(clone), "main")
    dvc(copy, "checkout")
    assert_clean(copy)
    for path in large:
        assert (copy / path).stat().st_ino == (clone / path).stat().st_ino


def test_a_clone_shows_the_figures_without_pulling(copy, tmp_path):
    git(copy, "clone", "--quiet", str(copy), str(tmp_path / "clone"))
    shown = json.loads(dvc(tmp_path / "clone", "metrics", "show", "--json"))
    (metrics,) = shown[""]["data"].values()
    metrics, ours = metrics["data"], read_json(copy / "results/metrics.json")
    assert metrics["test"]["erythrocyte"]["iou"] == ours["test"]["erythrocyte"]["iou"]


@pytest.mark.parametrize("target", ["data/split.csv", "results/channel_stats.json"])
def test_a_clone_that_has_not_pulled_takes_no_small_file_for_fresh(copy, tmp_path, target):
    """It is in git, and what it is made from is not here."""
    git(copy, "clone", "--quiet", str(copy), str(tmp_path / "clone"))
    set_params(tmp_path / "clone", split={"seed": 5})
    assert planned(tmp_path / "clone", target) >= {"synthesize", "flatten_masks", "split"}


# 5


@pytest.fixture
def branched(copy):
    """On main as `finished`; on the branch fewer with fewer overlays."""
    git(copy, "checkout", "--quiet", "-b", "fewer")
    set_params(copy, overlays={"images": 1})
    run_snakemake(copy)
    commit(copy)
    return copy


@pytest.mark.long
def test_an_older_commit(branched):
    git(branched, "checkout", "--quiet", "fewer~1")
    dvc(branched, "checkout")
    assert_clean(branched)
    assert len(list((branched / "results/overlays/test").iterdir())) == 2


@pytest.mark.long
def test_branches_there_and_back(branched):
    for branch in ("main", "fewer", "main", "fewer"):
        git(branched, "checkout", "--quiet", branch)
        dvc(branched, "checkout")
        assert_clean(branched)


@pytest.mark.long
def test_an_older_commit_whose_files_were_not_checked_out(branched):
    """`git checkout` without `dvc checkout`: both see the other commit's files, and make theirs."""
    git(branched, "checkout", "--quiet", "main")
    assert stale(branched) == planned(branched) == {"overlays"}
    run_snakemake(branched)
    assert_clean(branched)
    assert len(list((branched / "results/overlays/test").iterdir())) == 2


@pytest.mark.long
def test_an_older_commit_whose_files_are_checked_out_late(branched):
    git(branched, "checkout", "--quiet", "main")
    assert stale(branched) == planned(branched) == {"overlays"}
    dvc(branched, "checkout")
    assert_clean(branched)


@pytest.mark.long
def test_files_of_another_commit_are_never_recorded(branched):
    git(branched, "checkout", "--quiet", "main")
    set_params(branched, image_size=[48, 40])
    run_snakemake(branched, "results/channel_stats.json")
    git(branched, "checkout", "params.yaml")
    run_snakemake(branched, "results/channel_stats.json")
    assert stale(branched) == {"overlays"}


@pytest.mark.long
def test_what_dvc_restores_of_an_earlier_run_is_up_to_date(copy):
    """Back at an old value, `dvc repro` runs nothing, and nothing is left for Snakemake."""
    for images in (1, 2):
        set_params(copy, overlays={"images": images})
        ran = ran_by_dvc(dvc(copy, "repro"))
        assert_clean(copy)
    assert ran == set()
    assert len(list((copy / "results/overlays/test").iterdir())) == 2


def test_after_a_run_only_what_a_person_commits_has_changed(copy):
    set_params(copy, overlays={"images": 1})
    run_snakemake(copy)
    changed = git(copy, "status", "--short").split()[1::2]
    assert changed == ["dvc.lock", "params.yaml"]


# 6


DEATHS = {
    "exit": "os._exit(3)",
    "interrupted": "os.killpg(os.getpgrp(), signal.SIGINT); time.sleep(60)",
    "killed": "os.killpg(os.getpgrp(), signal.SIGKILL)",
}


LOSS = "results/live/train/plots/metrics/loss.tsv"


def live_epochs(folder):
    """The epochs whose loss is shown live."""
    return [int(line.split()[0]) for line in (folder / LOSS).read_text().splitlines()[1:]]


@pytest.fixture(scope="module")
def mortal(tmp_path_factory):
    """A finished, committed repository whose training dies in epoch 2 where DIE says how."""
    folder = repository(tmp_path_factory.mktemp("engines") / "project")
    path = folder / "src/darkfield/network/training.py"
    code = path.read_text()
    seam = "        total, losses = 0.0, []\n"
    assert seam in code
    death = "        if epoch == 2: import os, signal, time; exec(os.environ.get('DIE', ''))\n"
    path.write_text(code.replace(seam, death + seam))
    run_snakemake(folder)
    commit(folder)
    return folder


@pytest.mark.parametrize("death", DEATHS)
@pytest.mark.parametrize(
    ("first", "second"), [("snakemake", "dvc"), ("dvc", "snakemake"), ("snakemake", "snakemake")]
)
@pytest.mark.long
def test_a_training_that_dies(mortal, tmp_path, monkeypatch, first, second, death):
    folder = shutil.copytree(mortal, tmp_path / "project", symlinks=True)
    set_params(folder, train={"learning_rate": 0.01}, split={"seed": 2})
    engines = {"snakemake": ["snakemake", "--cores", "2"], "dvc": ["dvc", "repro"]}
    with monkeypatch.context() as context:
        context.setenv("DIE", DEATHS[death])
        done = run(folder, *engines[first], start_new_session=True)
    assert done.returncode != 0
    assert live_epochs(folder) == [1]
    plots = dvc(folder, "plots", "show", "--json")
    assert (LOSS in plots) == (death != "interrupted")  # shown until the job ends, if it does
    assert "train" in stale(folder) & planned(folder)
    done = run(folder, *engines[second])
    assert done.returncode == 0, done.stdout
    assert_clean(folder)
    assert not list(folder.rglob(".part-*"))
    assert len(read_csv(folder / "results/train/history.csv")) == 2
    assert live_epochs(folder) == [1, 2]
    assert "results/live" not in git(folder, "status", "--short")
    assert read_csv(folder / "results/train/history.csv")["lr"].tolist() == [0.01, 0.01]


# 7


@pytest.mark.long
def test_a_partial_run_leaves_the_rest_stale(copy):
    set_params(copy, image_size=[48, 40])
    run_snakemake(copy, "results/channel_stats.json")
    assert "channel_stats" not in stale(copy) | planned(copy)
    assert "train" in stale(copy) & planned(copy)
    assert downstream(copy, stale(copy)) == planned(copy) == AFTER_TRAIN


# 8


@pytest.mark.long
def test_what_the_command_line_overrides_is_not_recorded(copy):
    lock = (copy / "dvc.lock").read_text()
    text = run_snakemake(copy, "results/overlays", "--config", "overlays={images: 1}")
    assert "Not recorded in dvc.lock: the params are not those of params.yaml" in text
    assert len(list((copy / "results/overlays/test").iterdir())) == 1
    assert (copy / "dvc.lock").read_text() == lock
    assert stale(copy) == planned(copy) == {"overlays"}


@pytest.mark.long
def test_another_configfile_is_not_recorded(copy):
    lock, other = (
        (copy / "dvc.lock").read_text(),
        yaml.safe_load((copy / "params.yaml").read_text()),
    )
    other["overlays"]["images"] = 0
    (copy / "other.yaml").write_text(yaml.safe_dump(other))
    run_snakemake(copy, "results/overlays", "--configfile", "other.yaml")
    assert (copy / "dvc.lock").read_text() == lock
    assert stale(copy) == planned(copy) == {"overlays"}
    run_snakemake(copy)
    assert_clean(copy)


def test_the_order_of_keys_is_no_change(copy):
    params = yaml.safe_load((copy / "params.yaml").read_text())
    params = {k: params[k] for k in sorted(params, reverse=True)}
    params["train"] = dict(reversed(params["train"].items()))
    (copy / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    assert_clean(copy)


# 9


@pytest.fixture(scope="module", params=["tracked", LONG("untracked")])
def own_pictures(request, tmp_path_factory):
    """A repository with a folder of one's own pictures, the data rules run; committed."""
    folder = repository(tmp_path_factory.mktemp("own") / "project", data={"root": "data/mine"})
    noise(folder / "data/mine")
    if request.param == "tracked":
        dvc(folder, "add", "data/mine")
    run_snakemake(folder, "data/flattened_masks.csv")
    assert "flatten_masks" not in stale(folder)
    run_snakemake(folder, "results/class_counts.json", "results/channel_stats.json")
    commit(folder)
    return folder


@pytest.mark.long
def test_with_pictures_of_ones_own_no_scenes_are_drawn(copy):
    assert any((copy / "data/synthetic/images").iterdir())
    noise(copy / "data/mine")
    set_params(copy, data={"root": "data/mine"})
    assert stale(copy) >= {"synthesize", "flatten_masks"}
    assert planned(copy) >= {"synthesize", "flatten_masks"}
    run_snakemake(copy, "data/synthetic.sha256")
    assert not list((copy / "data/synthetic").glob("[!.]*"))
    assert "synthesize" not in stale(copy)
    dvc(copy, "repro", "--quiet", "--force", "synthesize")
    assert not list((copy / "data/synthetic").glob("[!.]*"))
    assert "synthesize" not in planned(copy)
    set_params(copy, data={"root": "data/synthetic"})
    run_snakemake(copy, "data/synthetic.sha256")
    assert len(list((copy / "data/synthetic/images").iterdir())) == 24
    assert_clean(copy)


def edit(root):
    Image.fromarray(np.zeros((30, 40), dtype=np.uint8)).save(root / "masks/07.png")


def add(root):
    for part in ("images", "masks"):
        shutil.copy(root / f"{part}/03.png", root / f"{part}/99.png")


def remove(root):
    for part in ("images", "masks"):
        (root / f"{part}/03.png").unlink()


def swap(root):
    """Two masks under each other's name; size and time stamp say nothing of it."""
    one, other, spare = (root / f"masks/{name}.png" for name in ("03", "07", "spare"))
    before = one.stat()
    one.rename(spare)
    other.rename(one)
    spare.rename(other)
    after = one.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)


@pytest.mark.long
@pytest.mark.parametrize("change", [edit, add, remove, swap])
def test_changed_pictures_are_seen_by_both(own_pictures, tmp_path, change):
    folder = shutil.copytree(own_pictures, tmp_path / "project", symlinks=True)
    target = "results/class_counts.json"
    assert "Nothing to be done" in snakemake(folder, target).stdout
    assert "flatten_masks" not in stale(folder)
    change(folder / "data/mine")
    assert "its pictures changed" in snakemake(folder, "--dry-run", target).stdout
    assert "flatten_masks" in stale(folder)


@pytest.mark.long
def test_jobs_of_a_cluster_are_told_what_the_pictures_were(own_pictures):
    """They do not list them again. A run does, whatever it is told."""
    told = ("env", "DARKFIELD_RAW_DIGEST=another data/mine", "snakemake", "--dry-run", "--mode")
    target = "data/flattened_masks.csv"
    assert "Nothing to be done" in run(own_pictures, *told, "default", target).stdout
    assert "params have changed" in run(own_pictures, *told, "remote", target).stdout


@pytest.mark.long
@pytest.mark.parametrize("change", [edit, add, remove])
def test_changed_pictures_are_processed_by_dvc(own_pictures, tmp_path, change):
    folder = shutil.copytree(own_pictures, tmp_path / "project", symlinks=True)
    target = "results/class_counts.json"
    change(folder / "data/mine")
    assert "flatten_masks" in ran_by_dvc(dvc(folder, "repro", "class_counts"))
    assert "Nothing to be done" in snakemake(folder, target).stdout
    assert read_json(folder / target)["images"]["all"] == {edit: 20, add: 21, remove: 19}[change]


def write_lists(folder, names, tested):
    """A split of the user's own: the last `tested` names test, the six before them are val."""
    folder.mkdir(exist_ok=True)
    ends = {"train": (0, -tested - 6), "val": (-tested - 6, -tested), "test": (-tested, None)}
    for split, (first, end) in ends.items():
        (folder / f"{split}.txt").write_text("".join(f"{name}.png\n" for name in names[first:end]))


@pytest.fixture
def listed(copy):
    """A finished project that is to take the split of the folder ../lists; its images' names."""
    names = read_csv(copy / "data/split.csv")["image"].tolist()
    write_lists(copy.parent / "lists", names, 6)
    set_params(copy, split={"file": "../lists", "group_by": r"^(\d{2})"})
    return copy, names


@pytest.mark.long
def test_a_split_of_the_users_own_is_taken_and_watched_by_both(listed):
    folder, names = listed
    assert "split" in stale(folder) & planned(folder)
    text = run_snakemake(folder, "data/split.csv")
    table = read_csv(folder / "data/split.csv")
    assert table["split"].tolist() == ["train"] * 12 + ["val"] * 6 + ["test"] * 6
    assert table["group"].nunique() == 3  # 00, 01 and 02
    assert "split: 1 of 3 groups stands on more than one side of the split" in text
    assert "split" not in stale(folder)
    write_lists(folder.parent / "lists", names, 7)
    assert "split" in stale(folder) & planned(folder)


@pytest.mark.long
def test_a_split_of_the_users_own_is_taken_by_dvc(listed):
    """And what is wrong with it is said at once; folds keep its groups whole."""
    folder, names = listed
    assert ran_by_dvc(dvc(folder, "repro", "--single-item", "split")) == {"split"}
    assert "split" not in stale(folder) | planned(folder)
    text = run_snakemake(folder, "results/folds/1/split.csv")
    fold = read_csv(folder / "results/folds/1/split.csv")
    assert (fold.groupby("group")["split"].nunique() == 1).all(), text
    write_lists(folder.parent / "lists", [*names[1:], "strange", names[1]], 6)
    done = snakemake(folder, "--cores", "1", "data/split.csv")
    assert done.returncode != 0
    for words in ("strange.png is not among the images", f"{names[0]} is not named", "than once"):
        assert words in done.stdout


def test_a_tampered_output_is_seen_by_dvc(copy):
    path = copy / "results/metrics.json"
    path.write_text(path.read_text().replace("0.", "0.9", 1))
    assert "metrics" in stale(copy)


# 10


@pytest.mark.long
def test_experiments(copy):
    """`exp run` of a longer training leaves both clean, as does `exp apply` of one in the queue."""
    dvc(copy, "exp", "run", "--set-param", "train.epochs=3", "--name", "longer")
    assert_clean(copy)
    assert live_epochs(copy) == [1, 2, 3]
    refs = git(copy, "for-each-ref", "--format=%(refname)", "refs/exps").split()
    (longer,) = (ref for ref in refs if ref.endswith("/longer"))
    assert "results/live" not in git(copy, "ls-tree", "-r", "--name-only", longer)
    assert len(read_csv(copy / "results/train/history.csv")) == 3
    git(copy, "stash", "--include-untracked")
    dvc(copy, "checkout")
    assert_clean(copy)
    dvc(copy, "exp", "run", "--queue", "--set-param", "overlays.images=1", "--name", "fewer")
    dvc(copy, "queue", "start")
    run(copy, "dvc", "queue", "logs", "--follow", "fewer")
    shown = dvc(copy, "exp", "show", "--csv")
    assert "longer" in shown
    assert "fewer" in shown
    for name, epochs in (("longer", 3), ("fewer", 2)):
        dvc(copy, "exp", "apply", name)
        assert_clean(copy)
        assert len(read_csv(copy / "results/train/history.csv")) == epochs


def test_the_table_of_experiments_has_any_param_and_the_iou_on_test():
    """By the columns that `make experiments` drops, in the way of `dvc exp show`."""
    (drop,) = re.findall(r"exp show .*--drop '(.*)'", (REPOSITORY / "Makefile").read_text())
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    assert [name for name in flat(params) if re.match(drop, name)] == []
    shown = {
        n for n in flat(read_json(REPOSITORY / "results/metrics.json")) if not re.match(drop, n)
    }
    assert shown == {"epoch", "test.miou", "test.erythrocyte.iou", "test.spirochaete.iou"}


def flat(values, prefix=""):
    """The names of nested values, as DVC writes them."""
    for name, value in values.items():
        yield from flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [prefix + name]


# 11


@pytest.mark.long
def test_without_git_and_dvc_the_chain_says_so_and_succeeds(tmp_path):
    folder = project(tmp_path / "project")
    text = run_snakemake(folder, "data/split.csv")
    assert text.count("Not recorded in dvc.lock: not a DVC repository") == 1
    assert not (folder / "dvc.lock").exists()


def test_dvc_yaml_is_what_the_snakefile_says(tmp_path):
    assert dvc_yaml(REPOSITORY / "Snakefile") == (REPOSITORY / "dvc.yaml").read_text(), (
        "dvc.yaml is not what the Snakefile says: run `make dvc.yaml`"
    )


def test_both_graphs_are_the_same(finished):
    """The edges between rules, as each engine draws them; a rule and its batches are one stage."""
    text = run(finished, "snakemake", "--rulegraph").stdout
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', text))
    names = {number: stage_of(name) for number, name in names.items()}
    ours = {(names[a], names[b]) for a, b in re.findall(r"(\d+) -> (\d+)", text)}
    theirs = set(re.findall(r'"(\w+)" -> "(\w+)"', dvc(finished, "dag", "--dot")))
    # metrics_batch, which reads pictures, has no job unless the training starts from a model.
    assert {(a, b) for a, b in ours if b not in ("all", a)} == theirs - {
        ("flatten_masks", "metrics")
    }
