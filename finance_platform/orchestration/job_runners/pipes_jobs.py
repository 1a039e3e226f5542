"""The shared part of all job runners: the request, the Pipes session, and the verification of the result.

Belongs here: everything that does not depend on where a job runs. Does not belong here: starting a job and waiting for
its end (see `subprocess_jobs`, `glue_jobs`).
"""

from __future__ import annotations

import json
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg

from finance_platform.code_version import JobName, code_version
from finance_platform.count_text import pluralize
from finance_platform.errors import FinancePlatformError, JobError, TransientJobError
from finance_platform.refresh.steps.complete_run import discard_complete_run
from finance_platform.spark_jobs.arguments import JobArguments, new_attempt
from finance_platform.spark_jobs.failure import JobFailure
from finance_platform.spark_jobs.harness import failure_key, request_key, result_key
from finance_platform.spark_jobs.job_runner import JobRunner
from finance_platform.storage.s3_options import NO_OPTIONS, S3Options


@dataclass(frozen=True)
class JobZones:
    """The zones that the jobs read and write.

    Attributes:
        raw_uri: the raw zone; read only.
        processed_uri: the processed zone.
        s3: options of S3; `request_payer` applies to the raw zone only.
    """

    raw_uri: str
    processed_uri: str
    s3: S3Options = NO_OPTIONS

    def arguments(self, attempt: str) -> JobArguments:
        """Return the arguments that a job gets wherever it runs."""
        return JobArguments(
            raw_uri=self.raw_uri,
            processed_uri=self.processed_uri,
            attempt=attempt,
            aws_region=self.s3.region,
            s3_endpoint_url=self.s3.endpoint_url,
            s3_kms_key_id=self.s3.kms_key_id,
            s3_request_payer="true" if self.s3.request_payer else "",
        )


class JobEndedError(JobError):
    """The process of a job ended without a result.

    Attributes:
        failure: what the job sent of its failure; None if it could not, or is no process of this machine.
    """

    def __init__(self, found: str, *, fix: str, failure: JobFailure | None) -> None:
        self.failure = failure
        super().__init__(found, fix=fix)


class DagsterJobRunner(ABC):
    """Runs Spark jobs for the steps of a Dagster run.

    A step that dies may leave its job running. That is harmless: each attempt writes to folders of its own, what it
    commits is what the next attempt would commit, and uncommitted files are never read.
    """

    def bind(self, context: dg.AssetExecutionContext) -> JobRunner:
        """Return the runner for one step, which gets the jobs' output and metadata."""
        return _StepJobRunner(self, context)

    @abstractmethod
    def run(self, context: dg.AssetExecutionContext, job: JobName, request: bytes) -> dict[str, Any]:
        """Run a job and return its result document.

        Raises:
            LockedError: another job is at work in the processed zone.
            TransientJobError: the job may succeed when it is started again.
            JobError: the job failed, or did not send exactly the result that it wrote.
        """


@dataclass(frozen=True)
class PipesJobRunner(DagsterJobRunner):
    """Runs Spark jobs in one kind of place, with a session of Dagster Pipes around each.

    Attributes:
        zones: the zones that the jobs read and write.
    """

    zones: JobZones

    def run(self, context: dg.AssetExecutionContext, job: JobName, request: bytes) -> dict[str, Any]:
        """Run a job and return its result document; see `DagsterJobRunner`."""
        arguments = replace(self.zones.arguments(new_attempt()), code_version=code_version(job))
        arguments.processed.write(request_key(arguments.attempt), request)
        try:
            messages = self.start_and_wait(context, job, arguments)
        except (JobError, TransientJobError) as error:
            raise explain_failure(context, job, arguments, error) from error
        return self._verify_result(job, arguments, messages)

    @abstractmethod
    def start_and_wait(self, context: dg.AssetExecutionContext, job: JobName, arguments: JobArguments) -> Sequence[Any]:
        """Run a job to its end and return the results that it sent.

        Raises:
            LockedError: see `run`.
            TransientJobError: see `run`.
            JobError: the job failed.
        """

    @abstractmethod
    def describe_log(self, job: JobName, arguments: JobArguments) -> str:
        """Return where the log of an attempt is, for an error's fix."""

    def _verify_result(self, job: JobName, arguments: JobArguments, messages: Sequence[Any]) -> dict[str, Any]:
        if len(messages) != 1:
            raise JobError(
                f"{job} sent {pluralize(len(messages), 'result')}, expected exactly one",
                fix=f"read the job's log, {self.describe_log(job, arguments)}",
            )
        try:
            written = json.loads(arguments.processed.read(result_key(arguments.attempt)))
        except FileNotFoundError:
            written = None
        if messages[0] != written:
            raise JobError(f"{job} sent a result other than the one it wrote to the processed zone", fix="run again")
        return dict(written)


@dataclass(frozen=True)
class _StepJobRunner:
    """The jobs of one step."""

    jobs: DagsterJobRunner
    context: dg.AssetExecutionContext

    def run(self, job: JobName, request: bytes) -> dict[str, Any]:
        """Run a job; see `DagsterJobRunner.run`."""
        return self.jobs.run(self.context, job, request)


@contextmanager
def open_session(
    context: dg.AssetExecutionContext, injector: dg.PipesContextInjector, reader: dg.PipesMessageReader
) -> Iterator[dg.PipesSession]:
    """Open a session of Dagster Pipes, in which one job runs."""
    with ExitStack() as stack:
        with warnings.catch_warnings():
            # Dagster warns of a preview feature that every session touches by itself.
            warnings.simplefilter("ignore", dg.PreviewWarning)
            session = stack.enter_context(dg.open_pipes_session(context, injector, reader))
        yield session


def explain_failure(
    context: dg.AssetExecutionContext, job: JobName, arguments: JobArguments, error: JobError | TransientJobError
) -> JobError | TransientJobError:
    """Return the error of an attempt that failed, with the job's own account; the last complete run is discarded."""
    explained = _prefer_own_explanation(job, arguments, error)
    if isinstance(error, JobError):
        _discard_complete_run(context, arguments)
    return explained


def _discard_complete_run(context: dg.AssetExecutionContext, arguments: JobArguments) -> None:
    """Remove the record of the last complete run: the versions of the code may have come from it.

    The next run derives them. Where the record cannot be removed, as on a disk that has become read-only, the failure
    of the job is still the one to report.
    """
    try:
        discard_complete_run(arguments.processed)
    except FinancePlatformError as error:
        context.log.warning(f"{error.title}: {error.found}")


def _prefer_own_explanation(
    job: JobName, arguments: JobArguments, error: JobError | TransientJobError
) -> JobError | TransientJobError:
    """Return the job's own account of its failure if it left one: it knows more than its exit code or end state."""
    failure = _read_failure(arguments) or (error.failure if isinstance(error, JobEndedError) else None)
    if failure is None:
        return error
    kind = TransientJobError if failure.is_transient else JobError
    title = "" if failure.title == JobError.title else f"{failure.title}: "
    fix = f"{failure.fix}; if that does not help, {error.fix}" if failure.fix else error.fix
    return kind(f"{job}: {title}{failure.found}", fix=fix)


def _read_failure(arguments: JobArguments) -> JobFailure | None:
    """Return the account that an attempt has written; None if it wrote none, or none that can be read."""
    try:
        return JobFailure.from_json(arguments.processed.read(failure_key(arguments.attempt)))
    except (FileNotFoundError, FinancePlatformError, ValueError):
        # What keeps it from being read is seldom why the job failed, and is reported where it is.
        return None
