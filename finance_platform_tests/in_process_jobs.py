"""Spark jobs in this process, on one session: the bodies that the job scripts run, without their processes.

Belongs here: the `JobRunner` of tests. Does not belong here: anything that a job does.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from finance_platform.code_version import JobName
from finance_platform.spark_jobs.arguments import JobArguments
from finance_platform.spark_jobs.build_star_job import build_slices
from finance_platform.spark_jobs.requests import BuildRequest, StandardiseRequest
from finance_platform.spark_jobs.standardise_job import read_deliveries
from finance_platform.storage.port import ObjectStore

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class InProcessArguments(JobArguments):
    """Arguments that give a job the store of its caller, which may count operations or fail, not one of its own.

    Attributes:
        store: the processed zone.
        interim: the store of interim results, if that is another one.
    """

    store: ObjectStore = field(kw_only=True)
    interim: ObjectStore | None = field(kw_only=True, default=None)

    @property
    def processed(self) -> ObjectStore:
        """The processed zone."""
        return self.store

    @property
    def temporary(self) -> ObjectStore:
        """The store of interim results."""
        return self.interim or self.store


class InProcessJobs:
    """Runs jobs on a session; a request passes through JSON, as it does on its way to a job's process.

    With a temporary store on disk, it is the runner of small jobs on AWS; else interim results are in the zone.
    """

    def __init__(
        self,
        spark: SparkSession,
        raw: ObjectStore,
        processed: ObjectStore,
        next_attempt: Callable[[], str],
        before_job: Callable[[JobName], None] = lambda _: None,
        *,
        temporary: ObjectStore | None = None,
    ) -> None:
        self._spark, self._raw, self._processed = spark, raw, processed
        self._next_attempt, self._before_job = next_attempt, before_job
        self._temporary = temporary

    def run(self, job: JobName, request: bytes) -> dict[str, Any]:
        """Run a job and return its result document; see `JobRunner`."""
        self._before_job(job)
        arguments = InProcessArguments(
            self._raw.root,
            self._processed.root,
            self._next_attempt(),
            "sail",
            store=self._processed,
            interim=self._temporary,
        )
        document = json.loads(request)
        if job == "standardise":
            return read_deliveries(self._spark, arguments, StandardiseRequest.from_json(document))
        return build_slices(self._spark, arguments, BuildRequest.from_json(document))
