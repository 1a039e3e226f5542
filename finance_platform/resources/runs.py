"""Runs, as Dagster's own storage in the home records them.

Belongs here: asking for the last one. Does not belong here: starting runs (see `refresh`), how they are shown.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any


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


def _utc(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
