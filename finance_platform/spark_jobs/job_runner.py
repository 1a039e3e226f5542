"""The port through which the use cases run Spark jobs, wherever these run.

Belongs here: the protocol. Does not belong here: its adapters (see `orchestration.job_runners`).
"""

from __future__ import annotations

from typing import Any, Protocol

from finance_platform.code_version import JobName


class JobRunner(Protocol):
    """Runs a job from its request to its one result."""

    def run(self, job: JobName, request: bytes) -> dict[str, Any]:
        """Run a job and return its result document.

        Args:
            job: the job.
            request: its document; as objects, it would keep what it names in memory as long as the job runs.

        Raises:
            LockedError: another job is at work in the processed zone.
            TransientJobError: the job may succeed when it is started again.
            JobError: the job failed, or did not send exactly the result that it wrote.
        """
        ...
