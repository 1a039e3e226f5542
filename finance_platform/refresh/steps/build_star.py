"""The third step: build the slices that the live deliveries ask for and that do not exist yet.

Belongs here: the use case, and the check that the job did exactly what was requested.
Does not belong here: how a slice is built (see `spark_jobs`, `transforms`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import ACCOUNT_HISTORY, FACT_FINANCIALS, STAR
from finance_platform.count_text import pluralize
from finance_platform.deliveries.checkpoints import drop_checkpoints
from finance_platform.errors import JobError, RebuildError
from finance_platform.feeds.values.dates import is_valid_period, next_period, periods_between
from finance_platform.quality.attributes import check_attributes, check_earlier_attributes
from finance_platform.quality.checks import Outcome
from finance_platform.quality.lost_zeros import check_codes_keep_zeros
from finance_platform.quality.processed import check_schema, check_star
from finance_platform.quality.reorganisations import check_reorganisations
from finance_platform.quality.reversals import check_reversals
from finance_platform.refresh.steps.job_requests import build_request, to_document
from finance_platform.refresh.steps.repair import (
    damage_noted,
    read_suspects,
    repair_slices,
    require_none_missing,
    require_readable,
    suspect_damaged,
)
from finance_platform.refresh.steps.step_listings import listed_between_jobs
from finance_platform.settings import StarSettings
from finance_platform.slices.adoption import adopt_slices
from finance_platform.slices.snapshot import Snapshot, take_snapshot
from finance_platform.slices.versions import TargetSlice
from finance_platform.spark_jobs.job_runner import JobRunner
from finance_platform.storage.immutable_documents import release_memory
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

_RANGES_SHOWN = 5


def expand_periods(texts: Iterable[str]) -> list[str]:
    """Return the periods that texts name, each a period YYYY-MM or a range YYYY-MM..YYYY-MM, in order and once.

    Raises:
        RebuildError: a text is neither.
    """
    periods: set[str] = set()
    for text in texts:
        first, sign, last = text.replace(" ", "").partition("..")
        last = last if sign else first
        if not (is_valid_period(first) and is_valid_period(last)) or first > last:
            raise RebuildError(
                f"{text!r} is not a period" if text else "no period is given",
                fix="give months as 2025-06, or a range of them as 2025-01..2025-06",
            )
        periods.update(periods_between(first, last))
    return sorted(periods)


@dataclass(frozen=True)
class BuiltStar:
    """What the step did.

    Attributes:
        snapshot: the processed zone afterwards; every target slice exists.
        built: the slices that were built now.
        outcomes: of the checks on the whole star.
        repaired: damaged slices that were built again, a sentence each.
        adopted: periods of which only the names of deliveries changed, and which kept their files.
    """

    snapshot: Snapshot
    built: Sequence[TargetSlice]
    outcomes: Sequence[Outcome]
    repaired: Sequence[str] = ()
    adopted: Sequence[str] = ()

    @property
    def row_count(self) -> int:
        """The rows of the slices that were built now."""
        return sum(self.snapshot.built[target.table, target.slice].row_count for target in self.built)


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
        RebuildError: a period that is to be built again has no data.
        LostDeliveryError: rows that are needed are damaged, and cannot be read again.
        DamagedObjectError: rows were found to be damaged while they were read; the next run reads them again.
    """
    processed, jobs = listed_between_jobs(processed, jobs)
    with damage_noted(processed):
        return _build_star(processed, jobs, star, rebuild)


def _build_star(processed: ObjectStore, jobs: JobRunner, star: StarSettings, rebuild: Rebuild) -> BuiltStar:
    if rebuild.is_requested and not rebuild.periods:
        drop_checkpoints(processed)
    plan = _plan(processed, star, rebuild)
    if plan.current:
        outcomes = check_whole_star(plan.current, processed)
        return BuiltStar(plan.current, (), outcomes, plan.repaired, plan.adopted)
    release_memory(plan.read_count)
    result = _run_job(processed, jobs, plan)
    reported = {tuple(name) for name in result["built"]}
    if reported != plan.requested:
        raise JobError(
            f"build_star: {len(plan.requested)} slices were requested, {len(reported)} were reported as built",
            fix="run again",
        )
    after = take_snapshot(processed, star)
    if after.to_build:
        names = ", ".join(f"{target.table} {target.slice}" for target in after.to_build)
        raise JobError(f"build_star did not build {names}", fix="run again; missing slices are built again")
    built = [target for target in after.target if (target.table, target.slice, target.version) in plan.requested]
    return BuiltStar(after, built, check_whole_star(after, processed), plan.repaired, plan.adopted)


@dataclass(frozen=True)
class _Plan:
    """What is to be built; without a delivery, because deliveries would take memory as long as the job runs.

    Attributes:
        repaired: see `BuiltStar`.
        current: the processed zone if nothing is stale.
        requested: table, slice and version of each slice.
        document: the request.
        files: the keys of the files that the job reads.
        read_count: how many deliveries have lines that the job reads.
        adopted: see `BuiltStar`.
    """

    repaired: Sequence[str]
    current: Snapshot | None = None
    requested: frozenset[tuple[str, str, str]] = frozenset()
    document: bytes = b""
    files: pa.StringArray = field(default_factory=lambda: pa.array([], pa.string()))
    read_count: int = 0
    adopted: Sequence[str] = ()


def _plan(processed: ObjectStore, star: StarSettings, rebuild: Rebuild) -> _Plan:
    before = take_snapshot(processed, star)
    require_none_missing(before.state)
    _require_known(before, rebuild)
    now, suspects = datetime.now(UTC), read_suspects(processed)
    repaired = repair_slices(processed, before, at=now)
    if repaired:
        before = take_snapshot(processed, star)
    wanted = [target for target in before.to_build if not rebuild.selects(target.table, target.slice)]
    adopted = adopt_slices(processed, before, wanted, suspects, at=now)
    before = replace(before, built={**before.built, **adopted})
    periods = sorted(period for _, period in adopted)
    missing = {(target.table, target.slice) for target in before.to_build}
    stale = [
        target
        for target in before.target
        if (target.table, target.slice) in missing or rebuild.selects(target.table, target.slice)
    ]
    if not stale:
        return _Plan(repaired, before, adopted=periods)
    history = before.history.get(ACCOUNT_HISTORY, ())
    request = build_request(before.state, before.overlaps, stale, before.settings, history)
    files = {source.file.key: source.file for source in request.files}
    require_readable(processed, before.state, files)
    if rebuild.is_requested and not rebuild.periods:
        live = {file.key for delivery in before.state.live for of in delivery.commit.files.values() for file in of}
        _raise_if_damaged(processed, live)
    requested = frozenset((target.table, target.slice, target.version) for target in stale)
    keys = pa.array(list(files), pa.string())
    read_count = len(frozenset[int]().union(*(lines.deliveries for lines in request.counted)))
    return _Plan(repaired, None, requested, to_document(request), keys, read_count, periods)


def _require_known(snapshot: Snapshot, rebuild: Rebuild) -> None:
    """Raise RebuildError if a period that is to be built again has no data."""
    known = {target.slice for target in snapshot.target if target.table == FACT_FINANCIALS.name}
    unknown = sorted(set(rebuild.periods) - known) if rebuild.is_requested else []
    if unknown:
        found = f"{_format_ranges(unknown)} to build again, and no file that counts has lines there"
        fix = (
            f"choose among the periods {_format_ranges(sorted(known))}" if known else "deliver files and refresh first"
        )
        raise RebuildError(found, fix=fix)


def _format_ranges(periods: Sequence[str]) -> str:
    """Return periods in order as text: those that follow each other as a range, the last ranges as their number."""
    ranges: list[tuple[str, str]] = []
    for period in periods:
        if ranges and next_period(ranges[-1][1]) == period:
            ranges[-1] = ranges[-1][0], period
        else:
            ranges.append((period, period))
    texts = [first if first == last else f"{first} to {last}" for first, last in ranges]
    more = len(texts) - _RANGES_SHOWN
    return ", ".join([*texts[:_RANGES_SHOWN], *([f"and {pluralize(more, 'more range')}"] if more > 0 else [])])


def _run_job(processed: ObjectStore, jobs: JobRunner, plan: _Plan) -> dict[str, Any]:
    try:
        return jobs.run("build_star", plan.document)
    except Exception:
        # Spark's own error about a damaged file is a stack trace.
        _raise_if_damaged(processed, plan.files.to_pylist())
        raise


def _raise_if_damaged(processed: ObjectStore, keys: Iterable[str]) -> None:
    if error := suspect_damaged(processed, keys):
        raise error


def check_whole_star(snapshot: Snapshot, processed: ObjectStore) -> list[Outcome]:
    """Run the checks on the built slices as a whole; they read commits and small tables, and change nothing."""
    return [
        *check_star(snapshot, processed),
        *check_attributes(snapshot, processed),
        *check_earlier_attributes(snapshot),
        check_reorganisations(snapshot, processed),
        *check_codes_keep_zeros(snapshot, processed),
        check_reversals(snapshot, processed),
    ]


def check_built(result: BuiltStar, processed: ObjectStore) -> list[Outcome]:
    """Return the outcomes of every check of the step; the files that were built now are compared with contracts."""
    return [*result.outcomes, *(check_schema(one, processed, _new_files(one, result)) for one in STAR)]


def _new_files(contract: Contract, result: BuiltStar) -> list[str]:
    built = [target for target in result.built if target.table == contract.name]
    return [file.key for target in built for file in result.snapshot.built[target.table, target.slice].files]
