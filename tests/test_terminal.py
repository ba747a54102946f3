"""What Snakemake shows: a panel in a terminal, one line per job elsewhere, a plan when asked."""

import re
import shutil
import sys
from io import StringIO
from threading import Thread

import pyte
import pytest
from conftest import LONG, SCREEN
from project import (
    AFTER_TRAIN,
    COLUMNS,
    ROWS,
    RULES,
    in_terminal,
    noise,
    project,
    run,
    set_params,
    snakemake,
)
from rich.file_proxy import FileProxy

from darkfield.engine.ran import stage_of
from snakemake_logger_plugin_darkfield.jobs import Job
from snakemake_logger_plugin_darkfield.panel import LivePanel, Row, Shared


def screen_of(folder, *arguments):
    """Run snakemake in a terminal: its status, all it wrote, and the lines on screen."""
    status, written = in_terminal(folder, "snakemake", *arguments)
    return status, written.decode(), shown(written)


def shown(written):
    """The lines of a terminal, and of what has left it at the top, without those that are empty."""
    screen = pyte.HistoryScreen(COLUMNS, ROWS, history=10_000)
    pyte.ByteStream(screen).feed(written)
    past = ["".join(line[i].data for i in range(COLUMNS)) for line in screen.history.top]
    lines = [line.rstrip() for line in (*past, *screen.display)]
    return [line for line in lines if line]


@pytest.fixture(scope="module")
def watched(finished, tmp_path_factory):
    """A project whose chain ran in a terminal, and what that showed; no repository any more."""
    written = (finished.parent / SCREEN).read_bytes()
    folder = tmp_path_factory.mktemp("watched") / "project"
    shutil.copytree(finished, folder, symlinks=True, ignore=shutil.ignore_patterns(".git", ".dvc"))
    return folder, written.decode(), shown(written)


def test_a_terminal_shows_one_panel_that_nothing_writes_into(watched):
    _, _, lines = watched
    # A line of another program would leave a border of the panel behind.
    top, bottom = (
        [i for i, line in enumerate(lines) if line.startswith(corner)] for corner in "╭╰"
    )
    assert len(top) == len(bottom) == 1
    assert "24 of 24 jobs" in lines[top[0]]
    inside = lines[top[0] + 1 : bottom[0]]
    shown = [re.match(r"│ ✓ (\w+) +━+ 1/1 .*│$", line)[1] for line in inside]
    assert {stage_of(rule) for rule in shown} == RULES
    assert "evaluate_batch" in shown


def test_a_run_ends_with_the_test_metrics_and_where_to_look(watched):
    folder, written, _ = watched
    below = written[written.rindex("╯") :]
    assert "Test images, native resolution, epoch " in below
    assert re.search(r"^Objects +drawn +predicted ", below, re.M)
    assert "results/report.html" in below
    assert "results/snakemake-report.html" in below
    again = snakemake(folder, "--cores", "1")
    assert again.returncode == 0
    assert again.stdout.index("Nothing to be done") < again.stdout.index("Test images")
    under_dvc = run(folder, "env", "DVC_STAGE=select", "snakemake", "--cores", "1")
    assert "Test images" not in under_dvc.stdout
    in_part = snakemake(folder, "--cores", "1", "results/channel_stats.json")
    assert "Test images" not in in_part.stdout


def test_metrics_that_cannot_be_printed_fail_no_run(watched):
    done = run(watched[0], "sh", "-c", "snakemake --cores 1 > /dev/full")
    assert done.returncode == 0
    assert "No summary of the results: " in done.stdout
    gone = run(watched[0], "bash", "-c", "set -o pipefail; snakemake --cores 1 2>/dev/null | true")
    assert gone.returncode == 0


def test_the_panel_shows_how_far_the_training_is(watched):
    _, written, lines = watched
    epochs = re.findall(r"epoch (\d) of 2: loss \d\.\d+(?:, (?:\d\d:)+\d\d left)?", written)
    assert set(epochs) <= {"1", "2"}
    assert any("epoch 2 of 2: loss" in line for line in lines)


@pytest.mark.parametrize(
    ("change", "first"),
    [
        ({"train": {"learning_rate": 0.01}}, "train: param train.learning_rate changed"),
        ({"train": {"class_weights": None, "shuffle": False}},
         "train: param train.class_weights changed, param train.shuffle changed"),
        LONG({"predict": {"tta": True}}, "evaluate_batch: param predict.tta changed"),
        LONG({"image_size": [48, 40]}, "resize_batch: param image_size changed"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)  # fmt: skip
def test_a_dry_run_says_which_param_changed(watched, change, first):
    folder = watched[0]
    before = (folder / "params.yaml").read_text()
    set_params(folder, **change)
    try:
        said = plan(folder)
    finally:
        (folder / "params.yaml").write_text(before)
    assert said[0] == first
    root = first.split(":")[0]
    assert f"plots: upstream: {root}" in said
    assert re.fullmatch(r"(\d+) jobs of \1 rules would run", said[-1])
    assert len(said) == int(said[-1].split()[0]) + 1


def plan(folder, *arguments):
    """The lines of a dry run, without the spaces that align them."""
    done = snakemake(folder, "--dry-run", *arguments)
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    return [re.sub(" +", " ", line) for line in lines if not line.startswith("Using workflow")]


def test_a_dry_run_says_what_else_changed(watched):
    folder = watched[0]
    module = folder / "src/darkfield/report/plots.py"
    code, epochs = module.read_text(), folder / "results/evaluation/epochs.csv"
    module.write_text(code + "# changed\n")
    aside = epochs.rename(folder / "aside.csv")
    try:
        said = plan(folder)
    finally:
        module.write_text(code)
        aside.rename(epochs)
    assert "plots: its code changed" in said
    assert "evaluate: missing output results/evaluation/epochs.csv" in said
    assert "evaluate_batch: needed by evaluate" in said
    assert "html_report: its code changed" in said
    assert plan(folder) == ["Nothing to be done (all requested files are present and up to date)."]


@pytest.mark.long
def test_a_dry_run_names_the_input_that_changed(watched):
    folder = watched[0]
    table = folder / "results/train/history.csv"
    before = table.read_text()
    table.write_text(before.replace("epoch", "Epoch"))
    try:
        assert plan(folder, "results/plots/loss.png") == [
            "plots: input results/train/history.csv changed",
            "1 job of 1 rule would run",
        ]
    finally:
        table.write_text(before)
        assert snakemake(folder, "--cores", "1", "results/plots/loss.png").returncode == 0


@pytest.mark.long
def test_elsewhere_a_run_is_one_line_per_job(watched):
    folder = watched[0]
    (folder / "results/plots/loss.png").unlink()
    (folder / "results/report.html").unlink()
    done = snakemake(folder, "--cores", "1")
    assert done.returncode == 0, done.stdout
    jobs = re.findall(r"^\d\d:\d\d:\d\d +(\d+) of (\d+)  (\w+)", done.stdout, re.M)
    assert {stage_of(rule) for *_, rule in jobs} <= AFTER_TRAIN - {"train"}
    assert [int(n) for n, *_ in jobs] == list(range(1, len(jobs) + 1))
    assert len({rule for *_, rule in jobs}) == len(jobs) == int(jobs[0][1])
    assert f"{len(jobs)} jobs finished in " in done.stdout
    assert len(done.stdout.splitlines()) < len(jobs) + 30
    assert "reason" not in done.stdout


@pytest.mark.long
def test_what_a_job_writes_to_its_standard_error_is_shown_above_the_panel(tmp_path):
    noise(tmp_path / "mine")
    classes = {"background": 0, "erythrocyte": 1, "spirochaete": 2, "leucocyte": 3}
    table = {"0": "background", "1": "erythrocyte", "2": "spirochaete", "3": "leucocyte"}
    mine = {"root": "../mine", "classes": classes, "mask_values": table}
    folder = project(tmp_path / "project", data=mine, train={"class_weights": None})
    status, written, lines = screen_of(folder, "--cores", "1", "results/class_counts.json")
    assert status == 0, written
    assert len([line for line in lines if line.startswith("╭")]) == 1
    above = lines[: next(i for i, line in enumerate(lines) if line.startswith("╭"))]
    assert any("class_counts: leucocyte" in line for line in above)


class Interrupting:
    """A text that lets another thread do something, or try to, before it is on the screen."""

    def __init__(self, action):
        self.action = action

    def __rich__(self):
        thread = Thread(target=self.action)
        thread.start()
        thread.join(timeout=0.5)
        return "a line"


def test_a_line_that_is_printed_as_the_panel_closes_leaves_it_whole():
    written = StringIO()
    console = Shared(file=written, force_terminal=True, width=COLUMNS, height=ROWS)
    panel = LivePanel(console)
    panel.plan({"train": 1, "evaluate": 1})
    panel.live.refresh()
    console.print(Interrupting(panel.close))
    panel.close()
    lines = shown(written.getvalue().replace("\n", "\r\n").encode())
    assert [line[0] for line in lines] == ["a", "╭", "│", "│", "╰"]


def test_what_is_printed_goes_through_the_panel_until_its_last_state_is_shown():
    redirected = []

    class File(StringIO):
        """Notes whether sys.stdout is redirected whenever the panel is written."""

        def write(self, text):
            if "╭" in text:
                redirected.append(isinstance(sys.stdout, FileProxy))
            return super().write(text)

    panel = LivePanel(Shared(file=File(), force_terminal=True))
    panel.plan({"train": 1})
    panel.live.refresh()
    panel.close()
    assert redirected == [True, True]
    assert not isinstance(sys.stdout, FileProxy)


def test_a_job_that_has_ended_shows_no_time_left(tmp_path):
    log = tmp_path / "evaluate.log"
    record = {"rule_name": "evaluate", "wildcards": {}, "input": [], "output": [], "reason": ""}
    job = Job.of(record | {"log": [str(log)]})
    log.write_text("2026-01-01 00:00:00,000 image 7 of 8, 00:13 left\n")
    panel = LivePanel(Shared(file=StringIO()))
    panel.rows = {"evaluate": Row(2)}
    panel.begin(job)
    assert job.last_words().endswith("00:13 left")
    panel.finish(job)
    assert panel.rows["evaluate"].words == "image 7 of 8"


def test_a_job_that_is_tried_again_is_no_longer_crossed_and_its_failure_is_told(tmp_path):
    log = tmp_path / "train.log"
    record = {"rule_name": "train", "wildcards": {}, "input": [], "output": [], "reason": ""}
    panel = LivePanel(Shared(file=(written := StringIO())))
    panel.rows = {"train": (row := Row(2))}
    first, second = (Job.of(record | {"log": [str(log)]}) for _ in range(2))
    panel.begin(first)
    log.write_text("2026-01-01 00:00:00,000 epoch 1 of 2\nthe disk is full\n")
    panel.fail(first)
    assert str(row.mark()) == "✗"
    assert written.getvalue() == "train failed: the disk is full\n"
    panel.begin(second)
    assert not row.failed


def test_a_failed_job_is_crossed_and_its_problems_stand_last(tmp_path):
    noise(tmp_path / "mine")
    table = {"0": "background", "1": "erythrocyte"}
    folder = project(tmp_path / "project", data={"root": "../mine", "mask_values": table})
    status, written, lines = screen_of(folder, "--cores", "1", "data/flattened_masks.csv")
    assert status == 1
    assert len([line for line in lines if line.startswith("╭")]) == 1
    assert any(line.startswith("│ ✗ flatten_masks ") for line in lines)
    assert "Traceback" not in written
    problems = written[written.rindex("╯") :]
    assert problems.count("does not name: 2") == 21  # once each, and the first in the last line
    assert "flatten_masks failed: 20 problems, the first: ../mine/masks/00.png" in problems


@pytest.mark.parametrize("arguments", [LONG(("--quiet", "all")), LONG(("--quiet",))])
def test_quiet_is_silent_unless_something_is_wrong(tmp_path, arguments):
    folder = project(tmp_path / "project")
    done = snakemake(folder, "--cores", "1", "data/synthetic.sha256", *arguments)
    assert done.returncode == 0, done.stdout
    assert re.sub(r"Using workflow.*\n|Not recorded.*\n", "", done.stdout) == ""
    done = snakemake(folder, "--cores", "1", "no/such/file", *arguments)
    assert "no/such/file" in done.stdout
