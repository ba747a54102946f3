"""A run in lines, for files and for the logs of CI."""

import time

from rich.console import Console
from tqdm import tqdm

from snakemake_logger_plugin_darkfield.jobs import Job


class View:
    """What the screen shows of a run: problems, and what jobs report."""

    tells_news = False  # whether it also passes on other messages of Snakemake

    def __init__(self, console: Console):
        self.console = console

    def plan(self, counts: dict[str, int]) -> None:
        """These rules will run, each with this number of jobs."""

    def begin(self, job: Job) -> None: ...

    def finish(self, job: Job) -> None:
        """Pass on what a job that succeeded wrote to its standard error."""
        for line in job.said():
            self.say(f"{job.name}: {line}")

    def fail(self, job: Job) -> None: ...

    def note(self, text: str) -> None:
        """A message of Snakemake, which may or may not be passed on."""

    def say(self, text: str) -> None:
        """Print a text as it is, whatever the width of the screen."""
        self.console.print(text, markup=False, emoji=False, soft_wrap=True)

    def close(self) -> None: ...


class Lines(View):
    """One line per job as it begins, and one for all of them at the end."""

    tells_news = True

    def __init__(self, console: Console):
        super().__init__(console)
        self.total = self.begun = self.done = 0
        self.start = time.monotonic()

    def plan(self, counts: dict[str, int]) -> None:
        self.total = sum(counts.values())

    def begin(self, job: Job) -> None:
        self.begun += 1
        width = len(str(self.total))
        self.say(f"{time.strftime('%H:%M:%S')}  {self.begun:{width}} of {self.total}  {job.name}")

    def finish(self, job: Job) -> None:
        super().finish(job)
        self.done += 1
        if self.done == self.total:
            passed = tqdm.format_interval(time.monotonic() - self.start)
            self.say(f"{self.total} job{'s' * (self.total > 1)} finished in {passed}")

    def fail(self, job: Job) -> None:
        self.begun -= 1
        self.say(f"{time.strftime('%H:%M:%S')}  {job.failure()}")
