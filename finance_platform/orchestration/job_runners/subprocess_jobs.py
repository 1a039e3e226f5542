"""Spark jobs on this machine: the scripts that Glue runs, as subprocesses.

Belongs here: starting a subprocess and interpreting its exit. Does not belong here: verifying results and the account
that a job leaves of its failure (see `pipes_jobs`), reading its log (see `job_log`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg

import finance_platform
from finance_platform.code_version import JobName
from finance_platform.errors import FinancePlatformError, LockedError
from finance_platform.orchestration.job_runners.job_log import last_explanation
from finance_platform.orchestration.job_runners.job_process import INTERRUPT_SECONDS, FailedAttemptError, JobProcess
from finance_platform.orchestration.job_runners.pipes_jobs import (
    JobEndedError,
    JobZones,
    PipesJobRunner,
    explain_failure,
    open_session,
)
from finance_platform.spark_jobs.arguments import JobArguments
from finance_platform.spark_jobs.failure import FailurePipe, JobFailure
from finance_platform.spark_jobs.harness import LOCKED_EXIT_CODE, log_path
from finance_platform.storage.temporary_folders import temporary_folder

_FREE_MEMORY = "close other programs or give the machine more memory, then run again"
_MORE_MEMORY = "give runs more memory (RunSize), or Glue smaller jobs (FINANCE_PLATFORM_GLUE_FROM_BYTES)"

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
        works_on_disk: whether interim results are on this machine's disk, wherever the zones are; for small jobs.
    """

    spark_engine: str
    script_path: Callable[[JobName], Path] = script_path
    spark_master: str = ""
    process: JobProcess | None = None
    works_on_disk: bool = False

    def start_and_wait(self, context: dg.AssetExecutionContext, job: JobName, arguments: JobArguments) -> Sequence[Any]:
        """Run a job's script to its end and return the results that it sent.

        Raises:
            LockedError: another job is at work in the processed zone.
            JobError: the script failed.
        """
        arguments = replace(arguments, spark_engine=self.spark_engine, spark_master=self.spark_master)
        with ExitStack() as stack:
            if self.works_on_disk and not arguments.is_on_cluster:
                folder = stack.enter_context(temporary_folder())
                arguments = replace(arguments, temp_uri=str(folder))
            session = stack.enter_context(
                open_session(context, dg.PipesTempFileContextInjector(), dg.PipesTempFileMessageReader())
            )
            exit_code, failure = self._run(job, arguments, session.get_bootstrap_env_vars())
        if exit_code:
            raise self.error_of(job, arguments, exit_code, failure)
        return session.get_custom_messages()

    def _run(
        self, job: JobName, arguments: JobArguments, variables: Mapping[str, str]
    ) -> tuple[int, JobFailure | None]:
        """Run a job to its end and return its exit code, and the account that it has sent of its failure."""
        if self.process is not None:
            exit_code = self.process.run(job, arguments, variables)
            if job == _LAST_JOB:
                self.process.end()
            if exit_code is not None:
                return exit_code, self.process.failure if exit_code else None
        # -P keeps the script's own folder off the module path, where its siblings would shadow other modules.
        command = [sys.executable, "-P", str(self.script_path(job)), *arguments.as_command_line()]
        with FailurePipe() as pipe:
            exit_code = _run(command, {**os.environ, **variables, **pipe.variables}, pipe.write_end)
            return exit_code, pipe.read() if exit_code else None

    def error_of(
        self, job: JobName, arguments: JobArguments, exit_code: int, failure: JobFailure | None
    ) -> LockedError | JobEndedError:
        """Return the error of a job that failed: how it ended, the last thing that it wrote, and what to look at."""
        if exit_code == LOCKED_EXIT_CODE:
            return LockedError(
                f"another job is writing to {arguments.processed_uri}", fix="wait until it has ended, then run again"
            )
        found = f"{job} {_end_of(exit_code)}"
        fixes = [f"read the job's log, {self.describe_log(job, arguments)}"]
        if arguments.has_local_zone:
            log = log_path(arguments.processed_uri, arguments.attempt)
            if explanation := last_explanation(log):
                found = f"{found}; the last line of its log: {explanation}"
            else:
                found = f"{found}; {'its log ends without a reason' if _has_text(log) else 'it wrote no log'}"
                fixes = [
                    f"check that {arguments.processed_uri} is writable, and that there is free disk space and memory"
                ]
        if exit_code == -signal.SIGKILL:
            fixes.insert(0, _FREE_MEMORY if arguments.has_local_zone else _MORE_MEMORY)
        return JobEndedError(found, fix="; ".join(fixes), failure=failure)

    def describe_log(self, job: JobName, arguments: JobArguments) -> str:
        """Return where the log of an attempt is: a file, or with a processed zone on S3 the step's output."""
        if arguments.has_local_zone:
            return str(log_path(arguments.processed_uri, arguments.attempt))
        return self._log_on_s3(job)

    def _log_on_s3(self, job: JobName) -> str:
        return f"in the output of the step that ran {job}"


def explain_attempt(context: dg.AssetExecutionContext, failed: FailedAttemptError) -> FinancePlatformError:
    """Return the error of an attempt that began ahead of its step, as the step would report it."""
    zones = JobZones(failed.arguments.raw_uri, failed.arguments.processed_uri)
    runner = SubprocessJobRunner(zones, failed.arguments.spark_engine)
    error = runner.error_of(failed.job, failed.arguments, failed.exit_code, failed.failure)
    if isinstance(error, LockedError):
        return error
    return explain_failure(context, failed.job, failed.arguments, error)


@contextmanager
def attempts_explained(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Report a job that began ahead of its step, and has failed, as a job of the step."""
    try:
        yield
    except FailedAttemptError as failed:
        raise explain_attempt(context, failed) from failed


def _run(command: Sequence[str], environment: dict[str, str], descriptor: int) -> int:
    """Run a command that inherits a descriptor to its end, and return its exit code."""
    process = subprocess.Popen(command, env=environment, pass_fds=[descriptor])
    try:
        return process.wait()
    except BaseException:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(INTERRUPT_SECONDS)
        raise


def _end_of(exit_code: int) -> str:
    """Return how a process ended, a predicate."""
    if exit_code == -signal.SIGKILL:
        return "was killed, as by a machine that has no memory left"
    if exit_code < 0:
        return f"was ended by the signal {_name_of_signal(-exit_code)}"
    return f"ended with the exit code {exit_code}"


def _name_of_signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return str(number)


def _has_text(log: Path) -> bool:
    try:
        return log.stat().st_size > 0
    except OSError:
        return False
