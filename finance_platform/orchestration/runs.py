"""Runs in Dagster's own storage: finding them, and failing those whose process was killed.

Belongs here: queries of runs, their tags. Does not belong here: starting runs (see `refresh_run`, `sensors`), printing.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finance_platform.bootstrap import is_home_locked
from finance_platform.errors import DagsterStorageError, HomeError
from finance_platform.orchestration.dagster_storage import (
    RecordedRun,
    RecordsElsewhereError,
    find_damaged_storage,
    has_recorded,
    read_last_run,
    read_states,
)

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun

    from finance_platform.settings import Settings

_log = logging.getLogger(__name__)

STARTED_BY = "finance_platform/started_by"
COMMAND_LINE = "command line"

# Dagster's own tags, which its public API does not name.
MAX_RETRIES_TAG = "dagster/max_retries"
RETRY_STRATEGY_TAG = "dagster/retry_strategy"
WILL_RETRY_TAG = "dagster/will_retry"

KILLED = "its process was killed; what it had committed stays, and the next run does the rest"

_LEFT_TO_DAGSTER = timedelta(minutes=2)
"""How long after the last event of a run Dagster finds out by itself that its process is gone: it looks each minute."""

_STARTED = frozenset({"NOT_STARTED", "STARTING", "STARTED", "CANCELING"})
"""Dagster's states of a run that has a process, or had one that was killed; the next daemon starts the queued ones."""

SUCCESS = "SUCCESS"
"""Dagster's state of a run that succeeded."""

UNKNOWN = "UNKNOWN"
"""The status of the last run where Dagster's storage cannot be opened."""

STATE = "finance_platform/state"
"""The tag for the state of the home that a run was started for."""

ATTEMPT = "finance_platform/attempt"
CHANGES = "finance_platform/changes"
"""The tag that describes what had changed when a sensor started the run."""

ATTENTION = "finance_platform/attention"
"""The tag of a run that did all it could, and in which a check failed: how many, as the list of runs shows it."""


def has_configuration(folder: Path) -> bool:
    """Return whether Dagster's folder has a configuration.

    Raises:
        HomeError: it is not a plain file; Dagster would wait for a program that writes into a named pipe.
    """
    configuration = folder / "dagster.yaml"
    if configuration.exists() and not configuration.is_file():
        raise HomeError(f"{configuration} is not a plain file", fix="remove it; it is then written again")
    return configuration.exists()


def last_run(folder: Path) -> dict[str, Any] | None:
    """Return id, job, status, start and end of the home's latest run; None without a run or if its storage is damaged.

    Importing Dagster takes most of a second, so its SQLite file is read without it, and Dagster is asked only where
    that does not succeed (067). Its storage cannot be opened on a disk that is full or read-only: then the status is
    UNKNOWN and `error` has the reason, since every other figure of such a home can be read.

    Args:
        folder: Dagster's storage in the home.
    """
    try:
        if not has_configuration(folder) or _is_damaged(folder):
            return None
        record = _latest_record(folder)
    except (DagsterStorageError, OSError) as error:
        reason = error.found if isinstance(error, DagsterStorageError) else f"{folder}: {error.strerror}"
        return {"run_id": "", "job": "", "status": UNKNOWN, "started": None, "ended": None, "error": reason}
    if record is None:
        return None
    return {
        "run_id": record.run_id,
        "job": record.job,
        "status": record.status,
        "started": _utc(record.started),
        "ended": _utc(record.ended),
    }


def _is_damaged(folder: Path) -> bool:
    """Return whether files of Dagster's storage are damaged, after a warning about each."""
    damaged = find_damaged_storage(folder)
    for path, why in damaged.items():
        _log.warning("%s is damaged (%s): the next run sets it aside; no figure is in it", path, why)
    return bool(damaged)


def _latest_record(folder: Path) -> RecordedRun | None:
    with suppress(RecordsElsewhereError):
        return read_last_run(folder)
    with _ask_dagster(folder) as instance:
        records = instance.get_run_records(limit=1)
    if not records:
        return None
    run = records[0].dagster_run
    return RecordedRun(run.run_id, run.job_name, run.status.value, records[0].start_time, records[0].end_time)


@contextmanager
def _ask_dagster(folder: Path) -> Iterator[DagsterInstance]:
    from dagster import DagsterInstance

    from finance_platform.orchestration.storage_errors import storage_errors

    with storage_errors(folder), DagsterInstance.from_config(str(folder)) as instance:
        yield instance


def is_history_complete(folder: Path, run_id: str) -> bool:
    """Return whether Dagster's storage is whole, has a run, and has no run of the command line that was killed.

    If not, the next run repairs it: it writes the events beside the assets again, and ends what was killed.

    Args:
        folder: Dagster's storage in the home.
        run_id: the last complete run.
    """
    if not has_configuration(folder) or find_damaged_storage(folder):
        return False
    with suppress(RecordsElsewhereError):
        states = read_states(folder, STARTED_BY, COMMAND_LINE)
        return has_recorded(folder, run_id) and states.isdisjoint(_STARTED)
    with _ask_dagster(folder) as instance:
        return instance.has_run(run_id) and not any(map(is_from_command_line, _started_runs(instance)))


def unfinished_runs(instance: DagsterInstance) -> list[DagsterRun]:
    """Return the runs of every job that wait or are in progress, according to Dagster."""
    from dagster import DagsterRunStatus, RunsFilter

    finished = {DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED}
    unfinished = [status for status in DagsterRunStatus if status not in finished]
    return list(instance.get_runs(RunsFilter(statuses=unfinished)))


def fail_orphaned_runs(instance: DagsterInstance, *, from_command_line: bool) -> list[DagsterRun]:
    """Mark unfinished runs as failed, and return them; the caller must know that none of them has a process.

    Args:
        instance: Dagster's storage in the home.
        from_command_line: whether to mark the runs of the command line, or else those of UIs.
    """
    return _fail(instance, [run for run in _started_runs(instance) if is_from_command_line(run) == from_command_line])


def fail_orphaned_runs_unless_locked(instance: DagsterInstance, settings: Settings) -> list[DagsterRun]:
    """Mark the command line's unfinished runs as failed, unless one is in progress; return those that were marked.

    Each holds the home's lock from start to end. A killed run would count as in progress forever, and keep every other
    run in the queue.

    Args:
        instance: Dagster's storage in the home.
        settings: the home.
    """
    unfinished = [run for run in _started_runs(instance) if is_from_command_line(run)]
    # Checking the lock takes it for a moment, so check only if a run may hold it.
    return _fail(instance, unfinished) if unfinished and not is_home_locked(settings) else []


def fail_runs_without_process(instance: DagsterInstance, settings: Settings, at: datetime) -> list[DagsterRun]:
    """Mark runs of a UI whose process is gone as failed, and return them.

    Dagster's code server does so for the runs that it has started, by a thread that ends with the first error, as of a
    full disk. From then on such a run counts as in progress for ever, and every other run waits for it (452).

    Args:
        instance: Dagster's storage in the home.
        settings: the home; a run of another container, whose process cannot be seen, holds its lock.
        at: now, UTC; a run that recorded something in the last minutes is left to Dagster, which knows the exit code.
    """
    from dagster import DefaultRunLauncher

    if not isinstance(instance.run_launcher, DefaultRunLauncher):
        return []  # its processes are on other machines, and Dagster's monitoring asks about them
    of_uis = [run for run in _started_runs(instance) if not is_from_command_line(run)]
    lost = [run for run in of_uis if _has_lost_process(instance, run, at)]
    return _fail(instance, lost) if lost and not is_home_locked(settings) else []


def _has_lost_process(instance: DagsterInstance, run: DagsterRun, at: datetime) -> bool:
    from dagster import DagsterEventType

    entries = instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT)
    events = [entry.dagster_event.engine_event_data.metadata for entry in entries if entry.dagster_event]
    processes = [str(metadata["pid"].value) for metadata in events if "pid" in metadata]
    if not processes or _is_process_alive(int(processes[-1])):
        return False
    last = max(entry.timestamp for entry in instance.all_logs(run.run_id))
    return datetime.fromtimestamp(last, UTC) + _LEFT_TO_DAGSTER < at


def _is_process_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        # The code server waits for a process that has ended only when it starts the next one. Linux says so here.
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return True


def _started_runs(instance: DagsterInstance) -> list[DagsterRun]:
    from dagster import DagsterRunStatus, RunsFilter

    return list(instance.get_runs(RunsFilter(statuses=[DagsterRunStatus(name) for name in sorted(_STARTED)])))


def is_from_command_line(run: DagsterRun) -> bool:
    """Return whether a run is one of the command line; a re-execution in the UI has the tags of the run it repeats."""
    return run.tags.get(STARTED_BY) == COMMAND_LINE and run.parent_run_id is None


def _fail(instance: DagsterInstance, runs: list[DagsterRun]) -> list[DagsterRun]:
    for run in runs:
        instance.report_run_failed(run, KILLED)
    return [failed for run in runs if (failed := instance.get_run_by_id(run.run_id))]


def _utc(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
