# Snakemake runs, DVC keeps the books: what a run has made is recorded in dvc.lock.
import shutil
import subprocess

import yaml

DVC_LOCK = Path("dvc.lock")


def unrecorded():
    """The rules that finished in this run, or are up to date and younger than dvc.lock.

    The latter were made by a run that was killed before it could record them. Not all that is up to
    date: after a `git checkout` that would record the files of another commit.
    """
    dag, recorded = workflow.dag, DVC_LOCK.stat().st_mtime if DVC_LOCK.exists() else 0

    def younger(job):
        made = workflow.persistence.metadata(job.output[0])
        return made and made.endtime and made.endtime > recorded

    return {
        job.rule.name
        for job in dag.jobs
        if dag.finished(job) or (job.output and not dag.needrun(job) and younger(job))
    }


def overridden():
    """Whether --config or --configfile made params that are not those of params.yaml."""
    params = or_exit(darkfield.params.load, Path("params.yaml"))
    return or_exit(darkfield.params.check, params, SCHEMA) != config


def dvc_commit():
    """Record what ran in dvc.lock; a run's exit status does not depend on it."""
    if "DVC_STAGE" in os.environ or workflow.touch:  # DVC records its own stages
        return
    if not Path(".dvc").is_dir() or not shutil.which("dvc"):
        print("Not recorded in dvc.lock: not a DVC repository")
    elif overridden():
        print("Not recorded in dvc.lock: the params are not those of params.yaml")
    else:
        with open("dvc.yaml") as f:
            known = yaml.safe_load(f)["stages"]
        if stages := [stage for stage in known if stage in unrecorded()]:
            subprocess.run(["dvc", "commit", "--force", "--quiet", *stages])


onsuccess:
    dvc_commit()
