"""Recent: what stale slices wait for, what the last load moved, which closed periods were restated.

Belongs here: the parts of the status that need more than the snapshot. Does not belong here: the status document (see
`status`), sentences about inputs (see `lake.causes`), looks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from finance_platform.deliveries.register import PeriodStatusChanged
from finance_platform.reports.movements import movement_summary
from finance_platform.slices.commits import FOLDER
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.version_diff import explain_diff
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.ledger import PublishedSlice
from finance_platform.warehouse.port import Queryable

_FORGOTTEN = "what the published version was made from is not known any more"

Published = Mapping[tuple[str, str], PublishedSlice]


def why_stale(processed: ObjectStore, snapshot: Snapshot, published: Published) -> dict[tuple[str, str], list[str]]:
    """Return, by stale slice, what differs between what is published and what is wanted; current ones are left out."""
    names = {delivery_id: commit.object_key for delivery_id, commit in snapshot.commits.items()}
    wanted = {(slice_.table, slice_.slice): slice_ for slice_ in snapshot.wanted}
    told: dict[tuple[str, str], list[str]] = {}
    for name in sorted(wanted.keys() | published.keys()):
        there, asked = published.get(name), wanted.get(name)
        if there and asked and there.version == asked.version:
            continue
        new = asked.inputs if asked else None
        if there is None:
            told[name] = explain_diff(None, new, names)
            continue
        before = _inputs(processed, name, there.version)
        told[name] = [_FORGOTTEN] if before is None else explain_diff(before, new, names)
    return told


def recent_movements(warehouse: Queryable, published: Published, since: datetime | None = None) -> list[dict[str, Any]]:
    """Return what moved since a moment, or in the latest load, as JSON values; see `movements.movement_summary`."""
    if since is None:
        last = max((there.loaded_at for there in published.values()), default=None)
        if last is None:
            return []
        since = last.replace(tzinfo=UTC)
    return [_as_json(row) for row in movement_summary(warehouse, since)]


def closed_periods(
    warehouse: Queryable, closed: Mapping[str, PeriodStatusChanged], published: Published
) -> list[dict[str, Any]]:
    """Return the closed periods: by whom, why, when, and the loads that have restated them since."""
    if not closed:
        return []
    earliest = min(datetime.fromisoformat(closing.at) for closing in closed.values())
    moved = [row for row in movement_summary(warehouse, earliest) if row["is_restatement"]]
    return [_closed(closing, moved, published) for _, closing in sorted(closed.items())]


def _closed(closing: PeriodStatusChanged, moved: Sequence[Mapping[str, Any]], published: Published) -> dict[str, Any]:
    at = datetime.fromisoformat(closing.at).astimezone(UTC).replace(tzinfo=None)
    times = sorted({row["loaded_at"] for row in moved if row["period"] == closing.period and row["loaded_at"] >= at})
    there = published.get(("fact_financials", closing.period))
    return {
        "period": closing.period,
        "who": closing.who,
        "why": closing.why,
        "at": closing.at,
        "is_restated": bool(times),
        "restated_at": [f"{moment.isoformat()}Z" for moment in times],
        "closed_version": closing.versions.get("fact_financials", ""),
        "published_version": there.version if there else "",
    }


def _as_json(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "loaded_at": f"{row['loaded_at'].isoformat()}Z",
        "difference": f"{row['difference']:.2f}",
        "reclassified": f"{row['reclassified']:.2f}",
        "moved": f"{row['moved']:.2f}",
        "cause": row["cause"] or "",
    }


def _inputs(processed: ObjectStore, name: tuple[str, str], version: str) -> Mapping[str, Any] | None:
    """Return what a version was made from; of one that another release wrote, too."""
    try:
        document: dict[str, Any] = json.loads(processed.read(f"{FOLDER}/{name[0]}/{name[1]}/{version}.json"))
    except FileNotFoundError:
        return None
    return document.get("inputs")
