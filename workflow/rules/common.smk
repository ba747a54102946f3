import atexit
import gc
import hashlib
import json
import os
import signal
import sys
from functools import cache
from pathlib import Path

from snakemake.io import is_flagged

# Snakemake's imports stay: not looking through them for garbage, again and again and at exit, saves
# a fifth of a run with nothing to do.
gc.freeze()

# This checkout's code, for this process and for the scripts: `dvc exp run --queue` and a git worktree
# have a Snakefile elsewhere, while the package is installed from one place. The rules alone, as
# `github(...)` fetches them or a wheel holds them, have no code beside them: it is the installed one.
HERE = workflow.current_basedir
SRC = os.path.normpath(f"{HERE}/../../src")
if os.path.isdir(SRC):
    sys.path.insert(0, SRC)
    os.environ.update(
        PYTHONPATH=os.pathsep.join(filter(None, [SRC, os.getenv("PYTHONPATH")]))
    )

import darkfield.engine.lock
import darkfield.engine.private
import darkfield.validation
from darkfield.engine.private import unflagged
from darkfield.classes import foreground
from darkfield.data.split_file import lists as split_lists
from darkfield.data.trained_on import teachers
from darkfield.engine.imports import (
    PACKAGE,
    STATEMENTS,
    code_digest,
    code_digests,
    code_files,
)
from darkfield.engine.environment import ENVIRONMENT, has_gpu
from darkfield.engine.ran import mark, unmark
from darkfield.errors import problems_of
from darkfield.files import UserError, files_digest, folder_digest, read_json
from darkfield.engine.script import reasons, stop_all
from darkfield.shipped import shipped

SYNTHETIC = "data/synthetic"
TOLD = "DARKFIELD_RAW_DIGEST"  # the environment variable in which a run tells its jobs of data.root

for name, value in ENVIRONMENT.items():
    os.environ.setdefault(name, value)


def or_exit(function, *arguments):
    """The function's result; a user's mistake ends here, before anything runs."""
    try:
        return function(*arguments)
    except UserError as error:
        raise SystemExit(str(error))  # plain, without Snakemake's traceback


# Which `module` of another workflow this is, or None. Names of targets, locks and books are its own.
MODULE = darkfield.engine.private.module_name(workflow)
if MODULE is None:
    darkfield.engine.private.let_names_mean_the_chain()
    darkfield.engine.private.hash_once()
    # Not where there may be jobs in the queue of a cluster, which outlive their Snakemake.
    if workflow.is_main_process and workflow.local_exec:
        darkfield.engine.lock.unlock()
ALIVE = darkfield.engine.lock.hold()
DIGESTS = Path(".snakemake/darkfield-digests.json")

if darkfield.engine.private.is_configured(workflow):
    config = or_exit(darkfield.validation.completed, config, MODULE)
else:
    # Checked here, since Snakemake, which also reads the files, says less about what is wrong.
    or_exit(darkfield.validation.load, Path("params.yaml"))
    OVERRIDES = [
        *(
            or_exit(darkfield.validation.load, Path(path))
            for path in workflow.overwrite_configfiles
        ),
        workflow.config_settings.config,
    ]

    configfile: "params.yaml"

    config = darkfield.validation.replace_tables(config, OVERRIDES)
    config = or_exit(darkfield.validation.check, config).plain()


def codes():
    """The digest of each rule's code as it is now, by the name of the rule's script."""
    scripts = sorted(Path(f"{HERE}/../scripts").glob("[!.]*.py"))
    return or_exit(code_digests, scripts, STATEMENTS)


CODES = codes()

# Jobs of a cluster read all this again, later: they are told what it was as the run began.
STATE = hashlib.sha256(json.dumps([config, CODES], sort_keys=True).encode()).hexdigest()
BEGAN = f"DARKFIELD_STATE_{MODULE or ''}"
if workflow.is_main_process:
    os.environ[BEGAN] = STATE
elif os.getenv(BEGAN, STATE) != STATE:
    raise SystemExit(
        "params.yaml or the code was edited since this run began; run the same command again"
    )


def code(rule, known=CODES):
    """The digest of a rule's code, as one of its params: its script, and the modules that this runs.

    Snakemake's own look at scripts (rerun trigger `code`, off in the default profile) is at their
    time stamps, which a fresh clone has in any order.
    """
    if found := known.get(rule):
        return found
    script = Path(workflow.source_path(f"../scripts/{rule}.py"))  # fetched
    return or_exit(code_digest, code_files(script))


def of_project(path):
    """A file of the project as an input. A module's `prefix:` is not for it, if it is absolute."""
    return os.path.relpath(path) if MODULE is None else str(path)


def of_user(path):
    """A file or folder that the user names as an input; in a module, without its `prefix:`."""
    return path if MODULE is None else os.path.abspath(path)


def raw_digest():
    """The identity of the user's folder; the synthetic one has a file of checksums instead."""
    root = Path(config["data"]["root"])
    if str(root) == SYNTHETIC:
        return None
    return or_exit(folder_digest, root, DIGESTS)


def raw_of_run():
    """raw_digest as the run began. Jobs of a cluster, which read the Snakefile again, are told it.

    Of a million pictures, listing the names alone takes minutes.
    """
    root = config["data"]["root"]
    told, _, of = os.getenv(TOLD, "").partition(" ")
    if of == root and not workflow.is_main_process:
        return told
    if digest := raw_digest():
        os.environ[TOLD] = f"{digest} {root}"
    return digest


def of_batches(files):
    """The named files of a rule, of all batches."""
    batches = range(config["data"]["batches"])
    return {
        name: expand(unflagged(file), batch=batches, allow_missing=True)
        for name, file in files.items()
    }


def split_of(wildcards):
    """The split to work with: the chain's own, or that of a fold."""
    run = wildcards.get("run")
    return f"results/{run}split.csv" if run else rules.split.output.split


def in_chain(*chain):
    """The outputs of rules in the chain itself, not in a fold."""
    return [expand(file, run="") for each in chain for file in each.output]


def memory(megabytes):
    """A rule's mem_mb, for engines that reserve memory: the same amount more after each failure."""
    return lambda wildcards, attempt: megabytes * attempt


def index_memory(wildcards, input, attempt):
    """Megabytes for the index of descriptors, whose lists may take twice their size as they grow."""
    size = sum(map(os.path.getsize, input.keypoints))
    return attempt * (4000 + 2 * size // 10**6)


def gpus(number=1):
    """A rule's GPUs: 0 if none will be used, so that its jobs do not wait for each other.

    For train.device: auto, this machine decides; the nodes of a cluster may differ.
    """
    device = config["train"]["device"]

    def reserved(wildcards):
        none = device == "auto" and workflow.local_exec and not has_gpu()
        return 0 if device == "cpu" or none else number

    return reserved


def of_model(key):
    """The value of a key of the input model.json, as a function of the job."""
    return lambda wildcards, input: read_json(input.spec)[key]


@cache
def pictures_by_batch():
    # Imports NumPy and Pillow, which other rules do not need.
    from darkfield.data.listing import batches

    return or_exit(batches, config["pictures"]["folder"], config["data"]["batches"])


def pictures_digest(wildcards):
    # No input: Snakemake would take braces in the name of a picture for a wildcard.
    paths = {source.path for source in pictures_by_batch()[int(wildcards.batch)]}
    return or_exit(files_digest, paths, Path(config["pictures"]["folder"]), DIGESTS)


onstart:
    note = unmark if workflow.touch else mark
    try:
        for job in darkfield.engine.private.to_run(workflow):
            note(job.rule.name, dict(job.wildcards.items()))
    except OSError as error:
        raise SystemExit(*problems_of(error))
    # By default Snakemake waits for its jobs to end when it is told to terminate.
    signal.signal(signal.SIGTERM, stop_all)


onerror:
    dvc_commit()
    # At exit, because Snakemake prints more after this, and the reason must be the last line.
    for job in darkfield.engine.private.failed(workflow):
        *several, last = reasons(job.log[0])
        last = f"{job.rule.name} failed: {last} (log: {job.log[0]})"
        atexit.register(print, *several, last, sep="\n", flush=True)
