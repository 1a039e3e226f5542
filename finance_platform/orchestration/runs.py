"""Runs, as Dagster's own storage in the home records them.

Belongs here: asking for them, telling which are at work and which were killed, the tags that say where one comes from.
Does not belong here: starting runs (see `refresh`, `sensors`), how they are shown.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finance_platform.bootstrap import is_home_locked

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun

    from finance_platform.settings import Settings

STARTED_BY = "finance_platform/started_by"
COMMAND_LINE = "command line"

KILLED = "its process was killed; what it had committed stays, the rest is done anew"

STATE = "finance_platform/state"
"""Names the state of the home that a run was started for."""

ATTEMPT = "finance_platform/attempt"
CHANGES = "finance_platform/changes"
"""What had changed when a sensor started the run, in words."""


def last_run(folder: Path) -> dict[str, Any] | None:
    """Return id, job, status, start and end of the home's latest run; None where there was none.

    Dagster takes seconds to import, so a home that has never run does not pay for it.

    Args:
        folder: Dagster's storage in the home.
    """
    if not (folder / "dagster.yaml").exists():
        return None
    from dagster import DagsterInstance

    with DagsterInstance.from_config(str(folder)) as instance:
        records = instance.get_run_records(limit=1)
    if not records:
        return None
    (record,) = records
    return {
        "run_id": record.dagster_run.run_id,
        "job": record.dagster_run.job_name,
        "status": record.dagster_run.status.value,
        "started": _utc(record.start_time),
        "ended": _utc(record.end_time),
    }


def unfinished_runs(instance: DagsterInstance) -> list[DagsterRun]:
    """Return the runs that wait or work, as far as Dagster knows, whichever job or selection they are of."""
    from dagster import RunsFilter
    from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

    return list(instance.get_runs(RunsFilter(statuses=NOT_FINISHED_STATUSES)))


def fail_orphaned_runs(instance: DagsterInstance, *, of_command_line: bool) -> list[DagsterRun]:
    """Mark unfinished runs as failed, and return them; the caller knows that none of them is at work.

    Args:
        instance: Dagster's storage in the home.
        of_command_line: those of the command line, rather than those that a UI has started.
    """
    return _mark(instance, [run for run in _begun(instance) if _is_of_command_line(run) == of_command_line])


def fail_orphaned_runs_unless_locked(instance: DagsterInstance, settings: Settings) -> list[DagsterRun]:
    """Mark the command line's unfinished runs as failed, unless one is at work; return those that were marked.

    Each holds the home's lock from its beginning to its end. One that was killed would count as at work for ever, and
    keep every other run in the queue.

    Args:
        instance: Dagster's storage in the home.
        settings: the home.
    """
    unfinished = [run for run in _begun(instance) if _is_of_command_line(run)]
    # To ask for the lock takes it for a moment, so it is asked for only where somebody may have it.
    return _mark(instance, unfinished) if unfinished and not is_home_locked(settings) else []


def _begun(instance: DagsterInstance) -> list[DagsterRun]:
    from dagster import DagsterRunStatus, RunsFilter

    # One that waits in the queue goes on waiting, and the next daemon starts it.
    begun = [
        DagsterRunStatus.NOT_STARTED,
        DagsterRunStatus.STARTING,
        DagsterRunStatus.STARTED,
        DagsterRunStatus.CANCELING,
    ]
    return list(instance.get_runs(RunsFilter(statuses=begun)))


def _mark(instance: DagsterInstance, runs: list[DagsterRun]) -> list[DagsterRun]:
    for run in runs:
        instance.report_run_failed(run, KILLED)
    return [found for run in runs if (found := instance.get_run_by_id(run.run_id))]


def _is_of_command_line(run: DagsterRun) -> bool:
    return run.tags.get(STARTED_BY) == COMMAND_LINE


def _utc(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
