"""What a dry run says: one line per rule, with what has changed."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from snakemake_logger_plugin_darkfield.jobs import Job
from snakemake_logger_plugin_darkfield.lines import View

PARAMS = "Params have changed since last execution: "
BOTH = re.compile(r".*?before: (.*) now: (.*?) *$", re.DOTALL)
NOTHING = "<nothing exclusive>"
UPSTREAM = "Input files updated by another job: "
MISSING = "Missing output files: "
TEMPORARY = "Would remove temporary output "
OTHERS = {  # how Snakemake's reasons begin, and what they are called here; {} is their files
    "Forced execution": "forced",
    "Updated input files: ": "input {} changed",
    "Set of input files has changed": "other input files than before",
    "Incomplete output files: ": "incomplete output {}",
    "Software environment definition has changed": "its software environment changed",
}
DIGEST = re.compile(r"[0-9a-f]{64}")


class Plan(View):
    """Collects the jobs of a dry run, and at its end prints one line per rule and their number."""

    tells_news = True

    def __init__(self, console: Console, brief: bool):
        super().__init__(console)
        self.brief = brief
        self.counts: dict[str, int] = {}
        self.jobs: list[Job] = []
        self.temporary: set[str] = set()

    def plan(self, counts: dict[str, int]) -> None:
        self.counts = counts

    def begin(self, job: Job) -> None:
        self.jobs.append(job)

    def note(self, text: str) -> None:
        """Remember which outputs are temporary."""
        if text.startswith(TEMPORARY):
            self.temporary.add(text.removeprefix(TEMPORARY).rstrip("."))

    def close(self) -> None:
        if not self.counts:
            return
        if not self.brief:
            causes = causes_by_rule(self.jobs, self.temporary)
            names = {r: f"{r} ({n} jobs):" if n > 1 else f"{r}:" for r, n in self.counts.items()}
            width = max(map(len, names.values()))
            for rule, why in causes.items():
                self.say(f"{names[rule]:{width}} {', '.join(why)}")
        jobs, rules = sum(self.counts.values()), len(self.counts)
        self.say(f"{jobs} job{'s' * (jobs > 1)} of {rules} rule{'s' * (rules > 1)} would run")
        self.counts = {}  # Snakemake closes more than once


def causes_by_rule(jobs: Iterable[Job], temporary: set[str]) -> dict[str, list[str]]:
    """Why each rule runs: a reason of its own, or that of rules upstream, or a rule that needs it.

    `jobs` come in an order in which they could run.
    """
    makers = {path: job.rule for job in jobs for path in job.output}
    result: dict[str, list[str]] = {}
    roots: dict[str, set[str]] = {}  # for each rule, those that have a reason of their own
    for job in jobs:
        why = list(own_causes(job, temporary))
        before = {makers[path] for path in files_after(UPSTREAM, job.reason) if path in makers}
        found = {job.rule} if why else set().union(*(roots[rule] for rule in before))
        roots[job.rule] = roots.get(job.rule, set()) | found
        if not why and found:
            why = [f"upstream: {', '.join(rule for rule in roots if rule in found)}"]
        if not why:
            users = (other.rule for other in jobs if set(job.output) & set(other.input))
            why = [f"needed by {', '.join(dict.fromkeys(users))}"]
        known = result.setdefault(job.rule, [])
        known += [cause for cause in why if cause not in known]
    return result


def own_causes(job: Job, temporary: set[str]) -> Iterator[str]:
    """What has changed in a job itself."""
    reason, _, change = job.reason.partition(PARAMS)
    if change:
        yield from changed_params(job.rule, change.partition("; Software environment")[0])
    if missing := [p for p in files_after(MISSING, reason) if p not in temporary]:
        yield f"missing output {shortened(missing)}"
    for start, words in OTHERS.items():
        if start in job.reason and (
            files := files_after(start, reason) or not start.endswith(": ")
        ):
            yield words.format(shortened(files) if isinstance(files, list) else "")


def files_after(start: str, reason: str) -> list[str]:
    """The files that a part of Snakemake's reason lists; [] if it has no such part."""
    _, _, rest = reason.partition(start)
    return sorted(filter(None, rest.partition("; ")[0].split(", ")))


def shortened(files: list[str]) -> str:
    """The first file, and how many more."""
    return files[0] if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"


def changed_params(rule: str, change: str) -> list[str]:
    """Which params of a rule have changed, judging by the values, without names, in the log."""
    found = BOTH.match(change)
    try:
        old, new = (
            [] if text == NOTHING else list(ast.literal_eval(f"[{text}]"))
            for text in (found.groups() if found else ())
        )
    except (SyntaxError, ValueError):
        return ["its params changed"]
    digests = [value for value in new if isinstance(value, str) and DIGEST.fullmatch(value)]
    known, causes = params_of(rule), []
    for value in (v for v in new if v not in digests):
        names = [name for name, now in known.items() if now == value or alike(now, value)]
        causes += changes(names[0], value, old) if len(names) == 1 else ["its params changed"]
    if digests:
        code = current_code(rule)
        causes += ["its code changed"] * (code in digests)
        causes += ["its pictures changed"] * bool(set(digests) - {code})
    return list(dict.fromkeys(causes)) or ["its params changed"]


def changes(name: str, value: Any, old: list[Any]) -> list[str]:
    """The change of the param `name`; for a section, the change of its keys."""
    before = [v for v in old if isinstance(v, dict)] if isinstance(value, dict) else []
    if not before:
        return [f"param {name} changed"]
    closest = max(before, key=lambda v: len(v.keys() & value.keys()))
    keys = sorted(closest.keys() | value.keys(), key=str)
    none = object()
    return [f"param {name}.{k} changed" for k in keys if closest.get(k, none) != value.get(k, none)]


def params_of(rule: str) -> dict[str, Any]:
    """The values of the keys of params.yaml that a rule depends on, by dvc.yaml; else all."""
    from darkfield.engine.ran import stage_of

    params = read_yaml("params.yaml")
    deeper = {f"{s}.{k}": v for s, keys in params.items() if isinstance(keys, dict)
              for k, v in keys.items()}  # fmt: skip
    stages = read_yaml("dvc.yaml").get("stages", {})
    keys = stages.get(stage_of(rule), {}).get("params")
    every = params | deeper
    return {k: every[k] for k in keys if k in every} if keys else every


def alike(one: Any, other: Any) -> bool:
    """Whether two values are the same section of params.yaml, whatever it holds."""
    return isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys()


def read_yaml(path: str) -> dict[str, Any]:
    try:
        return yaml.safe_load(Path(path).read_text()) or {}
    except (OSError, yaml.YAMLError):
        return {}


def current_code(rule: str) -> str | None:
    """The digest of a rule's code; the Snakefile has been read, so that `darkfield` is its own."""
    from darkfield.engine.imports import code_digest, code_files
    from darkfield.shipped import ROOT

    try:
        return code_digest(code_files(ROOT / "workflow/scripts" / f"{rule}.py"))
    except (OSError, ImportError):
        return None
