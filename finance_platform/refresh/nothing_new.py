"""A run with nothing new: the proof that a run would do nothing, and what it would report.

Belongs here: the record of a complete run, and comparing the home with it. Does not belong here: starting a run (see
`orchestration.refresh_run`), Dagster's records of runs (see `orchestration.nothing_new`).

The proof is that nothing that a run reads or repairs differs from what the last complete run left: its inputs, the
processed zone object by object, the warehouse, the report, the platform and its settings. Whatever cannot be proved so
starts a run, which does as much as ever (068).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from finance_platform.code_version import (
    JOBS,
    current_code_version,
    platform_version,
    trust_code_versions,
)
from finance_platform.deliveries.changes import detect_changes
from finance_platform.deliveries.commits import read_commits
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.scans import FOLDER, fingerprint_config
from finance_platform.deliveries.state import derive_state
from finance_platform.errors import DamagedObjectError, FinancePlatformError
from finance_platform.feeds.feed_set import FeedSet, load_feed_set
from finance_platform.quality.checks import all_checks
from finance_platform.refresh.publish import publish
from finance_platform.refresh.report import REPORT_FILE
from finance_platform.refresh.status import read_status
from finance_platform.reports.run_outcome import EvaluatedCheck
from finance_platform.reports.status import Status
from finance_platform.reports.variance import VarianceRow, as_csv, variance_rows
from finance_platform.settings import Settings
from finance_platform.storage.documents import parse_document
from finance_platform.storage.listed_once import listed_once
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.port import Warehouse

COMPLETE = f"{FOLDER}/complete.json"
"""Beside the records of scans, which go with it: a run that completes a refresh removes it and writes it again."""

_NOT_COMPARED = frozenset({FOLDER, "jobs", "leases", "manifests", "staging"})
"""Folders of which nothing is ever repaired or derived again."""


@dataclass(frozen=True)
class CompleteRun:
    """What the last complete run left.

    Attributes:
        run_id: the run.
        platform: the version of the platform's files.
        settings: a hash of every setting.
        processed: a hash of the objects of the processed zone, with their etags.
        warehouse: the version of the warehouse's content; empty if it has none.
        alert_bytes: the size of the file of alerts, which a run sends again if they are lost.
        code: the version of each job's code.
        checks: the checks as the run evaluated them.
    """

    run_id: str
    platform: str
    settings: str
    processed: str
    warehouse: str
    alert_bytes: int
    code: Mapping[str, str]
    checks: Sequence[EvaluatedCheck]


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


def record_complete_run(
    processed: ObjectStore,
    warehouse: Warehouse,
    settings: Settings,
    *,
    run_id: str,
    checks: Sequence[EvaluatedCheck],
) -> bool:
    """Record what a run left, if a second run would do nothing; return whether it is recorded.

    Args:
        processed: the processed zone; the caller holds the home's lock.
        warehouse: the warehouse.
        settings: the home.
        run_id: the run, which took every step and sent its alerts.
        checks: every check that it evaluated.
    """
    feed_set = load_feed_set(settings.feeds_path)
    expected = {("/".join(check.asset), check.name) for check in all_checks(feed.feed for feed in feed_set.feeds)}
    if {(check.asset, check.name) for check in checks} != expected or not _is_settled(processed, feed_set, run_id):
        return False
    document = CompleteRun(
        run_id=run_id,
        platform=platform_version(),
        settings=_hash(settings.model_dump(mode="json")),
        processed=_hash_objects(processed),
        warehouse=warehouse.content_version(),
        alert_bytes=_alert_bytes(settings),
        code={job: current_code_version(job) for job in JOBS},
        checks=checks,
    )
    processed.write(COMPLETE, json.dumps(asdict(document), indent=1).encode())
    return True


def _is_settled(processed: ObjectStore, feed_set: FeedSet, run_id: str) -> bool:
    """Return whether the next run would make the same verdicts.

    A delivery that waits for others, or looks rows up, is evaluated again by each run, against what counts by then.
    """
    events = Register(processed).events()
    if not any(getattr(event, "run_id", "") == run_id for event in events):
        return True
    has_lookups = any(feed.kind == "lookup" for feed in feed_set.feeds)
    return not has_lookups and not derive_state(events, read_commits(processed)).waiting


def read_complete_run(processed: ObjectStore) -> CompleteRun | None:
    """Return the record of the last complete run; None if there is none, or a later run was not complete."""
    try:
        return parse_document(COMPLETE, processed.read(COMPLETE), _parse)
    except (FileNotFoundError, DamagedObjectError):
        return None


def trust_recorded_code(complete: CompleteRun | None) -> None:
    """Take the versions of the jobs' code from the record if it was made by the same files of the platform.

    Deriving them means parsing a hundred modules, which takes longer than everything else that a small command does.
    """
    if complete and complete.platform == platform_version():
        trust_code_versions(complete.code)


def find_nothing_new(
    raw: ObjectStore,
    processed: ObjectStore,
    warehouse: Warehouse,
    reports: ObjectStore,
    settings: Settings,
    complete: CompleteRun,
    *,
    at: datetime,
    last_run: Mapping[str, Any] | None,
) -> NothingNew | None:
    """Return what a run would report, if it is certain that it would change nothing; None if it is not.

    Nothing is written, and no file of the raw zone is read.

    Args:
        raw: the raw zone.
        processed: the processed zone; the caller holds the home's lock.
        warehouse: the warehouse.
        reports: where reports are.
        settings: the home.
        complete: the record of the last complete run.
        at: now, UTC.
        last_run: the home's latest run.
    """
    listed, raw = listed_once(processed), listed_once(raw)
    try:
        if not _is_as_recorded(listed, warehouse, settings, complete) or _has_changes(raw, listed, settings, at):
            return None
        status = read_status(raw, listed, warehouse, settings, at=at, last_run=last_run)
        if status.is_broken or status.is_stale:
            return None
        if not complete.warehouse and not _is_published_as_recorded(processed, warehouse, settings, complete, at):
            return None
        variance = variance_rows(warehouse)
        if reports.read(REPORT_FILE) != as_csv(variance).encode():
            return None
    except (FinancePlatformError, OSError):
        return None  # the run that starts instead reports or repairs what is wrong
    return NothingNew(complete.run_id, complete.checks, status, variance)


def _is_as_recorded(processed: ObjectStore, warehouse: Warehouse, settings: Settings, complete: CompleteRun) -> bool:
    if complete.platform != platform_version() or complete.settings != _hash(settings.model_dump(mode="json")):
        return False
    trust_code_versions(complete.code)
    return (
        warehouse.content_version() == complete.warehouse
        and _alert_bytes(settings) >= complete.alert_bytes
        and _hash_objects(processed) == complete.processed
    )


def _is_published_as_recorded(
    processed: ObjectStore, warehouse: Warehouse, settings: Settings, complete: CompleteRun, at: datetime
) -> bool:
    """Take the load's step, which has nothing to load; return whether its checks have the recorded results."""
    publication = publish(processed, warehouse, settings, clock=lambda: at, run_id=complete.run_id)
    evaluated = {EvaluatedCheck.of(outcome) for outcome in publication.outcomes}
    return publication.load is None and evaluated <= set(complete.checks)


def _has_changes(raw: ObjectStore, processed: ObjectStore, settings: Settings, at: datetime) -> bool:
    config = fingerprint_config(load_feed_set(settings.feeds_path), settings)
    changes = detect_changes(raw, processed, config, at)
    # The sensor leaves a file alone while somebody may be writing it; a person's run reads it as it is.
    return bool(changes.changes or changes.still_being_written)


def _hash_objects(processed: ObjectStore) -> str:
    digest = hashlib.sha256()
    for item in processed.list_objects():
        if item.key.partition("/")[0] not in _NOT_COMPARED:
            digest.update(f"{item.key}\0{item.etag}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()[:32]


def _hash(values: object) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:32]


def _alert_bytes(settings: Settings) -> int:
    path = settings.alerts_path
    return path.stat().st_size if path.is_file() else 0


def _parse(values: Mapping[str, Any]) -> CompleteRun:
    checks = tuple(EvaluatedCheck(**{**check, "evidence": tuple(check["evidence"])}) for check in values["checks"])
    return CompleteRun(**{**values, "checks": checks})
