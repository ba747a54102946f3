"""dvc.lock, the one record of runs that git keeps, adopted by Snakemake.

Snakemake's own records, in `.snakemake`, are of this folder alone. Whenever dvc.lock is not the one
that they agree with (after a clone, a pull, a checkout, a `dvc repro`), `dvc status` decides: what
it calls clean is touched, and what it calls stale is forgotten and made old, so that Snakemake
plans what DVC plans. The stages that are then left to run are pending: until they have run,
`dvc status` is asked again, as `dvc pull`, or an edit undone, may make them clean.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from darkfield.engine import ran
from darkfield.engine.lock import locked
from darkfield.files import atomic, read_json, sha256, write_json

LOCK = Path("dvc.lock")
ADOPTED = Path(".snakemake/darkfield-adopted.json")  # the dvc.lock agreed with, what is pending
ADOPTING = "DARKFIELD_ADOPTING"  # set for the Snakemake that adopts

Stages = Mapping[str, Mapping[str, Iterable[Path]]]  # each with its rules, and their outputs


def agreement() -> tuple[str | None, set[str]]:
    """The SHA-256 of the dvc.lock that Snakemake's records agree with; the pending stages."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        note = read_json(ADOPTED)
        return note["lock"], set(note["pending"])
    return None, set()


def is_news() -> bool:
    """Whether dvc.lock is not the one that Snakemake's records agree with."""
    return agreement()[0] != (sha256(LOCK) if LOCK.exists() else None)


def note(pending: Iterable[str]) -> None:
    """Note that Snakemake's records agree with dvc.lock as it is now, but for pending stages."""
    lock = sha256(LOCK) if LOCK.exists() else None
    write_json(ADOPTED, {"lock": lock, "pending": sorted(pending)})


def is_due() -> bool:
    """Whether `dvc status` is to be asked.

    Not by the Snakemake that adopts, nor by DVC, which calls Snakemake for one stage and keeps the
    books itself, nor where DVC does not know the chain.
    """
    if {"DVC_STAGE", ADOPTING} & os.environ.keys():
        return False
    due = is_news() or agreement()[1] or ran.unrecorded() or begun()
    return bool(due and ran.stages() and shutil.which("dvc"))


def begun() -> bool:
    """Whether a stage of the chain itself was begun, but not ended."""
    return any(not any(each["wildcards"].values()) for each in ran.unfinished())


def adopt(snakefile: Path, stages: Stages, forget: Callable[[Path], Any]) -> None:
    """Make Snakemake's records say what dvc.lock says; a run never fails for that.

    `forget` drops what Snakemake has recorded of an output. Options of this run, such as --config,
    play no part: what dvc.lock says was made with params.yaml.
    """
    try:
        said = agree(snakefile, stages, forget)
    except (OSError, RuntimeError) as error:
        said = f"dvc.lock is not adopted: {error}; Snakemake may plan other stages than DVC"
    if said:
        print(said, file=sys.stderr)


def agree(snakefile: Path, stages: Stages, forget: Callable[[Path], Any]) -> str | None:
    """Adopt dvc.lock; what there is to say of it.

    Raises RuntimeError or OSError if it cannot be done.
    """
    if locked():
        raise RuntimeError("another Snakemake runs here, or was killed (snakemake --unlock)")
    status = dvc_status()
    to_run = downstream(yaml.safe_load(Path("dvc.yaml").read_text())["stages"], status)
    news = is_news()
    # Those that ran, but are not recorded, or were begun, but not ended.
    left = {name: [ran.place(name), ran.marker(name)] for name in stages}
    noted = {name for name, paths in left.items() if any(path.exists() for path in paths)}
    doubtful = set(stages) if news else agreement()[1] | noted
    if clean := [name for name in stages if name in doubtful - to_run]:
        touch(snakefile, {name: stages[name] for name in clean})
        for path in chain.from_iterable(left[name] for name in clean):
            path.unlink(missing_ok=True)
    lost = to_run if news else {name for name in noted & to_run if replaced(stages[name])}
    for path in outputs(stages[name] for name in stages if name in lost):
        make_old(path)
        forget(path)
    note(doubtful & to_run)
    return summary(list(stages), to_run) if news or clean else None


def replaced(rules: Iterable[str]) -> bool:
    """Whether a stage that is not recorded has other outputs than its notes say.

    Then `git checkout` or `dvc checkout` has put them there, and Snakemake's records are of those
    that were there before.
    """
    made: dict[str, str | None] = {}
    for path in (path for rule in rules for path in ran.NOTES.glob(f"{rule}.*json")):
        with suppress(ValueError, KeyError):  # a damaged note, by which nothing is recorded
            made |= read_json(path)["outputs"]
    return any(Path(path).exists() and ran.digest(path) != made[path] for path in made)


def summary(stages: list[str], to_run: Collection[str]) -> str:
    """What was adopted, in a line."""
    left = [name for name in stages if name in to_run]
    if not left or left == stages:
        what = f"all {len(stages)} stages are {'to run' if left else 'up to date'}"
    else:
        done = len(stages) - len(left)
        what = f"{done} of {len(stages)} stages up to date; to run: {', '.join(left)}"
    return f"Adopted dvc.lock: {what}"


def dvc_status() -> dict[str, Any]:
    """What has changed in which stage, by DVC. Raises RuntimeError if DVC cannot tell."""
    done = subprocess.run(["dvc", "status", "--json"], capture_output=True, text=True)
    with suppress(ValueError, IndexError):
        if done.returncode == 0:
            return dict(json.loads(done.stdout.splitlines()[-1]))  # after its warnings
    raise RuntimeError(f"dvc status: {last_line(done.stderr) or f'exit code {done.returncode}'}")


def downstream(stages: Mapping[str, Mapping[str, Any]], stale: Iterable[str]) -> set[str]:
    """The stale ones of dvc.yaml's stages, and all that depend on them."""
    made = {
        name: {out if isinstance(out, str) else next(iter(out)) for out in outs}
        for name, stage in stages.items()
        for outs in [[*stage.get("outs", []), *stage.get("metrics", [])]]
    }
    found = stages.keys() & set(stale)
    while True:
        new = set().union(*(made[name] for name in found))
        more = {name for name, stage in stages.items() if new & set(stage.get("deps", []))}
        if more <= found:
            return found
        found |= more


def outputs(stages: Iterable[Mapping[str, Iterable[Path]]]) -> list[Path]:
    """What stages have made and is there; temporary files are not."""
    paths = (path for rules in stages for made in rules.values() for path in made)
    return [path for path in paths if path.exists()]


def touch(snakefile: Path, stages: Stages) -> None:
    """Let Snakemake record that stages are up to date. Raises RuntimeError if it cannot."""
    for path in outputs(stages.values()):
        own(path)
    rules = [rule for stage in stages.values() for rule in stage]
    # --nolock: with the lock goes its folder, where this Snakemake is about to make its own.
    options = ["--touch", "--nolock", "--cores", "1", "--forceall"]
    options += [*stages, "--allowed-rules", *rules]
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--snakefile", snakefile, *options],
        env=os.environ | {ADOPTING: "1"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(last_line(done.stderr + done.stdout) or f"exit code {done.returncode}")


def make_old(path: Path) -> None:
    """Make an output older than whatever it is made of; Snakemake dates folders by a file there."""
    own(path)
    for dated in (path, path / ".snakemake_timestamp"):
        if dated.exists():
            os.utime(dated, (1, 1))


def is_old(path: Path) -> bool:
    """Whether an output is as `make_old` left it: nothing has made it again."""
    return path.exists() and path.stat().st_mtime <= 1


def own(path: Path) -> None:
    """Copy a file that another user owns, linked from a shared cache: its date cannot be set."""
    if path.is_file() and os.geteuid() not in (0, path.stat().st_uid):
        with atomic(path) as part:
            shutil.copyfile(path, part)


def last_line(text: str) -> str:
    """The last line that says something; empty if none does."""
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")
