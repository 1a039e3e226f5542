"""Recent changes: why slices are stale, what the last load moved, which closed periods were restated.

Belongs here: the parts of the status that need more than the snapshot. Does not belong here: the status document (see
`status`), sentences about inputs (see `slices.version_diff`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from finance_platform.contracts.model import SliceName
from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.deliveries.events import PeriodStatusChanged
from finance_platform.deliveries.state import DeliveryState
from finance_platform.money_text import plain_money
from finance_platform.reports.movements import last_movements, movement_summary, restatement_summary
from finance_platform.safe_text import quote_name
from finance_platform.slices.published import explain_stale
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.waiting_changes import WaitingChange
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.ledger import PublishedSlice
from finance_platform.warehouse.port import Queryable
from finance_platform.warehouse.statements import SqlFile, statement

NOTHING_WAITS: Mapping[str, Sequence[str]] = MappingProxyType({})

_FIRST_BUILD = "first build"
_UNKNOWN = "the inputs of the published version are no longer recorded"


def stale_reasons(
    processed: ObjectStore, snapshot: Snapshot, published: Mapping[SliceName, PublishedSlice]
) -> dict[SliceName, list[str]]:
    """Return the reasons by stale slice: the differences between the published and the target version."""
    versions = {name: slice_.version for name, slice_ in published.items()}
    names = sorted(snapshot.to_publish(versions))
    differences = explain_stale(processed, snapshot, versions, names)
    return {name: differences.get(name, [_UNKNOWN]) if name in published else [_FIRST_BUILD] for name in names}


def recent_movements(
    warehouse: Queryable, published: Mapping[SliceName, PublishedSlice], since: datetime | None = None
) -> list[dict[str, Any]]:
    """Return the movements since a time, or of the latest load, as JSON values; see `movements.movement_summary`."""
    rows = movement_summary(warehouse, since) if since else last_movements(warehouse, published.values())
    return [_as_json(row) for row in rows]


def closed_periods(
    warehouse: Queryable,
    closed: Mapping[str, PeriodStatusChanged],
    published: Mapping[SliceName, PublishedSlice],
    waiting: Mapping[str, Sequence[str]] = NOTHING_WAITS,
) -> list[dict[str, Any]]:
    """Return the closed periods: who closed each, why and when, the loads that have restated it since, what waits."""
    if not closed:
        return []
    earliest = min(datetime.fromisoformat(closing.at) for closing in closed.values())
    restatements = restatement_summary(warehouse, earliest)
    return [
        {**_closed_period(closing, restatements, published), "waiting": list(waiting.get(period, ()))}
        for period, closing in sorted(closed.items())
    ]


def waiting_by_period(state: DeliveryState, changes: Iterable[WaitingChange]) -> dict[str, list[str]]:
    """Return what waits for a decision on each closed period, a clause each: held deliveries first."""
    waiting: dict[str, list[str]] = {}
    for held in state.inactive:
        verdict = held.would_count.verdict if held.would_count else None
        status = "has late lines" if held.late else "is held"
        for period in held.late_periods or (verdict.restates if verdict else ()):
            waiting.setdefault(period, []).append(f"{quote_name(held.event.object_key)} {status}: {held.reason}")
    for change in changes:
        for period in change.periods:
            waiting.setdefault(period, []).append(change.clause)
    return {period: clauses for period, clauses in waiting.items() if period in state.closed}


def _closed_period(
    closing: PeriodStatusChanged,
    restatements: Sequence[Mapping[str, Any]],
    published: Mapping[SliceName, PublishedSlice],
) -> dict[str, Any]:
    at = datetime.fromisoformat(closing.at).astimezone(UTC).replace(tzinfo=None)
    own = [row for row in restatements if row["period"] == closing.period]
    times = sorted({row["loaded_at"] for row in own if row["loaded_at"] >= at})
    slice_ = published.get((FACT_FINANCIALS.name, closing.period))
    return {
        "period": closing.period,
        "who": closing.who,
        "why": closing.why,
        "at": closing.at,
        "is_restated": bool(times),
        "restated_at": [f"{time.isoformat()}Z" for time in times],
        "closed_version": closing.versions.get(FACT_FINANCIALS.name, ""),
        "published_version": slice_.version if slice_ else "",
    }


def _as_json(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "loaded_at": f"{row['loaded_at'].isoformat()}Z",
        "old_amount": plain_money(row["old_amount"]),
        "new_amount": plain_money(row["new_amount"]),
        "difference": plain_money(row["difference"]),
        "reclassified": plain_money(row["reclassified"]),
        "moved": plain_money(row["moved"]),
        "cause": row["cause"] or "",
    }


def untyped_accounts(warehouse: Queryable, ledger: Mapping[SliceName, PublishedSlice]) -> int:
    """Return how many accounts have lines, if none of them has a type, so that there is no statement; else 0."""
    if not ledger:
        return 0
    ((accounts, untyped),) = warehouse.query(statement(SqlFile.ACCOUNTS_WITHOUT_TYPES)).rows
    return int(untyped) if untyped == accounts else 0
