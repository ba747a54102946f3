"""What ran: as its last act, each job of a DVC stage leaves a note of what it made from what.

Only what a note says is recorded in dvc.lock, and only while params, inputs and outputs are still
those of the note (workflow/rules/engine.smk). Time stamps prove nothing, since `snakemake --touch`
renews them.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable
from functools import reduce
from pathlib import Path
from typing import Any

from darkfield.files import read_json, remove, sha256, write_json

NOTES = Path(".snakemake/darkfield-ran")
UNFINISHED = ".unfinished"
DIGESTS = {"raw": "data.root", "code": "its code"}  # what params of these names stand for
# How rules are named that do a part of the work of a stage: RULE_batch does one of RULE.
PART = re.compile("_(batch|index|pairs)$")
# Folders without a digest in the notes: that of data.root is among the params or in a file beside
# it, and the index of split follows from files and code that have one.
FOLDERS = ("root", "index")


def stage_of(rule: str) -> str:
    """The stage whose work a rule does, alone or in part."""
    return PART.sub("", rule)


def stages() -> set[str]:
    """The stages of dvc.yaml that run the chain.

    There are none outside a DVC repository, nor in that of another project, whose books are not
    ours, though the chain may run there.
    """
    if not (Path(".dvc").is_dir() and Path("dvc.yaml").is_file()):
        return set()
    return {name for name, stage in described().items() if is_ours(name, stage)}


def described() -> dict[str, dict[str, Any]]:
    """The stages of dvc.yaml, by name."""
    import yaml

    with Path("dvc.yaml").open() as file:
        found: dict[str, dict[str, Any]] = (yaml.safe_load(file) or {}).get("stages", {})
    return found


def params_of(stage: str) -> list[str]:
    """The keys of params.yaml, as "train.seed", that a stage of dvc.yaml depends on."""
    return list(described()[stage].get("params", []))


def values(params: dict[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """The values of dotted keys."""
    return {key: reduce(dict.__getitem__, key.split("."), params) for key in keys}


def is_ours(name: str, stage: dict[str, Any]) -> bool:
    """Whether a stage of a dvc.yaml is what `darkfield.engine.dvcfile` writes."""
    return str(stage.get("cmd")).startswith(f"snakemake {name} ")


def of_chain(job: Any) -> bool:
    """Whether a job, Snakemake's object, works for a stage of dvc.yaml, and not for a fold."""
    return stage_of(job.rule) in stages() and not getattr(job.wildcards, "run", None)


def place(rule: str, wildcards: Iterable[str] = ()) -> Path:
    """Where the note of a rule's job is kept."""
    return NOTES / f"{'.'.join([rule, *filter(None, wildcards)])}.json"


def mark(rule: str, wildcards: dict[str, str]) -> None:
    """Mark a stage as unfinished, before a rule does a part of its work, until the whole has ended.

    A part that fails takes Snakemake's record of it along, and its outputs are temporary: nothing
    else would tell that the stage's outputs, of an earlier run, are not of these params and inputs.
    """
    if (stage := stage_of(rule)) != rule:
        of = {key: value for key, value in wildcards.items() if key != "batch"}
        write_json(marker(stage, of.values()), {"stage": stage, "wildcards": of})


def unmark(rule: str, wildcards: dict[str, str]) -> None:
    """Remove the mark of a stage whose rule has ended well, or been touched."""
    if stage_of(rule) == rule:
        remove(marker(rule, wildcards.values()))


def marker(stage: str, wildcards: Iterable[str] = ()) -> Path:
    """Where a stage is marked as unfinished; `wildcards` are those of its outputs."""
    return NOTES / f"{'.'.join([stage, *filter(None, wildcards)]).replace('/', '_')}{UNFINISHED}"


def unfinished() -> list[dict[str, Any]]:
    """The stages that are marked so, and the wildcards of their outputs."""
    return [read_json(path) for path in sorted(NOTES.glob(f"*{UNFINISHED}"))]


def unrecorded() -> bool:
    """Whether a stage has a note. Recording removes it, but not the notes of its parts."""
    rules = {path.stem.partition(".")[0] for path in NOTES.glob("*.json")}
    return any(rule == stage_of(rule) for rule in rules)


def plain(params: Any) -> dict[str, Any]:
    """A job's params as they come back from JSON, so that they can be compared."""
    as_json: dict[str, Any] = json.loads(json.dumps(dict(params.items()), default=str))
    return as_json


def files(named: Any) -> list[str]:
    """A job's inputs, or its outputs, except FOLDERS."""
    folders = [named.get(name) for name in FOLDERS]
    return [str(path) for path in named if path not in folders]


def digest(path: Path | str) -> str | None:
    """SHA-256 of a file, or of the names and contents of a folder; None if there is neither."""
    path = Path(path)
    if path.is_file():
        return sha256(path)
    if not path.is_dir():
        return None
    files = sorted(p for p in path.rglob("*") if p.is_file() and p.name != ".snakemake_timestamp")
    lines = (f"{sha256(p)} {p.relative_to(path).as_posix()}\n" for p in files)
    return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()


def begin(job: Any) -> dict[str, Any] | None:
    """The first half of a job's note: what it works on. None if no note is needed.

    Taken before the job starts, because its code may be edited while it runs. Under DVC, which
    records its own runs, there is none.
    """
    if not of_chain(job):
        return None
    remove(place(job.rule, job.wildcards))
    if "DVC_STAGE" in os.environ:
        return None
    return {
        "params": plain(job.params),
        "inputs": {path: digest(path) for path in files(job.input)},
    }


def end(job: Any, note: dict[str, Any] | None) -> None:
    """Write a job's note, now that its outputs are complete."""
    if note is not None:
        outputs = {path: digest(path) for path in files(job.output)}
        write_json(place(job.rule, job.wildcards), note | {"outputs": outputs})


def difference(
    jobs: Iterable[tuple[Any, dict[str, Any], set[str]]], now: Callable[[str], str | None]
) -> str | None:
    """What has changed since the jobs of a stage ran: a param or a file; None if nothing has.

    Each job comes with its present params and its outputs that are not temporary; `now` gives the
    present digest of a file. Temporary files, which are gone by now, are compared between the notes
    of the job that made them and of the job that read them.
    """
    notes = []
    for job, params, kept in jobs:
        try:
            notes.append((job, params, kept, read_json(place(job.rule.name, job.wildcards))))
        except (OSError, ValueError):
            return f"the note of {job.rule.name}"
    made = {path: found for *_, note in notes for path, found in note["outputs"].items()}
    lasting = {path for *_, kept, _ in notes for path in kept}
    for job, params, kept, note in notes:
        other = [DIGESTS.get(k, f"param {k}") for k in params if note["params"].get(k) != params[k]]
        if other:
            return ", ".join(other)
        for path in files(job.input):
            between = path in made and path not in lasting
            if note["inputs"].get(path) != made.get(path, None if between else now(path)):
                return path
        for path in kept:
            if note["outputs"].get(path) != now(path):
                return path
    return None
