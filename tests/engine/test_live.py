"""What is shown while a job runs: DVC sees it, nobody is asked, and a new start repeats nothing."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml
from conftest import REPOSITORY
from dvc.repo import Repo
from project import commit, dvc, git, run

from darkfield.engine.live import live
from darkfield.files import read_csv, read_json
from darkfield.measure.metrics import mean_iou

ROWS = [{"epoch": 1, "loss": 0.75, "miou/val": 0.1}, {"epoch": 2, "loss": 0.5, "miou/val": 0.25}]
# A job in a process of its own, which tells of each look at the network.
JOB = """
import os, sys
from types import SimpleNamespace
asks = ("socket.connect", "socket.getaddrinfo", "socket.sendto")
sys.addaudithook(lambda event, _: event in asks and print(event))
from darkfield.engine.live import live
with live(SimpleNamespace(rule="train", wildcards=None)) as show:
    show([{"epoch": 1, "loss": 0.75}])
    if "DIE" in os.environ:
        os._exit(3)
    show([{"epoch": 2, "loss": 0.5}])
"""


def run_job(folder, *settings):
    source = f"PYTHONPATH={REPOSITORY / 'src'}"
    return run(folder, "env", source, *settings, sys.executable, "-c", JOB)


def job(rule="train", **wildcards):
    return SimpleNamespace(rule=rule, wildcards=SimpleNamespace(**wildcards))


def curve(folder, name):
    """The points of a curve, [step, value]."""
    return pd.read_csv(folder / f"plots/metrics/{name}.tsv", sep="\t").to_numpy().tolist()


@pytest.fixture
def books(tmp_path, monkeypatch):
    """A repository whose DVC keeps books of two stages, committed; the working directory."""
    folder = tmp_path / "project"
    (folder / ".dvc").mkdir(parents=True)
    for name in (".gitignore", ".dvc/config", ".dvc/.gitignore"):
        (folder / name).write_text((REPOSITORY / name).read_text())
    stages = {name: {"cmd": f"snakemake {name} --force"} for name in ("train", "evaluate")}
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    git(folder, "init", "--quiet")
    commit(folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    return folder


def test_dvc_shows_the_curves_and_the_latest_values_until_the_job_ends(books):
    place = "results/live/train"
    with live(job()) as show:
        show([])
        show(ROWS[:1])
        show([{"epoch": 2, "loss": 0.5, "miou/val": float("nan")}], prefix="network-1/")
        show(ROWS[1:])
        plots = json.loads(dvc(books, "plots", "show", "--json"))["data"]
        ours = [f"{place}/plots/metrics/{name}.tsv" for name in ("loss", "miou/val")]
        assert plots.keys() == {*ours, f"{place}/plots/metrics/network-1/loss.tsv"}
        values = plots[ours[0]][0]["content"]["data"]["values"]
        assert [(row["step"], row["loss"]) for row in values] == [("1", "0.75"), ("2", "0.5")]
        metrics = Repo().metrics.show()[""]["data"]
        latest = {"loss": 0.5, "miou": {"val": 0.25}, "network-1": {"loss": 0.5}, "step": 2}
        assert metrics == {f"{place}/metrics.json": {"data": latest}}
        assert git(books, "status", "--short", "-uall").split() == ["??", f"{place}/dvc.yaml"]
    assert curve(books / place, "miou/val") == [[1, 0.1], [2, 0.25]]
    assert git(books, "status", "--short") == ""


def test_what_was_shown_before_is_gone_and_the_same_rows_give_the_same_bytes(books):
    texts = []
    for rows in (ROWS, ROWS[:1], ROWS):
        with live(job("evaluate_batch")) as show:
            show(rows)
        files = sorted(path for path in (books / "results/live/evaluate").rglob("*.*"))
        texts.append([path.read_bytes() for path in files])
    assert texts[0] == texts[2]
    assert len(texts[0]) == len(texts[1]) == 3
    assert texts[0] != texts[1]


def test_a_killed_job_is_still_shown_and_the_next_repeats_nothing(books):
    died = run_job(books, "DIE=1")
    assert died.returncode == 3, died.stdout
    (found,) = Repo().plots.show()["workspace"]["definitions"]["data"].values()
    assert found["data"].keys() == {"results/live/train/plots/metrics/loss.tsv"}
    with live(job()) as show:
        show(ROWS)
    assert curve(books / "results/live/train", "loss") == [[1, 0.75], [2, 0.5]]


@pytest.mark.parametrize(
    ("of", "wanted"), [(job(run="folds/1/"), True), (job("predict"), True), (job(), False)]
)
def test_nothing_is_shown_of_what_dvc_keeps_no_books_of(books, of, wanted):
    with live(of, wanted) as show:
        show(ROWS)
    assert not (books / "results").exists()


def test_a_repository_without_dvc_stays_one(books):
    """DVCLive would make it one of DVC's."""
    git(books, "rm", "-r", "--quiet", ".dvc")
    with live(job()) as show:
        show(ROWS)
    assert git(books, "ls-files", "--others") == ""


@pytest.fixture
def studio():
    """The address of a server that answers as Studio does, and the events that it was told."""
    events = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            events.append(json.loads(body)["type"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", events
        server.shutdown()
        thread.join()


def test_studio_hears_of_a_run_only_where_this_repository_says_so(books, studio, monkeypatch):
    """A token that somebody has for all of their projects is not enough."""
    address, events = studio
    monkeypatch.setenv("DVC_STUDIO_TOKEN", "secret")
    monkeypatch.setenv("DVC_STUDIO_URL", address)
    monkeypatch.setenv("DVC_STUDIO_REPO_URL", "https://example.org/ours.git")
    done = run_job(books)
    assert (done.returncode, done.stdout) == (0, "")
    assert events == []
    dvc(books, "config", "--local", "studio.offline", "false")
    done = run_job(books)
    assert (done.returncode, events[0], events[-1]) == (0, "start", "done"), done.stdout
    assert "data" in events
    assert "socket.connect" in done.stdout


def test_a_run_of_the_chain_shows_its_training_and_its_evaluation(finished):
    history = read_csv(finished / "results/train/history.csv")
    for name in ("loss", "lr"):
        shown = curve(finished / "results/live/train", name)
        assert shown == history[["epoch", name]].to_numpy().tolist()
    means = mean_iou(read_csv(finished / "results/evaluation/epochs.csv"))
    for split in ("train", "val", "test"):
        shown = curve(finished / "results/live/evaluate", f"miou/{split}")
        assert [value for _, value in shown] == pytest.approx(means[split].tolist(), rel=1e-12)
    latest = read_json(finished / "results/live/evaluate/metrics.json")
    assert latest["step"] == len(history)
    assert not (finished / "results/live/train/dvc.yaml").exists()
