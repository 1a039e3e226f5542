"""A run with nothing new: the proof that a run would do nothing, and what it would report.

Belongs here: the changes that a run would process, and the report without a run. Does not belong here: what a complete
run leaves (see `complete_run`), starting a run (see `orchestration.refresh_run`), Dagster's records of runs (see
`orchestration.nothing_new`).

The proof is that nothing that a run reads or repairs differs from what the last complete run left: its inputs, the
processed zone object by object, the warehouse, the report, the platform and its settings. Whatever cannot be proved so
starts a run, which does as much as ever (068).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from finance_platform.errors import FinancePlatformError
from finance_platform.home import Home
from finance_platform.refresh.known_status import identify_home, read_known_status, record_status
from finance_platform.refresh.status import read_status
from finance_platform.refresh.steps.complete_run import CompleteRun, are_outputs_as_recorded
from finance_platform.refresh.steps.publish import publish
from finance_platform.refresh.steps.report import REPORT_FILE
from finance_platform.reports.run_outcome import EvaluatedCheck
from finance_platform.reports.status import Status
from finance_platform.reports.variance import VarianceRow, as_csv, variance_rows
from finance_platform.storage.port import ObjectStore


@dataclass(frozen=True)
class NothingNew:
    """What a run with nothing new would report.

    Attributes:
        run_id: the last complete run.
        checks: the checks, which a run would evaluate to the same results.
        status: the status of the home.
        variance: Actual against Budget.
    """

    run_id: str
    checks: Sequence[EvaluatedCheck]
    status: Status
    variance: Sequence[VarianceRow]


def find_nothing_new(
    home: Home,
    reports: ObjectStore,
    complete: CompleteRun,
    *,
    at: datetime,
    last_run: Mapping[str, Any] | None,
) -> NothingNew | None:
    """Return what a run would report, if it is certain that it would change nothing; None if it is not.

    No file of the raw zone is read, and nothing is written but the status that is reported, for the next time.

    Args:
        home: the home; the caller holds its lock.
        reports: where reports are.
        complete: the record of the last complete run.
        at: now, UTC.
        last_run: the home's latest run.
    """
    listed = home.listed_once()
    try:
        if not are_outputs_as_recorded(reports, home.settings, complete):
            return None
        identity = identify_home(listed, complete, at)
        if not identity:
            return None
        known = read_known_status(listed.processed, identity, last_run) if complete.warehouse else None
        status = known or read_status(listed, at=at, last_run=last_run)
        if status.is_broken or status.is_stale or any(damage["fix"] for damage in status.details.damage):
            return None
        if not complete.warehouse and not _is_published_as_recorded(home, complete, at):
            return None
        variance = variance_rows(home.warehouse) if complete.variance is None else complete.variance
        if reports.read(REPORT_FILE) != as_csv(variance).encode():
            return None
        if known is None and complete.warehouse:
            record_status(home.processed, identity, status)
    except (FinancePlatformError, OSError):
        return None  # the run that starts instead reports or repairs what is wrong
    return NothingNew(complete.run_id, complete.checks, status, variance)


def _is_published_as_recorded(home: Home, complete: CompleteRun, at: datetime) -> bool:
    """Take the load's step, which has nothing to load; return whether its checks have the recorded results."""
    publication = publish(home, clock=lambda: at, run_id=complete.run_id)
    evaluated = {_finding(EvaluatedCheck.of(outcome)) for outcome in publication.outcomes}
    return publication.load is None and evaluated <= set(map(_finding, complete.checks))


def _finding(check: EvaluatedCheck) -> EvaluatedCheck:
    """Return what a check has found; one that passes says how much it looked at, which is less after a load."""
    return replace(check, summary="") if check.passed else check
