"""The Glue resource: runs a job with a request, and gives back its one result, wherever jobs run.

Belongs here: the request, and judging whether a job did what it was asked. Does not belong here: what jobs do (see
`glue`), starting them (see `glue_local`, `glue_aws`).
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import dagster as dg

from finance_platform.code_version import JobName
from finance_platform.errors import JobError, TransientJobError
from finance_platform.orchestration.resources.lake import LakeResource
from finance_platform.spark_jobs.arguments import JobArguments
from finance_platform.spark_jobs.harness import failure_key, request_key, result_key


class GlueResource(dg.ConfigurableResource[Any], ABC):
    """Runs Glue jobs.

    A run that dies may leave its job going on. That does no harm: each attempt writes to folders of its own, what it
    commits is what the next one would commit, and nobody reads what it has not committed.

    Attributes:
        lake: where requests and results lie, and how it is spoken to.
    """

    lake: dg.ResourceDependency[LakeResource]

    def run(self, context: dg.AssetExecutionContext, job: JobName, request: dict[str, Any]) -> dict[str, Any]:
        """Run a job and return its result document.

        Raises:
            LockedError: another job is at work in the processed zone.
            TransientJobError: the job may succeed when it is started again.
            JobError: the job failed, or did not send exactly one result, or not the one that it wrote.
        """
        # The time first, so that folders sort as they came; the rest keeps two attempts in one second apart.
        attempt = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid4().hex[:8]}"
        self.lake.processed.write(request_key(attempt), json.dumps(request, default=str).encode())
        try:
            messages = self.start_and_wait(context, job, self.arguments(attempt))
        except (JobError, TransientJobError) as error:
            raise self._as_the_job_says(job, attempt, error) from error
        return self._checked(job, attempt, messages)

    def arguments(self, attempt: str) -> JobArguments:
        """Return what every job is started with; who starts it adds what depends on where it runs."""
        return JobArguments(
            raw_uri=self.lake.raw_root,
            processed_uri=self.lake.processed_root,
            attempt=attempt,
            aws_region=self.lake.aws_region,
            s3_endpoint_url=self.lake.s3_endpoint_url,
            s3_kms_key_id=self.lake.s3_kms_key_id,
            s3_request_payer="true" if self.lake.s3_request_payer else "",
        )

    @abstractmethod
    def start_and_wait(self, context: dg.AssetExecutionContext, job: JobName, arguments: JobArguments) -> Sequence[Any]:
        """Run a job to its end and return the results that it sent.

        Raises:
            LockedError: see `run`.
            TransientJobError: see `run`.
            JobError: the job failed.
        """

    @abstractmethod
    def log_of(self, job: JobName, attempt: str) -> str:
        """Return where a person finds an attempt's log."""

    def _as_the_job_says(
        self, job: JobName, attempt: str, error: JobError | TransientJobError
    ) -> JobError | TransientJobError:
        """Return what the job itself said of its failure, which knows more than who saw it end."""
        try:
            said = json.loads(self.lake.processed.read(failure_key(attempt)))
        except FileNotFoundError:
            return error
        kind = TransientJobError if said["is_transient"] else JobError
        title = "" if said["title"] == JobError.title else f"{said['title']}: "
        fix = f"{said['fix']}; if that does not help, {error.fix}" if said["fix"] else error.fix
        return kind(f"{job}: {title}{said['found']}", fix=fix)

    def _checked(self, job: JobName, attempt: str, messages: Sequence[Any]) -> dict[str, Any]:
        if len(messages) != 1:
            raise JobError(
                f"{job} sent {len(messages)} results, expected exactly one",
                fix=f"read the job's log, {self.log_of(job, attempt)}",
            )
        try:
            written = json.loads(self.lake.processed.read(result_key(attempt)))
        except FileNotFoundError:
            written = None
        if messages[0] != written:
            raise JobError(f"{job} sent another result than it wrote to the lake", fix="run again")
        return dict(written)
