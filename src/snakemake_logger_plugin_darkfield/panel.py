"""A run as a live panel: a bar for each rule, and what its running job last wrote to its log."""

import re
import sys
import threading
import time
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from typing import Any, Self

from rich.console import Console, RenderableType
from rich.file_proxy import FileProxy
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text
from tqdm import tqdm

from snakemake_logger_plugin_darkfield.jobs import Job, share
from snakemake_logger_plugin_darkfield.lines import View

BAR = 16  # columns
REFRESH = 4  # times a second
LEFT = re.compile(r", [\d:]+ left$")  # of a job that has ended


@dataclass
class Row:
    """A rule of the run: how many jobs it has, and where they are."""

    total: int
    done: int = 0
    failed: set[str] = field(default_factory=set)  # names of jobs, unless they are tried again
    running: list[Job] = field(default_factory=list)
    busy: float = 0.0  # seconds in which at least one job ran, before those that run now
    since: float = 0.0  # when the first of these began
    words: str = ""  # the last that one of its jobs logged
    spinner: Spinner = field(default_factory=lambda: Spinner("dots", style="cyan"))

    def seconds(self) -> float:
        return self.busy + (time.monotonic() - self.since if self.running else 0)

    def begin(self, job: Job) -> None:
        if not self.running:
            self.since = time.monotonic()
        self.failed.discard(job.name)
        self.running.append(job)

    def end(self, job: Job) -> None:
        self.busy, self.since = self.seconds(), time.monotonic()
        self.running.remove(job)

    def mark(self) -> RenderableType:
        if self.failed:
            return Text("✗", "red")
        return (
            self.spinner if self.running else Text("✓" if self.done == self.total else " ", "green")
        )


class Shared(Console):
    """A console for several threads: what one prints is on the screen before another begins.

    In rich's own, a text waits for a panel that is being drawn, or that stops, and then goes by
    where the panel was before: half of it, or all, stays behind.
    """

    def __init__(self, **options: Any):
        super().__init__(**options)
        self.turn = threading.RLock()

    def __enter__(self) -> Self:
        self.turn.acquire()
        super().__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        try:
            super().__exit__(*exception)
        finally:
            self.turn.release()


class LivePanel(View):
    """The panel; anything else that this process prints appears above it."""

    tells_news = True

    def __init__(self, console: Shared):
        super().__init__(console)
        self.rows: dict[str, Row] = {}
        self.start = time.monotonic()
        self.live = Live(
            self,
            console=console,
            refresh_per_second=REFRESH,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self.redirected = ExitStack()
        console.turn = self.live._lock  # two locks would wait for each other

    def plan(self, counts: dict[str, int]) -> None:
        self.rows = {rule: Row(count) for rule, count in counts.items()}
        if self.rows:
            for redirect, stream in (redirect_stdout, sys.stdout), (redirect_stderr, sys.stderr):
                self.redirected.enter_context(redirect(FileProxy(self.console, stream)))
            self.live.start()

    def begin(self, job: Job) -> None:
        self.rows.setdefault(job.rule, Row(1)).begin(job)

    def finish(self, job: Job) -> None:
        super().finish(job)
        row = self.rows[job.rule]
        row.words = LEFT.sub("", job.last_words() or row.words)
        row.end(job)
        row.done += 1
        if all(row.done == row.total for row in self.rows.values()):
            self.close()

    def fail(self, job: Job) -> None:
        row = self.rows[job.rule]
        row.end(job)
        row.failed.add(job.name)
        self.say(job.failure())

    def say(self, text: str) -> None:
        """Print a text above the panel; soft-wrapped as elsewhere, it would break the panel."""
        self.console.print(Text(text))

    def close(self) -> None:
        self.live.stop()
        # Not by rich, which ends it before the panel's last state is on the screen.
        self.redirected.close()

    def __rich__(self) -> RenderableType:
        """The panel as it is now; in a low terminal, only running rules while it is live."""
        rows = dict(self.rows)
        if self.live.is_started and len(rows) + 4 > self.console.height:
            rows = {rule: row for rule, row in rows.items() if row.running or row.failed}
        table = Table.grid(padding=(0, 1), expand=True)
        for column in ("mark", "rule", "bar", "jobs", "time"):
            table.add_column(column, no_wrap=True, justify="right" if column == "time" else "left")
        table.add_column("words", ratio=1, no_wrap=True, overflow="ellipsis", style="dim")
        for rule, row in rows.items():
            words = [job.last_words() for job in row.running]
            row.words = next(filter(None, reversed(words)), row.words)
            done = row.done + sum(map(share, words))
            table.add_row(
                row.mark(),
                Text(rule, "bold" if row.running else ""),
                ProgressBar(total=row.total, completed=done, width=BAR),
                f"{row.done}/{row.total}",
                tqdm.format_interval(row.seconds()) if row.seconds() else "",
                Text(row.words),
            )
        done, total = (sum(getattr(r, n) for r in self.rows.values()) for n in ("done", "total"))
        title = f"{done} of {total} jobs, {tqdm.format_interval(time.monotonic() - self.start)}"
        return Panel(table, title=title, border_style="dim", padding=(0, 1))
