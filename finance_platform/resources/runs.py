"""Runs, as Dagster's own storage in the home records them.

Belongs here: asking for them, telling which are at work and which were killed, the tags that say where one comes from.
Does not belong here: starting runs (see `refresh`, `sensors`), how they are shown.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finance_platform.lake.lock import is_locked

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun

STARTED_BY = "finance_platform/started_by"
COMMAND_LINE = "command line"

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


def runs_at_work(instance: DagsterInstance, job_name: str, home: Path) -> list[DagsterRun]:
    """Return the runs of a job that wait or work, the killed ones of the command line aside.

    Args:
        instance: Dagster's storage in the home.
        job_name: the job.
        home: the home, whose lock a run of the command line holds from its beginning to its end.
    """
    from dagster import DagsterRunStatus, RunsFilter

    statuses = [
        DagsterRunStatus.QUEUED,
        DagsterRunStatus.NOT_STARTED,
        DagsterRunStatus.STARTING,
        DagsterRunStatus.STARTED,
        DagsterRunStatus.CANCELING,
    ]
    runs = instance.get_runs(RunsFilter(job_name=job_name, statuses=statuses))
    if any(_is_of_command_line(run) for run in runs) and not is_locked(home):
        return [run for run in runs if not _is_of_command_line(run)]
    return list(runs)


def mark_killed(instance: DagsterInstance, *, only_of_command_line: bool) -> None:
    """Mark unfinished runs as failed; the caller knows that none of them can be at work.

    Args:
        instance: Dagster's storage in the home.
        only_of_command_line: leave those that a UI has started, which may be at work beside.
    """
    from dagster import DagsterRunStatus, RunsFilter

    unfinished = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
    if only_of_command_line:
        # Nothing takes one of its runs out of a queue, so it cannot begin any more.
        unfinished.append(DagsterRunStatus.NOT_STARTED)
    for run in instance.get_runs(RunsFilter(statuses=unfinished)):
        if _is_of_command_line(run) or not only_of_command_line:
            instance.report_run_failed(
                run, "its process was killed; what it had committed stays, the rest is done anew"
            )


def _is_of_command_line(run: DagsterRun) -> bool:
    return run.tags.get(STARTED_BY) == COMMAND_LINE


def _utc(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
