# Snakemake runs, DVC keeps the books: the results of a run are recorded in dvc.lock.
import shutil
import subprocess

from snakemake.io import strip_wildcard_constraints

from darkfield.engine import adoption, private
import darkfield.engine.ran

SNAKEMAKE_REPORT = "results/snakemake-report.html"


def adopt():
    """Let Snakemake believe what dvc.lock says of the chain, if something else has written it.

    Returns stale outputs that Snakemake would take for fresh: it finds an output stale by an input
    that is newer, or by its own records. The first rules of the chain have no such input, and in a
    clone that has not pulled, where small files are in git, others lack theirs.
    """
    if not workflow.is_main_process or workflow.touch or not adoption.is_due():
        return []
    stages, known = {}, darkfield.engine.ran.stages()
    batches = {"run": "", "batch": range(config["data"]["batches"])}
    for each in workflow.rules:
        stage = darkfield.engine.ran.stage_of(each.name)
        if stage in known:
            patterns = map(strip_wildcard_constraints, each.output)
            files = [path for p in patterns for path in expand(p, **batches)]
            stages.setdefault(stage, {})[each.name] = [Path(file) for file in files]
    forget = lambda path: private.forget(workflow, path)
    adoption.adopt(Path(workflow.main_snakefile), stages, forget)
    # An earlier note, where adopting failed, may name stages that are gone.
    pending = adoption.agreement()[1] & stages.keys()
    unseen = set()  # rules
    for each in workflow.rules:
        later = [path for path in each.input if not is_flagged(path, "ancient")]
        named = [strip_wildcard_constraints(p) for p in later if isinstance(p, str)]
        found = (Path(p) for p in expand(named, **batches, allow_missing=True))
        if not later or not all(path.exists() for path in found):
            unseen.add(each.name)
    return [
        path
        for stage in sorted(pending)
        for rule in stages[stage].keys() & unseen
        for path in stages[stage][rule]
        if adoption.is_old(path)
    ]


def unfinished():
    """The outputs of stages that were begun, but not ended: they are of an earlier run."""
    if not workflow.is_main_process or workflow.touch:
        return []
    patterns = {
        each.name: list(map(strip_wildcard_constraints, each.output))
        for each in workflow.rules
    }
    return [
        file
        for stage in darkfield.engine.ran.unfinished()
        for pattern in patterns.get(stage["stage"], [])
        for file in expand(pattern, **stage["wildcards"], allow_missing=True)
    ]


private.before_planning(lambda: [*adopt(), *unfinished()])


def overridden():
    """Whether --config or --configfile made params that are not those of params.yaml."""
    params = or_exit(darkfield.validation.load, Path("params.yaml"))
    return or_exit(darkfield.validation.check, params).plain() != config


def pictures_now():
    """The digest of data.root, which may have changed since the Snakefile was read."""
    try:
        return raw_digest()
    except SystemExit as error:
        return str(error)


def noted_stages():
    """The stages that ran in this run, or have an unrecorded note of an earlier one; their jobs.

    The jobs are in the form that `darkfield.engine.ran.difference` takes.
    """
    jobs, own, known = {}, {}, codes()
    for job in private.jobs(workflow):
        if job.wildcards.get("run"):
            continue  # of a fold
        jobs.setdefault(darkfield.engine.ran.stage_of(job.rule.name), []).append(job)
        own[job.rule.name] = job
    for stage in sorted(darkfield.engine.ran.stages() & own.keys()):
        ran = private.has_run(workflow, own[stage])
        if ran or darkfield.engine.ran.place(stage).exists():
            yield stage, ran, [
                (job, params_now(job, known), kept(job)) for job in jobs[stage]
            ]


def params_now(job, known):
    """A job's params, with the present digests of its code, `known`, and of data.root."""
    params = darkfield.engine.ran.plain(job.params)
    params["code"] = code(job.rule.name, known)
    return params | {"raw": pictures_now()} if "raw" in params else params


def kept(job):
    return {str(path) for path in job.output if not is_flagged(path, "temp")}


def refuse_changes():
    """Let a stage of `dvc repro` fail if its params, code or pictures changed while it ran.

    DVC reads them once the stage has ended, and would record what it did not run with.
    """
    stage = os.getenv("DVC_STAGE", "").rpartition(":")[2]
    keys = darkfield.engine.ran.params_of(stage)
    now = or_exit(
        darkfield.validation.check,
        or_exit(darkfield.validation.load, Path("params.yaml")),
    )
    old, new = (
        darkfield.engine.ran.values(params, keys) for params in (config, now.plain())
    )
    changed = [f"param {key}" for key in keys if old[key] != new[key]]
    known = codes()
    for job in private.jobs(workflow):
        if private.has_run(workflow, job):
            old, new = darkfield.engine.ran.plain(job.params), params_now(job, known)
            digests = darkfield.engine.ran.DIGESTS.items()
            changed += [what for key, what in digests if old.get(key) != new.get(key)]
    if changed:
        what = ", ".join(dict.fromkeys(changed))
        raise SystemExit(
            f"{stage}: {what} changed while it ran; run the same command again"
        )


@cache
def dvc_commit():
    """Record in dvc.lock what ran, by the notes; a run's exit status does not depend on it."""
    try:
        record()
    except (SystemExit, SyntaxError) as error:  # of params or code as they are now
        print(f"Not recorded in dvc.lock, which the next run tries again: {error}")


def record():
    if "DVC_STAGE" in os.environ or workflow.touch:  # DVC records its own stages
        return
    if not darkfield.engine.ran.stages() or not shutil.which("dvc"):
        print("Not recorded in dvc.lock: not a DVC repository of the chain")
        return
    if overridden():
        print("Not recorded in dvc.lock: the params are not those of params.yaml")
        return
    stages, digest = [], cache(darkfield.engine.ran.digest)
    for stage, ran, jobs in noted_stages():
        changed = darkfield.engine.ran.difference(jobs, digest)
        if not changed:
            stages.append(stage)
        elif ran:
            print(
                f"Not recorded in dvc.lock: {stage}; {changed} changed since it started"
            )
    if not stages:
        return
    news = adoption.is_news()
    done = subprocess.run(
        ["dvc", "commit", "--force", *stages],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode == 0:
        for stage in stages:
            darkfield.engine.ran.place(stage).unlink()
        if not news:
            adoption.note(adoption.agreement()[1] - set(stages))
    else:
        errors = [line for line in done.stdout.split("\n") if line.startswith("ERROR")]
        reason = errors[0].removeprefix("ERROR: ") if errors else done.stdout.strip()
        print(f"Not recorded in dvc.lock, which the next run tries again: {reason}")


def of_chain(name):
    """The job of a rule in the chain itself, not in a fold, if this run has it."""
    jobs = (job for job in private.jobs(workflow) if job.rule.name == name)
    return next((job for job in jobs if not job.wildcards.get("run")), None)


def show_results():
    """Print the test metrics and where to look, after a run of the whole chain or of objects.

    A run's exit status does not depend on it.
    """
    if "DVC_STAGE" in os.environ or workflow.touch or private.is_quiet(workflow):
        return
    everything, last = of_chain("all"), of_chain("objects")
    measured = last and private.has_run(workflow, last)
    if everything and measured:
        write_snakemake_report()
    if everything or measured:
        try:
            from darkfield.report.summary import results

            print("", results(), sep="\n", flush=True)
        except Exception as error:
            if isinstance(error, OSError):  # else Python tries again as it exits
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            if not isinstance(error, BrokenPipeError):  # the reader has gone: `| head`
                print(f"No summary of the results: {error}", file=sys.stderr)


def write_snakemake_report():
    """Let another Snakemake write Snakemake's own report: this one has no public way to."""
    command = [sys.executable, "-m", "snakemake", "--quiet", "all"]
    command += ["--snakefile", workflow.main_snakefile, "--report", SNAKEMAKE_REPORT]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        reason = darkfield.engine.adoption.last_line(done.stderr)
        print(f"No {SNAKEMAKE_REPORT}: {reason}", file=sys.stderr)


def after_nothing():
    """Even a run that finds nothing to do ends as a run does."""
    if private.is_run(workflow):
        if darkfield.engine.ran.unrecorded():
            dvc_commit()
        if private.is_up_to_date(workflow):
            show_results()


if workflow.is_main_process:
    # Snakemake calls neither onsuccess nor onerror if nothing is to be done.
    atexit.register(after_nothing)


onsuccess:
    if "DVC_STAGE" in os.environ:
        refuse_changes()
    dvc_commit()
    atexit.register(show_results)  # below what Snakemake shows of the run
