"""One listing of each folder for a step, with what the step and its jobs write looked up.

Belongs here: the store and the job runner that a step works with. Does not belong here: what a listing is (see
`storage.listed_once`), running jobs.

The parts of a step list register, deliveries and tables again and again, which is 25 requests for 20,000 deliveries. A
step holds the home's lock, so nothing is written but what it writes itself and what its jobs write: documents that its
request and their result name, and folders of the attempt. A step that has lost its lease is refused its next write, as
ever. What somebody removes by hand is noticed when it is read, and at the latest by the next run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from finance_platform.code_version import JobName
from finance_platform.contracts import processed
from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import STAR
from finance_platform.deliveries.commits import commit_key
from finance_platform.slices.commits import slice_key
from finance_platform.spark_jobs.harness import FOLDER
from finance_platform.spark_jobs.job_runner import JobRunner
from finance_platform.storage.checkpoints import FOLDER as CHECKPOINTS
from finance_platform.storage.listed_once import forget_listings, listed_until_written, note_written
from finance_platform.storage.port import ObjectStore


def listed_between_jobs(zone: ObjectStore, jobs: JobRunner) -> tuple[ObjectStore, JobRunner]:
    """Return the processed zone and the job runner for one step.

    Args:
        zone: the processed zone; the caller holds the home's lock until it drops the result.
        jobs: runs the step's jobs.
    """
    listed = listed_until_written(zone)
    return listed, _NotingJobRunner(listed, jobs)


class _NotingJobRunner:
    def __init__(self, listed: ObjectStore, jobs: JobRunner) -> None:
        self._listed = listed
        self._jobs = jobs

    def run(self, job: JobName, request: bytes) -> dict[str, Any]:
        """Run a job; one that failed may have written anything."""
        try:
            result = self._jobs.run(job, request)
        except BaseException:
            forget_listings(self._listed)
            raise
        attempt = result.get("attempt")
        if attempt:
            note_written(self._listed, _written(job, str(attempt), result))
        else:
            forget_listings(self._listed)
        return result


def _written(job: JobName, attempt: str, result: dict[str, Any]) -> list[str]:
    """Return what a job may have written into the zone: documents, and folders with their `/`."""
    of_attempt = (FOLDER, *_TABLES[job])
    folders = [f"{name}/{attempt}/" for name in of_attempt]
    if job == "standardise":
        return [*(commit_key(name) for name in result["committed"]), *folders]
    # The job that builds also brings the checkpoints of members and lines up to date.
    return [*(slice_key(*name) for name in result["built"]), *folders, f"{CHECKPOINTS}/"]


_TABLES: Mapping[JobName, Sequence[str]] = MappingProxyType(
    {
        "standardise": sorted({one.name for one in vars(processed).values() if isinstance(one, Contract)}),
        "build_star": sorted(one.name for one in STAR),
    }
)
"""The tables of which each job writes rows, each attempt into a folder of its own."""
