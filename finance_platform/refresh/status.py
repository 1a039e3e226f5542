"""The status of a home: what a refresh would find, without changing anything.

Belongs here: the use case. Does not belong here: the status document (see `reports.status`), printing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from finance_platform.deliveries.commits import read_retired
from finance_platform.deliveries.discovery import scan_raw_zone
from finance_platform.deliveries.register import Register
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.refresh.publish import freeze
from finance_platform.reports.recent_changes import closed_periods, recent_movements, stale_reasons
from finance_platform.reports.reconciliation import earlier_deliveries, reconcile
from finance_platform.reports.status import Status, StatusDetails, build_status
from finance_platform.settings import Settings
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.ledger import published_slices
from finance_platform.warehouse.port import Warehouse


def read_status(
    raw: ObjectStore,
    processed: ObjectStore,
    warehouse: Warehouse,
    settings: Settings,
    *,
    at: datetime,
    since: datetime | None = None,
    last_run: Mapping[str, Any] | None = None,
    with_all_versions: bool = False,
) -> Status:
    """Return the status of a home.

    Args:
        raw: the raw zone.
        processed: the processed zone.
        warehouse: the warehouse.
        settings: the home.
        at: now, UTC.
        since: report what moved then or later; None for the latest load.
        last_run: the home's latest run; None where there was none.
        with_all_versions: whether to add the statement of all versions, of removed ones too.
    """
    feed_set = load_feed_set(settings.feeds_path)
    scan = scan_raw_zone(raw, Register(processed), feed_set, settings, at=at, run_id="", record=False)
    ledger = published_slices(warehouse)
    versions = {name: slice_.version for name, slice_ in ledger.items()}
    frozen = freeze(processed, settings, versions, record=False)
    details = StatusDetails(
        stale_reasons=stale_reasons(processed, frozen.snapshot, ledger),
        closed=closed_periods(warehouse, frozen.snapshot.state.closed, ledger),
        movements=recent_movements(warehouse, ledger, since),
        last_run=last_run,
        frozen_periods=frozen.periods,
    )
    snapshot, currency = frozen.snapshot, settings.currency
    status = build_status(snapshot, scan, ledger, reconcile(processed, snapshot, warehouse, currency=currency), details)
    if not with_all_versions:
        return status
    earlier = earlier_deliveries(snapshot, read_retired(processed))
    return replace(status, all_versions=reconcile(processed, snapshot, warehouse, currency=currency, earlier=earlier))
