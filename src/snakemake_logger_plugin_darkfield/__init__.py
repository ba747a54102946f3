"""What Snakemake shows on the screen: `logger: darkfield` in profiles/.

There is a live panel in a terminal, one line per job elsewhere, and one line per rule in a dry run.
Snakemake finds its loggers by the names of their packages, and loads this one before it reads the
Snakefile, which decides where `darkfield` comes from: do not import that here. Everything else is
in .snakemake/log.
"""

import logging
import sys

from snakemake.settings.types import Quietness
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.settings import OutputSettingsLoggerInterface

from snakemake_logger_plugin_darkfield.jobs import TARGET, Job
from snakemake_logger_plugin_darkfield.lines import Lines, View
from snakemake_logger_plugin_darkfield.panel import LivePanel, Shared
from snakemake_logger_plugin_darkfield.plan import Plan

# What Snakemake says about every run, by how it begins.
USUAL = (
    *("Assuming unrestricted shared filesystem", "Building DAG of jobs", "host: ", "Using shell"),
    *("Provided ", "Rules claiming more threads", "Select jobs to execute", "Execute "),
    *("Removing temporary output", "Would remove temporary output", "Touching output file"),
    *("Shutting down", "Complete log", "Elapsed time", "Trying to restart job"),
    *("This was a dry-run", "Reasons:", "Some jobs were triggered by", "Rules with provenance"),
)
# What it says about a failed job, which the Snakefile's `onerror` reports.
FAILED = (
    "RuleException:",
    "Exiting because a job execution failed",
    "WorkflowError:\nAt least one",
)


def view_of(settings: OutputSettingsLoggerInterface) -> View:
    """The view that suits the command line and where its output goes."""
    quiet = {Quietness.ALL, Quietness.RULES, Quietness.PROGRESS} & set(settings.quiet or ())
    console = Shared(stderr=not settings.stdout, highlight=False, no_color=settings.nocolor or None)
    if settings.dryrun:
        return Plan(console, brief=bool(quiet))
    if quiet:
        return View(console)
    watched = console.is_terminal and not console.is_dumb_terminal and sys.stdout.isatty()
    return LivePanel(console) if watched else Lines(console)


class LogHandler(LogHandlerBase):
    """Passes the records of Snakemake's log on to a view."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        self.view = view_of(self.common_settings)
        self.jobs: dict[int, Job] = {}

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.handle_event(record)
        except Exception:
            self.handleError(record)

    def handle_event(self, record: logging.LogRecord) -> None:
        event, fields = getattr(record, "event", None), vars(record)
        if event == LogEvent.RUN_INFO:
            counts = {r: n for r, n in fields["stats"].items() if r not in ("total", TARGET)}
            self.view.plan(counts)
        elif event == LogEvent.JOB_INFO and fields["rule_name"] != TARGET:
            job = self.jobs[fields["jobid"]] = Job.of(fields)
            self.view.begin(job)
        elif event == LogEvent.JOB_FINISHED and fields["job_id"] in self.jobs:
            self.view.finish(self.jobs[fields["job_id"]])
        elif event == LogEvent.JOB_ERROR and fields["jobid"] in self.jobs:
            self.view.fail(self.jobs[fields["jobid"]])
        elif event in (None, LogEvent.ERROR):
            text = record.getMessage().strip()
            self.view.note(text)
            problem = record.levelno >= logging.WARNING and not text.startswith(FAILED)
            news = text not in ("", "None") and not text.startswith((*USUAL, *FAILED))
            if problem or (news and self.view.tells_news):
                self.view.say(text)

    def close(self) -> None:
        self.view.close()
        super().close()
