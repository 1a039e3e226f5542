"""The record of the last complete run: what it left, so that a later one can be known to have nothing to do.

Belongs here: the document, when it is written, comparing the home with it. Does not belong here: what has changed in
the raw zone, what is reported (see `nothing_new`).

It can be lost without harm: the next run is then a run, and writes it again (068).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from finance_platform.code_version import current_code_versions, platform_version, trust_code_versions
from finance_platform.deliveries.commits import read_commits
from finance_platform.deliveries.current_state import may_wait, state_of
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.scans import FOLDER
from finance_platform.errors import DamagedObjectError
from finance_platform.feeds.feed_set import FeedSet, load_feed_set
from finance_platform.quality.checks import all_checks
from finance_platform.refresh.steps.full_audit import AUDITED
from finance_platform.refresh.steps.recorded_code import COMPLETE
from finance_platform.reports.pack.file_names import PACK_FILE, WORKBOOK_FILE
from finance_platform.reports.run_outcome import EvaluatedCheck
from finance_platform.reports.variance import AMOUNTS, VarianceRow, published_variance
from finance_platform.settings import Settings
from finance_platform.slices.line_counts import FOLDER as AUDITS
from finance_platform.storage.bulk_read import map_many
from finance_platform.storage.documents import parse_document
from finance_platform.storage.factory import is_remote
from finance_platform.storage.listed_once import listed_once
from finance_platform.storage.port import ObjectStore, part_ends
from finance_platform.warehouse.port import Warehouse

_NOT_COMPARED = frozenset({FOLDER, AUDITS, "jobs", "leases", "manifests", "staging"})
"""Folders of which nothing is ever repaired or derived again."""

_OF_THE_UI = frozenset({"auto_refresh", "sensor_full_look_seconds", "sensor_interval_seconds", "ui_url"})
"""Settings that start runs, or lead to them, and from which nothing follows that a run leaves: `finance-platform ui`
sets some for its processes, and the command beside it has others."""

_PLACES = {
    "home": "home_path",
    "raw_uri": "raw_root",
    "processed_uri": "processed_root",
    "warehouse_uri": "warehouse_path",
    "reports_uri": "reports_root",
}
"""Settings of which the place counts, however it is written, and the property that has it."""


@dataclass(frozen=True)
class CompleteRun:
    """What the last complete run left.

    Attributes:
        run_id: the run.
        platform: the version of the platform's files.
        settings: a hash of every setting from which follows what a run leaves.
        processed: a hash of the objects of the processed zone, with their etags.
        warehouse: the version of the warehouse's content; empty if it has none.
        packs: the etag of each file of the report pack, by name; empty if it is not there.
        alert_bytes: the size of the file of alerts, which a run sends again if they are lost.
        code: the version of each job's code; none if the platform's files were replaced during the run.
        checks: the checks as the run evaluated them.
        variance: Actual against Budget, so that nothing adds up the whole fact table again while the warehouse is the
            same; None where the warehouse's content has no version.
        parts: see `ObjectStore.expect_parts`, of the processed zone.
    """

    run_id: str
    platform: str
    settings: str
    processed: str
    warehouse: str
    packs: Mapping[str, str]
    alert_bytes: int
    code: Mapping[str, str]
    checks: Sequence[EvaluatedCheck]
    variance: Sequence[VarianceRow] | None = None
    parts: Sequence[str] = ()


def record_complete_run(
    processed: ObjectStore,
    warehouse: Warehouse,
    reports: ObjectStore,
    settings: Settings,
    *,
    run_id: str,
    checks: Sequence[EvaluatedCheck],
    platform: str,
) -> bool:
    """Record what a run left, if a second run would do nothing; return whether it is recorded.

    Args:
        processed: the processed zone; the caller holds the home's lock.
        warehouse: the warehouse.
        reports: where reports are.
        settings: the home.
        run_id: the run, which took every step and sent its alerts.
        checks: every check that it evaluated.
        platform: the version of the platform when the run's process started; another one may be on disk by now.
    """
    feed_set = load_feed_set(settings.feeds_path)
    expected = {("/".join(check.asset), check.name) for check in all_checks(feed.feed for feed in feed_set.feeds)}
    if {(check.asset, check.name) for check in checks} != expected:
        return False
    listed = listed_once(processed)
    objects = _hash_objects(listed)  # first, since a listing of everything has those of the folders
    if not _is_settled(listed, feed_set, run_id):
        return False
    version = warehouse.content_version()
    document = CompleteRun(
        run_id=run_id,
        platform=platform,
        settings=_hash(_recorded(settings)),
        processed=objects,
        warehouse=version,
        packs=_pack_etags(reports),
        alert_bytes=_alert_bytes(settings),
        # Files that were replaced during the run are not those of `platform`.
        code=current_code_versions() if platform_version() == platform else {},
        checks=checks,
        variance=published_variance(warehouse) if version else None,
        parts=part_ends(item.key for item in listed.list_objects()) if is_remote(processed.root) else (),
    )
    processed.write(COMPLETE, json.dumps(asdict(document), indent=1, default=str).encode())
    return True


def _is_settled(processed: ObjectStore, feed_set: FeedSet, run_id: str) -> bool:
    """Return whether the next run would make the same verdicts.

    A delivery that waits for others, looks rows up, or is spread like other lines, is evaluated again by each run,
    against what counts by then.
    """
    events = Register(processed).events()
    # From the end, where those of this run are: thousands are of earlier ones.
    if not any(getattr(event, "run_id", "") == run_id for event in reversed(events)):
        return True
    if any(feed.kind == "lookup" or (feed.spread and feed.spread.how.like) for feed in feed_set.feeds):
        return False
    return not may_wait(events) or not state_of(processed, events, read_commits(processed)).waiting


def discard_complete_run(processed: ObjectStore) -> None:
    """Remove the record, so that the next run is one: what it says of the checks is no longer true."""
    processed.delete(COMPLETE)


def read_complete_run(processed: ObjectStore) -> CompleteRun | None:
    """Return the record of the last complete run; None if there is none, or a later run was not complete."""
    try:
        return parse_document(COMPLETE, processed.read(COMPLETE), _parse)
    except (FileNotFoundError, DamagedObjectError):
        return None


def is_of_other_release(processed: ObjectStore) -> bool:
    """Return whether all that records a release names another one: the last complete run, the last full audit.

    Their records may have another form. A run that publishes audits every slice after an upgrade, so this release has
    stored its tables and views if only the record of the complete run names another one.
    """
    platforms = set[str]()
    for key in (COMPLETE, AUDITED):
        with suppress(FileNotFoundError, DamagedObjectError):
            platforms.add(parse_document(key, processed.read(key), lambda document: str(document["platform"])))
    return bool(platforms) and platform_version() not in platforms


def are_outputs_as_recorded(reports: ObjectStore, settings: Settings, complete: CompleteRun) -> bool:
    """Return whether the report pack and the alerts are as the last complete run left them.

    Args:
        reports: where reports are.
        settings: the home.
        complete: the record of the last complete run.
    """
    return _pack_etags(reports) == complete.packs and _alert_bytes(settings) >= complete.alert_bytes


def is_release_as_recorded(settings: Settings, complete: CompleteRun) -> bool:
    """Return whether the platform and its settings are those of the last complete run; no zone is looked at.

    Args:
        settings: the home.
        complete: the record of the last complete run.
    """
    if complete.platform != platform_version() or complete.settings != _hash(_recorded(settings)):
        return False
    trust_code_versions(complete.code)
    return True


def is_home_as_recorded(processed: ObjectStore, warehouse: Warehouse, complete: CompleteRun) -> bool:
    """Return whether the processed zone and the warehouse are as the last complete run left them.

    Args:
        processed: the processed zone; all of it is listed.
        warehouse: the warehouse.
        complete: the record of the last complete run.
    """
    processed.expect_parts(complete.parts)
    return warehouse.content_version() == complete.warehouse and _hash_objects(processed) == complete.processed


def is_compared(key: str) -> bool:
    """Return whether an object of the processed zone is one that a run would repair or derive again."""
    return key.partition("/")[0] not in _NOT_COMPARED


def _hash_objects(processed: ObjectStore) -> str:
    digest = hashlib.sha256()
    for item in processed.list_objects():
        if is_compared(item.key):
            digest.update(f"{item.key}\0{item.etag}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()[:32]


def _pack_etags(reports: ObjectStore) -> dict[str, str]:
    """Return the etags of the report pack's files, which have the time of writing in them."""
    names = (PACK_FILE, WORKBOOK_FILE)
    found = zip(names, map_many(reports, names, reports.find), strict=True)
    return {name: file.etag if file else "" for name, file in found}


def _recorded(settings: Settings) -> dict[str, Any]:
    """Return the settings from which follows what a run leaves, with absolute places."""
    places = {name: _absolute(str(getattr(settings, place))) for name, place in _PLACES.items()}
    return {**settings.model_dump(mode="json", exclude=set(_OF_THE_UI)), **places}


def _absolute(place: str) -> str:
    return place if "://" in place else str(Path(place).absolute())


def _hash(values: object) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:32]


def _alert_bytes(settings: Settings) -> int:
    path = settings.alerts_path
    return path.stat().st_size if path.is_file() else 0


def _parse(values: Mapping[str, Any]) -> CompleteRun:
    checks = tuple(EvaluatedCheck(**{**check, "evidence": tuple(check["evidence"])}) for check in values["checks"])
    variance = values["variance"]
    if variance is not None:
        variance = tuple(map(_parse_variance, variance))
    parts = tuple(map(str, values.get("parts", ())))
    return CompleteRun(**{**values, "checks": checks, "variance": variance, "parts": parts})


def _parse_variance(values: Mapping[str, Any]) -> VarianceRow:
    amounts = {name: None if values[name] is None else Decimal(values[name]) for name in AMOUNTS}
    return VarianceRow(**{**values, **amounts, "incomplete_periods": tuple(values["incomplete_periods"])})
