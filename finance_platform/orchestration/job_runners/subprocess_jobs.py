"""Spark jobs on this machine: the scripts that Glue runs, as subprocesses.

Belongs here: starting a subprocess and interpreting its exit. Does not belong here: verifying results (see
`pipes_jobs`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg

import finance_platform
from finance_platform.code_version import JobName
from finance_platform.errors import JobError, LockedError
from finance_platform.orchestration.job_runners.job_process import INTERRUPT_SECONDS, JobProcess
from finance_platform.orchestration.job_runners.pipes_jobs import PipesJobRunner, open_session
from finance_platform.spark_jobs.arguments import JobArguments
from finance_platform.spark_jobs.harness import LOCKED_EXIT_CODE, log_path

_LAST_JOB: JobName = "build_star"
"""The job after which the steps of a run need no other."""


def script_path(job: JobName) -> Path:
    """Return the path of a job's script."""
    return Path(str(finance_platform.__file__)).parent / "spark_jobs" / f"{job}_job.py"


@dataclass(frozen=True)
class SubprocessJobRunner(PipesJobRunner):
    """Runs Spark jobs as subprocesses.

    Attributes:
        spark_engine: sail or jvm.
        script_path: finds a job's script.
        spark_master: of a cluster; empty for Spark on this machine.
        process: runs the jobs instead of a process for each, as long as it has not ended.
    """

    spark_engine: str
    script_path: Callable[[JobName], Path] = script_path
    spark_master: str = ""
    process: JobProcess | None = None

    def start_and_wait(self, context: dg.AssetExecutionContext, job: JobName, arguments: JobArguments) -> Sequence[Any]:
        """Run a job's script to its end and return the results that it sent.

        Raises:
            LockedError: another job is at work in the processed zone.
            JobError: the script failed.
        """
        arguments = replace(arguments, spark_engine=self.spark_engine, spark_master=self.spark_master)
        with open_session(context, dg.PipesTempFileContextInjector(), dg.PipesTempFileMessageReader()) as session:
            exit_code = self._run(job, arguments, session.get_bootstrap_env_vars())
        if exit_code == LOCKED_EXIT_CODE:
            raise LockedError(
                f"another job is writing to {arguments.processed_uri}", fix="wait until it has ended, then run again"
            )
        if exit_code:
            raise self._failure(job, arguments) if arguments.has_local_zone else self._failure_on_s3(job, exit_code)
        return session.get_custom_messages()

    def _run(self, job: JobName, arguments: JobArguments, variables: Mapping[str, str]) -> int:
        """Run a job to its end and return its exit code."""
        if self.process is not None:
            exit_code = self.process.run(job, arguments, variables)
            if job == _LAST_JOB:
                self.process.end()
            if exit_code is not None:
                return exit_code
        # -P keeps the script's own folder off the module path, where its siblings would shadow other modules.
        command = [sys.executable, "-P", str(self.script_path(job)), *arguments.as_command_line()]
        return _run(command, {**os.environ, **variables})

    def _failure(self, job: JobName, arguments: JobArguments) -> JobError:
        last_line = _last_line(log_path(arguments.processed_uri, arguments.attempt))
        if last_line:
            fix = f"read the job's log, {self.describe_log(job, arguments)}"
        else:
            fix = f"check that {arguments.processed_uri} is writable, and that there is free disk space and memory"
        return JobError(f"{job}: {last_line or 'it wrote no log'}", fix=fix)

    def _failure_on_s3(self, job: JobName, exit_code: int) -> JobError:
        """Return the failure of a job whose processed zone, and so no log file, is on S3."""
        log = f"read the job's log, {self._log_on_s3(job)}"
        if exit_code != -signal.SIGKILL:
            return JobError(f"{job} ended with the exit code {exit_code}", fix=log)
        return JobError(
            f"{job} was killed, as by a machine that has no memory left",
            fix=f"{log}; give runs more memory (RunSize), or Glue smaller jobs (FINANCE_PLATFORM_GLUE_FROM_BYTES)",
        )

    def describe_log(self, job: JobName, arguments: JobArguments) -> str:
        """Return where the log of an attempt is: a file, or with a processed zone on S3 the step's output."""
        if arguments.has_local_zone:
            return str(log_path(arguments.processed_uri, arguments.attempt))
        return self._log_on_s3(job)

    def _log_on_s3(self, job: JobName) -> str:
        return f"in the output of the step that ran {job}"


def _run(command: Sequence[str], environment: dict[str, str]) -> int:
    """Run a command to its end and return its exit code."""
    process = subprocess.Popen(command, env=environment)
    try:
        return process.wait()
    except BaseException:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(INTERRUPT_SECONDS)
        raise


def _last_line(log: Path) -> str:
    """Return the last line that starts at the margin: the fix of an error and the frames of a trace are indented.

    Empty if there is none: the job could not write its log, or was killed before it wrote anything.
    """
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return ""
    return next((line for line in reversed(text.splitlines()) if line[:1].strip()), "")
