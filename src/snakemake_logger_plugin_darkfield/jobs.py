"""A job, as Snakemake's log describes it."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TARGET = "all"  # the rule that stands for the whole chain, and does nothing
TAIL = 2000  # bytes at the end of a log, in which its last line is
STAMP = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (.*)"
)  # how lines of the scripts' logs begin
PART = re.compile(r"(\d+) of (\d+)")  # how they say how far they are


@dataclass
class Job:
    """A job of a rule; `reason` is Snakemake's sentence on why it runs."""

    rule: str
    wildcards: dict[str, str]
    log: list[str]
    input: list[str]
    output: list[str]
    reason: str
    started: float = field(default_factory=time.time)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Job":
        """The job that a record of the event JOB_INFO describes."""
        names = ("wildcards", "log", "input", "output", "reason")
        return cls(record["rule_name"], **{name: record[name] for name in names})

    @property
    def name(self) -> str:
        """The rule with the values of those wildcards that are not empty: train folds/1."""
        return " ".join([self.rule, *(v.rstrip("/") for v in self.wildcards.values() if v)])

    def last_words(self) -> str:
        """The last line of the job's log, without its time; "" if it has none yet."""
        stamped = [found[1] for line in self.logged(TAIL) if (found := STAMP.match(line))]
        return stamped[-1] if stamped else ""

    def said(self) -> list[str]:
        """What the job wrote to its standard error: lines of its log without times."""
        lines, warned = [], False
        for line in self.logged():
            if found := STAMP.match(line):
                warned = "Warning: " in found[1]  # of Python, in several lines
            elif not warned:
                lines.append(line)
        return lines

    def failure(self) -> str:
        """That the job failed, and why if it has said so: it may be tried again."""
        return ": ".join([f"{self.name} failed", *self.said()[-1:]])

    def logged(self, size: int | None = None) -> list[str]:
        """The lines of the job's log, or of its last `size` bytes; none if it has no log yet."""
        try:
            path = Path(self.log[0])
            stat = path.stat()
            if stat.st_mtime < self.started - 1:  # of an earlier run
                return []
            with path.open("rb") as file:
                file.seek(max(0, stat.st_size - size) if size else 0)
                return file.read().decode(errors="replace").splitlines()
        except (OSError, IndexError):
            return []


def share(words: str) -> float:
    """How much of a job is done (0 to 1), by its last message, such as "epoch 3 of 12"."""
    found = PART.search(words)
    return min(1.0, int(found[1]) / max(1, int(found[2]))) if found else 0.0
