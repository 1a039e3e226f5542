"""One listing of each folder for a part of a step: up to its job, and behind it.

Belongs here: the store and the job runner that a step works with. Does not belong here: what a listing is (see
`storage.listed_once`), running jobs.

The parts of a step list register, deliveries and tables again and again, which is 25 requests for 20,000 deliveries. A
step holds the home's lock, so nothing is written but what it writes itself, whose folder is listed again, and what its
job writes, after which everything is. A step that has lost its lease is refused its next write, as ever. What somebody
removes by hand is noticed when it is read, and at the latest by the next step, which begins with new listings.
"""

from __future__ import annotations

from typing import Any

from finance_platform.code_version import JobName
from finance_platform.spark_jobs.job_runner import JobRunner
from finance_platform.storage.listed_once import forget_listings, listed_until_written
from finance_platform.storage.port import ObjectStore


def listed_between_jobs(processed: ObjectStore, jobs: JobRunner) -> tuple[ObjectStore, JobRunner]:
    """Return the processed zone and the job runner for one step.

    Args:
        processed: the processed zone; the caller holds the home's lock until it drops the result.
        jobs: runs the step's jobs.
    """
    listed = listed_until_written(processed)
    return listed, _ForgettingJobRunner(listed, jobs)


class _ForgettingJobRunner:
    def __init__(self, listed: ObjectStore, jobs: JobRunner) -> None:
        self._listed = listed
        self._jobs = jobs

    def run(self, job: JobName, request: bytes) -> dict[str, Any]:
        """Run a job; a failed one may have written too."""
        forget_listings(self._listed)  # they would take memory as long as the job runs
        try:
            return self._jobs.run(job, request)
        finally:
            forget_listings(self._listed)
