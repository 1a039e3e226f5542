"""Spark jobs on AWS: small ones in the task of the run, on Sail, large ones in Glue (130).

Belongs here: the choice between two runners. Does not belong here: starting jobs (see `subprocess_jobs`, `glue_jobs`),
how much a job reads (see `spark_jobs.request_size`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import dagster as dg

from finance_platform.code_version import JobName
from finance_platform.orchestration.job_runners.pipes_jobs import DagsterJobRunner
from finance_platform.spark_jobs.request_size import text_bytes

_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class SizedJobRunner(DagsterJobRunner):
    """Runs each job where its size belongs.

    Attributes:
        small: runs jobs that read less than `large_from_bytes`.
        large: runs all others.
        large_from_bytes: bytes of text, as `text_bytes` counts them.
    """

    small: DagsterJobRunner
    large: DagsterJobRunner
    large_from_bytes: int

    def run(self, context: dg.AssetExecutionContext, job: JobName, request: bytes) -> dict[str, Any]:
        """Run a job and return its result document; see `DagsterJobRunner`."""
        size = text_bytes(job, request)
        is_small = size < self.large_from_bytes
        context.log.info(
            f"{job} reads about {size / _MEGABYTE:,.1f} MB of text, {'less than' if is_small else 'at least'} "
            f"{self.large_from_bytes / _MEGABYTE:,.1f} MB: it runs {'in this task' if is_small else 'in AWS Glue'}"
        )
        return (self.small if is_small else self.large).run(context, job, request)
