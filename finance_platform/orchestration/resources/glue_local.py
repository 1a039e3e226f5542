"""Glue jobs on this machine: the very scripts that Glue runs, as subprocesses.

Belongs here: starting a subprocess and reading its end. Does not belong here: judging results (see `glue`).
"""

import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg

import finance_platform
from finance_platform.code_version import JobName
from finance_platform.errors import JobError, LockedError
from finance_platform.orchestration.resources.glue import GlueResource
from finance_platform.spark_jobs.arguments import JobArguments
from finance_platform.spark_jobs.harness import LOCKED_EXIT_CODE, log_path


class LocalGlueResource(GlueResource):
    """Runs Glue jobs as subprocesses.

    Attributes:
        spark_engine: sail or jvm.
    """

    spark_engine: str

    def start_and_wait(self, context: dg.AssetExecutionContext, job: JobName, arguments: JobArguments) -> Sequence[Any]:
        """Run a job's script to its end and return the results that it sent.

        Raises:
            LockedError: another job is at work in the processed zone.
            JobError: the script failed.
        """
        arguments = replace(arguments, spark_engine=self.spark_engine)
        # -P keeps the script's own folder off the module path, where its neighbours would hide other modules.
        command = [sys.executable, "-P", str(script(job)), *arguments.as_command_line()]
        try:
            with warnings.catch_warnings():
                # Pipes warns of a part of its own that is new; there is nothing that a reader could do about it.
                warnings.filterwarnings("ignore", message=".*expected_writer_count.*")
                invocation = dg.PipesSubprocessClient().run(context=context, command=command)
        except Exception as error:
            if str(error).endswith(f"code {LOCKED_EXIT_CODE}"):
                raise LockedError(
                    f"a Glue job is writing to {arguments.processed_uri}",
                    fix="wait until it has ended, then run again",
                ) from error
            log = self.log_of(job, arguments.attempt)
            last = _last_line(log_path(arguments.processed_uri, arguments.attempt))
            raise JobError(f"{job}: {last}", fix=f"read the job's log, {log}") from error
        return invocation.get_custom_messages()

    def log_of(self, job: JobName, attempt: str) -> str:
        """Return where an attempt's log is: a file in the lake; with a lake elsewhere, what the step printed."""
        arguments = self.arguments(attempt)
        if arguments.has_lake_on_disk:
            return str(log_path(arguments.processed_uri, attempt))
        return f"what the step of {job} printed"


def script(job: JobName) -> Path:
    """Return where a job's script is."""
    return Path(str(finance_platform.__file__)).parent / "spark_jobs" / f"{job}_job.py"


def _last_line(log: Path) -> str:
    """Return the last line that is no continuation of another: an error's fix and a trace's frames are indented."""
    if not log.exists():
        return "it wrote no log"
    lines = [line for line in log.read_text(errors="replace").splitlines() if line[:1].strip()]
    return lines[-1] if lines else "its log is empty"
