"""Everything that reaches into Snakemake where it offers no public interface."""

import os
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from snakemake.api import SnakemakeApi
from snakemake.dag import DAG
from snakemake.io import IOFile, _IOFile, flag, is_flagged
from snakemake.jobs import Job
from snakemake.path_modifier import PATH_MODIFIER_FLAG
from snakemake.rules import Rule
from snakemake.settings.types import ConfigSettings, OutputSettings, Quietness, ResourceSettings
from snakemake.workflow import Workflow

from darkfield.engine.adoption import ADOPTING

RUN = {"run": ""}  # the wildcard of the chain and of its folds, as it is in the chain itself


def load_rules(snakefile: Path) -> tuple[list[Rule], dict[str, Any]]:
    """The rules of a Snakefile, in order, and its checked config; it adopts nothing.

    What it tells its jobs by the environment does not stay there.
    """
    before = dict(os.environ)
    os.environ[ADOPTING] = "1"
    try:
        with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
            settings = ResourceSettings(cores=1), ConfigSettings()
            loaded = api.workflow(settings[0], snakefile=snakefile, config_settings=settings[1])
            workflow = loaded._workflow
            return list(workflow.rules), workflow.globals["config"]
    finally:
        os.environ.clear()
        os.environ.update(before)


def module_name(workflow: Workflow) -> str | None:
    """The name under which another workflow has the Snakefile that is being read as its module."""
    return None if workflow.modifier.is_main_snakefile() else str(workflow.modifier.namespace)


def is_configured(workflow: Workflow) -> bool:
    """Whether the `module` statement gives this Snakefile its config."""
    return bool(workflow.modifier.skip_configfile)


def unflagged(path: str) -> str:
    """An output of a rule without flags such as temp(), which `expand` refuses.

    That a module's `prefix:` is in it already stays known.
    """
    plain = str(path)
    return flag(plain, PATH_MODIFIER_FLAG) if is_flagged(path, PATH_MODIFIER_FLAG) else plain


def let_names_mean_the_chain() -> None:
    """Let `snakemake train` ask for the chain's own training.

    Snakemake takes no rule that has a wildcard by its name, though {run} may be empty.
    """
    by_default = DAG.rule2job

    async def rule2job(dag: DAG, rule: Rule) -> Job:
        if set(rule.wildcard_names) == set(RUN):
            return await dag.new_job(rule, wildcards_dict=RUN)
        return await by_default(dag, rule)

    DAG.rule2job = rule2job


def hash_once() -> None:
    """Let Snakemake hash an input once, as long as it stays as it is.

    After a job it hashes all inputs anew for each output: of a training, every picture as often as
    there are epochs.
    """
    by_default: Callable[..., Awaitable[str | None]] = _IOFile.checksum
    known: dict[tuple[Any, ...], str | None] = {}

    async def checksum(file: _IOFile, *arguments: Any, **options: Any) -> str | None:
        try:
            stat = os.stat(file)  # noqa: PTH116  # it is no Path
        except OSError:
            return await by_default(file, *arguments, **options)
        state = stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
        key = str(file), state, arguments, *sorted(options.items())
        if key not in known:
            known[key] = await by_default(file, *arguments, **options)
        return known[key]

    _IOFile.checksum = checksum


def jobs(workflow: Workflow) -> list[Job]:
    """The jobs of this run and those that it found up to date."""
    return list(workflow.dag.jobs)


def to_run(workflow: Workflow) -> list[Job]:
    """The jobs that this run has left to do."""
    return list(workflow.dag.needrun_jobs())


def has_run(workflow: Workflow, job: Job) -> bool:
    """Whether a job has run, and succeeded, in this run."""
    return bool(workflow.dag.finished(job))


def failed(workflow: Workflow) -> list[Job]:
    """The jobs that failed in this run, or were stopped with it, by the names of their rules."""
    scheduler = workflow.scheduler
    return sorted(scheduler.failed | set(scheduler.running), key=lambda job: str(job.rule.name))


def forget(workflow: Workflow, path: Path) -> None:
    """Drop what Snakemake has recorded of an output."""
    workflow.persistence.cleanup_metadata(IOFile(path))


def is_run(workflow: Workflow) -> bool:
    """Whether Snakemake was to run jobs, be there any or none; not to touch, list or lint."""
    return bool(workflow.scheduler and not workflow.dryrun and not workflow.touch)


def is_up_to_date(workflow: Workflow) -> bool:
    """Whether this run found nothing to do."""
    return len(workflow.dag) == 0


def is_quiet(workflow: Workflow) -> bool:
    """Whether --quiet all was given."""
    return Quietness.ALL in (workflow.output_settings.quiet or ())


def before_planning(act: Callable[[], Iterable[Path]]) -> None:
    """Let `act` be called when the rules are known and jobs are about to be planned.

    What makes the files that it returns will run. A Snakefile is also read to be linted or listed,
    and to write dvc.yaml from it.
    """
    by_default = DAG.init

    async def init(dag: DAG, progress: bool = False) -> None:
        dag.forcefiles.update(map(str, act()))
        await by_default(dag, progress)

    DAG.init = init
