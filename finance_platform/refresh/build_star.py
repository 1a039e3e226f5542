"""The third step: build the slices that the live deliveries ask for and that do not exist yet.

Belongs here: the use case, and the check that the job did exactly what was requested.
Does not belong here: how a slice is built (see `spark_jobs`, `transforms`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.deliveries.checkpoints import drop_checkpoints
from finance_platform.errors import JobError
from finance_platform.quality.attributes import check_attributes
from finance_platform.quality.checks import Outcome
from finance_platform.quality.lost_zeros import check_codes_keep_zeros
from finance_platform.quality.processed import check_star
from finance_platform.refresh.job_requests import build_request
from finance_platform.refresh.repair import (
    damage_noted,
    repair_slices,
    require_none_missing,
    require_readable,
    suspect_damaged,
)
from finance_platform.settings import StarSettings
from finance_platform.slices.snapshot import Snapshot, take_snapshot
from finance_platform.slices.versions import TargetSlice
from finance_platform.spark_jobs.job_runner import JobRunner
from finance_platform.spark_jobs.requests import BuildRequest
from finance_platform.storage.port import ObjectStore


@dataclass(frozen=True)
class Rebuild:
    """Which slices are processed again although they are current.

    Attributes:
        is_requested: whether any are.
        periods: the periods of the fact table, YYYY-MM; every slice when empty.
    """

    is_requested: bool = False
    periods: Collection[str] = ()

    def selects(self, table: str, slice_name: str) -> bool:
        """Return whether a slice is processed again."""
        if not self.is_requested:
            return False
        return not self.periods or (table == FACT_FINANCIALS.name and slice_name in self.periods)


NO_REBUILD = Rebuild()


@dataclass(frozen=True)
class BuiltStar:
    """What the step did.

    Attributes:
        snapshot: the processed zone afterwards; every target slice exists.
        built: the slices that were built now.
        outcomes: of the checks on the whole star.
        repaired: damaged slices that were built again, a sentence each.
    """

    snapshot: Snapshot
    built: Sequence[TargetSlice]
    outcomes: Sequence[Outcome]
    repaired: Sequence[str] = ()


def build_star(processed: ObjectStore, jobs: JobRunner, star: StarSettings, rebuild: Rebuild = NO_REBUILD) -> BuiltStar:
    """Build every slice that is missing.

    Args:
        processed: the processed zone; the caller holds the home's lock.
        jobs: runs the job that builds.
        star: the settings that decide what is in the star.
        rebuild: what is built again although it is current.

    Raises:
        JobError: the job failed, or its result differs from the request.
        TransientJobError: the job may succeed when it is started again.
        LostDeliveryError: rows that are needed are damaged, and cannot be read again.
        DamagedObjectError: rows were found to be damaged while they were read; the next run reads them again.
    """
    with damage_noted(processed):
        return _build_star(processed, jobs, star, rebuild)


def _build_star(processed: ObjectStore, jobs: JobRunner, star: StarSettings, rebuild: Rebuild) -> BuiltStar:
    if rebuild.is_requested and not rebuild.periods:
        drop_checkpoints(processed)
    before = take_snapshot(processed, star)
    require_none_missing(before.state)
    repaired = repair_slices(processed, before, at=datetime.now(UTC))
    if repaired:
        before = take_snapshot(processed, star)
    missing = {(target.table, target.slice) for target in before.to_build}
    stale = [
        target
        for target in before.target
        if (target.table, target.slice) in missing or rebuild.selects(target.table, target.slice)
    ]
    if not stale:
        return BuiltStar(before, (), check_whole_star(before, processed), repaired)
    result = _run_job(processed, jobs, before, build_request(before.state, before.overlaps, stale, star), rebuild)
    reported = {tuple(name) for name in result["built"]}
    requested = {(target.table, target.slice, target.version) for target in stale}
    if reported != requested:
        raise JobError(
            f"build_star: {len(requested)} slices were requested, {len(reported)} were reported as built",
            fix="run again",
        )
    after = take_snapshot(processed, star)
    if after.to_build:
        names = ", ".join(f"{target.table} {target.slice}" for target in after.to_build)
        raise JobError(f"build_star did not build {names}", fix="run again; missing slices are built again")
    return BuiltStar(after, stale, check_whole_star(after, processed), repaired)


def _run_job(
    processed: ObjectStore, jobs: JobRunner, before: Snapshot, request: BuildRequest, rebuild: Rebuild
) -> dict[str, Any]:
    files = {source.file.key: source.file for source in request.files}
    require_readable(processed, before.state, files)
    if rebuild.is_requested and not rebuild.periods:
        live = {file.key for delivery in before.state.live for of in delivery.commit.files.values() for file in of}
        _raise_if_damaged(processed, live)
    try:
        return jobs.run("build_star", request)
    except Exception:
        # Spark's own error about a damaged file is a stack trace.
        _raise_if_damaged(processed, files)
        raise


def _raise_if_damaged(processed: ObjectStore, keys: Iterable[str]) -> None:
    if error := suspect_damaged(processed, keys):
        raise error


def check_whole_star(snapshot: Snapshot, processed: ObjectStore) -> list[Outcome]:
    """Run the checks on the built slices as a whole; they read commits and small tables, and change nothing."""
    return [
        *check_star(snapshot, processed),
        *check_attributes(snapshot, processed),
        *check_codes_keep_zeros(snapshot, processed),
    ]
