"""dvc.lock, the one record of runs that git keeps, adopted by Snakemake.

Snakemake's own records, in `.snakemake`, are of this folder alone. Whenever dvc.lock is not the one
that they agree with (after a clone, a pull, a checkout, a `dvc repro`), `dvc status` decides: what
it calls clean is touched, and what it calls stale is forgotten and made old, so that Snakemake
plans what DVC plans.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from darkfield.files import atomic, sha256

LOCK = Path("dvc.lock")
ADOPTED = Path(".snakemake/darkfield-adopted")  # the SHA-256 of the dvc.lock that is agreed with
ADOPTING = "DARKFIELD_ADOPTING"  # set for the Snakemake that adopts
MOST = 1000  # files in one command


def adopted() -> bool:
    """Whether Snakemake's records agree with dvc.lock, or there is nothing to agree with."""
    if not LOCK.exists():
        return True
    return ADOPTED.exists() and ADOPTED.read_text() == sha256(LOCK)


def note() -> None:
    """Note that Snakemake's records agree with dvc.lock as it is now."""
    if LOCK.exists():
        with atomic(ADOPTED) as part:
            part.write_text(sha256(LOCK))


def adopt(snakefile: Path, stages: Mapping[str, Mapping[str, Iterable[Path]]]) -> None:
    """Make Snakemake's records say what dvc.lock says; a run never fails for that.

    `stages` gives for each stage of dvc.yaml the rules that do its work, and their outputs.
    Nothing is done under DVC, which calls Snakemake for one stage and keeps the books itself.
    """
    busy = {"DVC_STAGE", ADOPTING} & os.environ.keys()
    if busy or adopted() or not (Path(".dvc").is_dir() and shutil.which("dvc")):
        return
    if (stale := stale_stages()) is None:
        return
    old = sorted(stages.keys() & stale)
    clean = [name for name in stages if name not in stale]
    snakemake = partial(run_snakemake, snakefile)
    rules = [rule for name in clean for rule in stages[name]]
    targets = ("--forceall", *clean, "--allowed-rules", *rules)
    failure = clean and snakemake("--touch", "--cores", "1", *targets)
    try:
        forget(snakemake, (p for name in old for paths in stages[name].values() for p in paths))
    except OSError as error:  # another user's file, linked from a shared cache
        failure = str(error)
    if failure:
        print(
            f"dvc.lock is not adopted, so more or less may run than must: {failure}",
            file=sys.stderr,
        )
        return
    note()
    to_run = f"; to run: {', '.join(old)}" if old else ""
    print(f"Adopted dvc.lock: {len(clean)} stages are up to date{to_run}", file=sys.stderr)


def stale_stages() -> set[str] | None:
    """The stages that DVC calls changed; None, having said why, if it cannot tell."""
    done = subprocess.run(["dvc", "status", "--json"], capture_output=True, text=True)
    with suppress(ValueError, IndexError):
        if done.returncode == 0:
            return set(json.loads(done.stdout.splitlines()[-1]))  # after its warnings
    reason = last_line(done.stderr) or f"exit code {done.returncode}"
    print(f"dvc.lock is not adopted: dvc status: {reason}", file=sys.stderr)
    return None


def forget(snakemake: Callable[..., str | None], outputs: Iterable[Path]) -> None:
    """Drop Snakemake's records of outputs, and make them older than whatever they are made of."""
    there = [path for path in outputs if path.exists()]
    for path in there:
        for old in (path, path / ".snakemake_timestamp"):
            if old.exists():
                os.utime(old, (1, 1))
    for start in range(0, len(there), MOST):
        snakemake("--cleanup-metadata", *map(str, there[start : start + MOST]))


def run_snakemake(snakefile: Path, *arguments: str) -> str | None:
    """Run Snakemake, which is not to adopt in turn; the last line that it says if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--snakefile", snakefile, *arguments],
        env=os.environ | {ADOPTING: "1"},
        capture_output=True,
        text=True,
    )
    return last_line(done.stderr + done.stdout) if done.returncode else None


def last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "no reason given")
