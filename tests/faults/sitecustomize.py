"""Makes each write of a process fail once: imported by every Python with this folder on its path.

A write is what Python's audit hooks tell of below the folder FAULTS_BELOW: a file opened for
writing, a rename, a link, a new folder. A file fails in two ways: it cannot be opened, or the
kernel refuses every byte from then on (RLIMIT_FSIZE), as on a full disk. The script of a rule, or
`darkfield predict`, is run again and again in this process, from its first line, until there is no
write left that has not failed. What failed goes to the file FAULTS, a line each: who, how, what.
Why a rule's attempt failed is printed as Snakemake's screen would tell it, from the rule's log.
"""

import errno
import logging
import os
import re
import resource
import runpy
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path

EVENTS = {"os.rename": 1, "os.link": 1, "os.mkdir": 0}  # and which argument is what is written
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Faults:
    """An audit hook that fails the first write which has not failed yet, once until `again`."""

    def __init__(self, who: str, below: Path, ledger: Path):
        self.who, self.below, self.ledger = who, f"{below}{os.sep}", ledger
        self.failed: set[tuple] = set()
        self.log = ""
        self.again()

    def again(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, [resource.RLIM_INFINITY] * 2)
        self.seen, self.fired = Counter(), False

    def __call__(self, event: str, arguments: tuple) -> None:
        if self.fired:
            return
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES:
            path, kinds = arguments[0], ("open", "write")
        elif event in EVENTS:
            path, kinds = arguments[EVENTS[event]], (event,)
        else:
            return
        if isinstance(path, int) or (event == "os.mkdir" and os.path.isdir(path)):  # noqa: PTH112
            return
        path = os.path.abspath(os.fsdecode(path))  # noqa: PTH100
        self.log = path if path.endswith(".log") else self.log
        if not path.startswith(self.below):
            return
        path = re.sub(r"-[0-9a-f]{8,16}(?=/|$)", "", path)  # random: the same write next time
        self.seen[event, path] += 1
        for kind in kinds:
            key = kind, path, self.seen[event, path]
            if key not in self.failed:
                self.fail(key)
                return

    def fail(self, key: tuple) -> None:
        kind, path, _ = key
        self.fired = True
        self.failed.add(key)
        with self.ledger.open("a") as file:
            file.write(f"{self.who} {kind} {path.removeprefix(self.below)}\n")
        if kind != "write":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def script() -> tuple[str, list[str]] | None:
    """The rule or command that this process is, with its arguments; None for all others."""
    for i, argument in enumerate(sys.orig_argv):
        if match := re.search(r"/\.snakemake/scripts/\w+\.(\w+)\.py$", argument):
            return match[1], sys.orig_argv[i:]
    if "predict" in sys.orig_argv and sys.orig_argv[1].endswith("/darkfield"):
        return "predict", sys.orig_argv[1:]
    return None


def attempt(arguments: list[str]) -> int:
    """Run the script from its first line; its exit code."""
    sys.argv = list(arguments)
    logging.getLogger().handlers.clear()
    try:
        runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return int(bool(end.code))
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def tell(log: str, nothing_written: bool) -> None:
    """Print why the attempt failed, as the run does that reads the log on the same full disk."""
    from darkfield.engine import script

    usage = shutil.disk_usage
    if nothing_written:  # not even into the log, and the real disk has room
        shutil.disk_usage = lambda path: usage(path)._replace(free=0)
    print(*script.reasons(log), sep="\n", file=sys.stderr)
    shutil.disk_usage = usage


def run(faults: Faults, arguments: list[str]) -> None:
    """Run the script until nothing fails; then leave, as if it had been run once."""
    while True:
        faults.again()
        code = attempt(arguments)
        if code and faults.fired and faults.log:
            tell(faults.log, resource.getrlimit(resource.RLIMIT_FSIZE)[0] == 0)
        if left := [str(p) for p in Path(faults.below).rglob(".part-*")]:
            print("half an output is left:", *left, file=sys.stderr)
            code = 1
        elif faults.fired:
            continue
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if (found := script()) and os.environ.keys() >= {"FAULTS", "GLIBC_TUNABLES"}:
    name, arguments = found
    faults = Faults(name, Path(os.environ["FAULTS_BELOW"]), Path(os.environ["FAULTS"]))
    tempfile.gettempdir()  # tried out by writing, else maybe when torch is imported halfway
    sys.addaudithook(faults)
    run(faults, arguments)
