"""The record of the last audit of every slice, on which the audits of single loads build.

Belongs here: the document, and whether a load may rely on it. Does not belong here: the checks (see
`quality.invariants`).

A load audits the slices that it replaces: the others passed when they were loaded, and nothing but a load writes them.
That holds as long as every slice has passed since, with the checks of this release, and nothing else has written to the
warehouse. If that is not known, the next load audits everything, as it does if the record is lost (151).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from finance_platform.code_version import platform_version
from finance_platform.errors import DamagedObjectError
from finance_platform.slices.line_counts import FOLDER
from finance_platform.storage.documents import parse_document
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.port import Warehouse

if TYPE_CHECKING:
    from finance_platform.quality.invariants import Audit, AuditScope

AUDITED = f"{FOLDER}/full.json"
OLDEST = timedelta(hours=36)
"""A day and a half: an audit each night keeps the record younger."""
CLOCKS_DIFFER = timedelta(hours=1)
"""How far ahead the clock of the machine that audited may be."""


@dataclass(frozen=True)
class FullAudit:
    """An audit of every slice that found nothing.

    Attributes:
        at: when, ISO 8601 UTC.
        platform: the version of the platform, whose checks ran.
        warehouse: the version of the warehouse's content after the last load; empty if it has none.
    """

    at: str
    platform: str
    warehouse: str

    def is_old(self, now: datetime) -> bool:
        """Return whether every slice should be audited again."""
        return now - datetime.fromisoformat(self.at) > OLDEST


@dataclass(frozen=True)
class Audited:
    """Which slices the blocking checks have read.

    Attributes:
        periods: the periods that the load has replaced; None for every slice.
        last_full: when every slice last passed, ISO 8601 UTC; empty if that is not known.
    """

    periods: tuple[str, ...] | None
    last_full: str


EVERYTHING = Audited(None, "")


def last_full_audit(processed: ObjectStore) -> FullAudit | None:
    """Return the record; None if the last full audit found something, or there was none."""
    try:
        return parse_document(AUDITED, processed.read(AUDITED), _parse)
    except (FileNotFoundError, DamagedObjectError):
        return None


def find_changed_audit(processed: ObjectStore, now: datetime) -> DamagedObjectError | None:
    """Return what is wrong with the record; None if a load may use it, or audits everything without it.

    Args:
        processed: the processed zone.
        now: UTC.
    """
    try:
        last = parse_document(AUDITED, processed.read(AUDITED), _parse)
    except FileNotFoundError:
        return None
    except DamagedObjectError as error:
        return error
    if datetime.fromisoformat(last.at) > now + CLOCKS_DIFFER:
        return DamagedObjectError(AUDITED, f"it says that every slice was audited at {last.at}, which is in the future")
    return None


def reliable_audit(processed: ObjectStore, warehouse: Warehouse) -> FullAudit | None:
    """Return the record if the slices that a load does not replace are known to be as they were loaded.

    Args:
        processed: the processed zone.
        warehouse: the warehouse, before the load.
    """
    last = last_full_audit(processed)
    if last is None or last.warehouse != warehouse.content_version() or last.platform != platform_version():
        return None
    return last


def record_full_audit(processed: ObjectStore, warehouse: Warehouse, *, at: datetime) -> FullAudit:
    """Record that every slice passes; the caller holds the home's lock."""
    audit = FullAudit(at.astimezone(UTC).isoformat(timespec="seconds"), platform_version(), warehouse.content_version())
    _write(processed, audit)
    return audit


def follow_load(processed: ObjectStore, warehouse: Warehouse, last: FullAudit) -> None:
    """Note what the warehouse is like after a load that passed its own audit."""
    after = replace(last, warehouse=warehouse.content_version())
    if after != last:
        _write(processed, after)


def discard_full_audit(processed: ObjectStore) -> None:
    """Remove the record, after an audit that found something: the next load audits everything."""
    processed.delete(AUDITED)


def follow_audit(
    processed: ObjectStore,
    warehouse: Warehouse,
    audit: Audit,
    scope: AuditScope | None,
    last: FullAudit | None,
    *,
    is_loaded: bool,
    at: datetime,
) -> Audited:
    """Keep the record of the last audit of every slice; audit every slice if the record is old, without a lock.

    Args:
        processed: the processed zone.
        warehouse: the warehouse, after the load.
        audit: the load's; it takes the outcomes of the further one, if that finds something.
        scope: what the load's audit has read; None for everything.
        last: the record; None if it is not known that every slice passes.
        is_loaded: whether what was audited is published.
        at: now, UTC.
    """
    periods = None if scope is None else tuple(sorted(scope.periods))
    if scope is not None and last is not None and is_loaded:
        if not last.is_old(at):
            follow_load(processed, warehouse, last)
            return Audited(periods, last.at)
        audit.repeat(warehouse)
        periods = None
    if periods is not None:
        return Audited(periods, last.at if last else "")
    if is_loaded and all(outcome.passed for outcome in audit.outcomes or ()):
        return Audited(None, record_full_audit(processed, warehouse, at=at).at)
    discard_full_audit(processed)
    return Audited(None, "")


def _write(processed: ObjectStore, audit: FullAudit) -> None:
    processed.write(AUDITED, json.dumps(asdict(audit), indent=1).encode())


def _parse(values: Mapping[str, Any]) -> FullAudit:
    audit = FullAudit(**values)
    if datetime.fromisoformat(audit.at).tzinfo is None:
        raise ValueError(f"{audit.at} has no time zone")
    return audit
