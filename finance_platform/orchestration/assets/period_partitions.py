"""The grid of months: an event for each slice of the fact table that a load published, a partition per period.

Belongs here: `warehouse/fact_financials_by_period`, partitions and events that follow what is published.
Does not belong here: loading (see `warehouse`), its page (see `ui.table_specs`).
The load ledger is the truth and the events follow it: the next run reports what a killed process did not report.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import dagster as dg
from dagster import DagsterEventType, DagsterInstance

from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.orchestration.ui.metadata_values import money_metadata
from finance_platform.orchestration.ui.table_specs import BY_PERIOD, PERIODS
from finance_platform.slices.commits import SliceCommit
from finance_platform.slices.snapshot import Snapshot
from finance_platform.warehouse.ledger import PublishedSlice
from finance_platform.warehouse.load_request import SliceName

_DATA_VERSION = "dagster/data_version"
_PARTITIONS = str(PERIODS.name)


def report_periods(
    context: dg.AssetExecutionContext,
    published: Mapping[SliceName, PublishedSlice],
    snapshot: Snapshot,
    restated: Mapping[str, datetime],
    *,
    loaded_now: Collection[str],
    currency: str,
) -> None:
    """Update the grid from the load ledger: its partitions, and an event for each period whose version has none.

    Args:
        context: the load step, whose events they are.
        published: what the load ledger says.
        snapshot: the commits of the published slices.
        restated: by period, when it was last restated.
        loaded_now: the periods that this step loaded, including unchanged versions that were loaded again.
        currency: the home's.
    """
    slices = {period: slice_ for (table, period), slice_ in published.items() if table == FACT_FINANCIALS.name}
    _update_partitions(context.instance, slices)
    reported = _reported_versions(context.instance)
    for period, slice_ in sorted(slices.items()):
        if period in loaded_now or reported.get(period) != slice_.version:
            commit = snapshot.built.get((FACT_FINANCIALS.name, period))
            context.log_event(_event(period, slice_, commit, restated, currency))


def _update_partitions(instance: DagsterInstance, slices: Collection[str]) -> None:
    existing = set(instance.get_dynamic_partitions(_PARTITIONS))
    new = sorted(set(slices) - existing)
    if new:
        instance.add_dynamic_partitions(_PARTITIONS, new)
    for gone in sorted(existing - set(slices)):
        instance.delete_dynamic_partition(_PARTITIONS, gone)


def _reported_versions(instance: DagsterInstance) -> dict[str, str]:
    """Return the version in the last event of each period, by one query however many there are."""
    tags = instance.event_log_storage.get_latest_tags_by_partition(
        BY_PERIOD, DagsterEventType.ASSET_MATERIALIZATION, [_DATA_VERSION]
    )
    return {period: by_name[_DATA_VERSION] for period, by_name in tags.items()}


def _event(
    period: str, slice_: PublishedSlice, commit: SliceCommit | None, restated: Mapping[str, datetime], currency: str
) -> dg.AssetMaterialization:
    amounts: dict[str, Any] = {}
    for scenario in commit.sums if commit else ():
        amounts |= money_metadata(f"amount_{scenario.scenario}", scenario.amount, currency)
    return dg.AssetMaterialization(
        BY_PERIOD,
        partition=period,
        tags={_DATA_VERSION: slice_.version},
        metadata={
            "dagster/row_count": slice_.row_count,
            **amounts,
            "load_number": slice_.load_number,
            "loaded_at": f"{slice_.loaded_at:%Y-%m-%d %H:%M:%S} UTC",
            "built_at": commit.built_at[:19] if commit else "unknown",
            "is_restated": restated.get(period) == slice_.loaded_at,
        },
    )
