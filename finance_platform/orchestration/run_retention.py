"""The retention of runs: old runs and their events leave Dagster's storage, but for those that its pages need.

Belongs here: which runs may go, and their removal. Does not belong here: when it happens (see `sensors`,
`refresh_run`), data of the processed zone (see `slices.retention`).

`DagsterInstance.delete_run` takes the events of a run's assets with it, also from the history of each asset. So runs
stay if a page, a figure on it or a later run reads their events.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

import dagster as dg
from dagster import DagsterInstance, DagsterRunStatus

from finance_platform.orchestration.assets.delivery_events import EVENTS_AT_ONCE
from finance_platform.orchestration.ui.feed_specs import DELIVERIES

AT_ONCE = 200
"""Of how many runs a tick or a run of the command line removes at most: each takes some milliseconds."""

NEWEST_RUNS = 20
"""So many runs stay however old they are: retries count the attempts among them."""

NEWEST_ARRIVALS = 24
"""Of a feed's timeline: two years of monthly files."""

_PAGE = 500
_FINISHED = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]

_Fetch = Callable[..., dg.EventRecordsResult]


def purge_runs(instance: DagsterInstance, folder: Path, days: int, at: datetime, *, complete: str = "") -> int:
    """Remove finished runs that began before the retention, the oldest first; return how many.

    Args:
        instance: Dagster's storage in the home.
        folder: where it is; runs have files there, unless they are in a database and in a bucket that expires them.
        days: the retention; 0 keeps every run.
        at: now, UTC.
        complete: the run that the record of the last complete run names.
    """
    if not days:
        return 0
    old = dg.RunsFilter(statuses=_FINISHED, created_before=at - timedelta(days=days))
    if not instance.get_run_records(old, limit=1):
        return 0
    newest = instance.get_run_records(limit=NEWEST_RUNS)
    needed = {record.dagster_run.run_id for record in newest} | {complete} | _needed_by_assets(instance)
    # The oldest runs are needed most often: the last event of an asset that no run makes any more.
    removed = islice((run_id for run_id in _run_ids(instance, old) if run_id not in needed), AT_ONCE)
    count = 0
    for run_id in list(removed):
        instance.delete_run(run_id)
        _remove_files(folder, run_id)
        count += 1
    return count


def _remove_files(folder: Path, run_id: str) -> None:
    """Remove a run's file of events, which Dagster empties and leaves as large as it was, and the logs of its steps."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        (folder / "history" / "runs" / f"{run_id}.db{suffix}").unlink(missing_ok=True)
    logs = folder / "storage" / run_id
    if logs.is_dir():
        shutil.rmtree(logs)


def _run_ids(instance: DagsterInstance, chosen: dg.RunsFilter) -> Iterator[str]:
    """Yield the runs of a filter, the oldest first."""
    last: str | None = None
    while records := instance.get_run_records(chosen, limit=_PAGE, ascending=True, cursor=last):
        for record in records:
            last = record.dagster_run.run_id
            yield last


def _needed_by_assets(instance: DagsterInstance) -> set[str]:
    """Return the runs with the last event of each asset and of each of its partitions, and of the feeds' timelines."""
    needed: set[str] = set()
    for key in instance.get_asset_keys():
        is_timeline = key.path[0] == DELIVERIES
        needed |= _runs_of_newest(instance.fetch_materializations, key, NEWEST_ARRIVALS if is_timeline else 1)
        needed |= _runs_of_newest(instance.fetch_observations, key, EVENTS_AT_ONCE if is_timeline else 1)
    return needed


def _runs_of_newest(fetch: _Fetch, key: dg.AssetKey, count: int) -> set[str]:
    """Return the runs of the newest events of an asset; if it has partitions, of the newest of each."""
    runs: set[str] = set()
    by_partition: dict[str | None, int] = {}
    cursor: str | None = None
    while True:
        page = fetch(key, limit=_PAGE if by_partition else count, cursor=cursor)
        for record in page.records:
            seen = by_partition[record.partition_key] = by_partition.get(record.partition_key, 0) + 1
            if seen <= count:
                runs.add(record.event_log_entry.run_id)
        cursor = page.cursor
        if not page.has_more or by_partition.keys() <= {None}:
            return runs
