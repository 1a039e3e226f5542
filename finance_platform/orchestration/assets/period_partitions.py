"""The grid of months: a partition per period, and an event for each load of it and each change of its state.

Belongs here: `warehouse/fact_financials_by_period`, partitions and events that follow what is published.
Does not belong here: loading (see `warehouse`), its page (see `ui.table_specs`).
The load ledger is the truth and the events follow it: the next run reports what a killed process did not report.
A period that is as it was reported costs nothing: one query returns what was reported of all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP

import dagster as dg
from dagster import DagsterEventType, DagsterInstance

from finance_platform.orchestration.ui.period_grid import Grid
from finance_platform.orchestration.ui.table_specs import BY_PERIOD, PERIODS
from finance_platform.reports.period_totals import PeriodTotal
from finance_platform.safe_text import printable_line
from finance_platform.warehouse.ledger import PublishedSlice

_DATA_VERSION = "dagster/data_version"
_PARTITIONS = str(PERIODS.name)


def report_periods(
    context: dg.AssetExecutionContext,
    grid: Grid,
    restated: Mapping[str, datetime],
    *,
    loaded_now: Collection[str],
    currency: str,
) -> None:
    """Update the grid: its partitions, and an event for each published period whose version or state has none.

    Args:
        context: the load step, whose events they are.
        grid: the periods.
        restated: by period, when it was last restated.
        loaded_now: the periods that this step loaded, including unchanged versions that were loaded again.
        currency: the home's.
    """
    _update_partitions(context.instance, grid.states)
    reported = _reported(context.instance)
    for period, slice_ in sorted(grid.published.items()):
        state = grid.states[period]
        if period in loaded_now or reported.get(period) != _data_version(slice_, state):
            is_restated = restated.get(period) == slice_.loaded_at
            context.log_event(_event(period, slice_, state, grid.totals.get(period, ()), is_restated, currency))


def _update_partitions(instance: DagsterInstance, periods: Collection[str]) -> None:
    existing = set(instance.get_dynamic_partitions(_PARTITIONS))
    new = sorted(set(periods) - existing)
    if new:
        instance.add_dynamic_partitions(_PARTITIONS, new)
    for gone in sorted(existing - set(periods)):
        instance.delete_dynamic_partition(_PARTITIONS, gone)


def _reported(instance: DagsterInstance) -> dict[str, str]:
    """Return the data version in the last event of each period, by one query however many there are."""
    tags = instance.event_log_storage.get_latest_tags_by_partition(
        BY_PERIOD, DagsterEventType.ASSET_MATERIALIZATION, [_DATA_VERSION]
    )
    return {period: by_name[_DATA_VERSION] for period, by_name in tags.items()}


def _data_version(slice_: PublishedSlice, state: str) -> str:
    """Return a version that changes with rows and state; Dagster's query by partition returns no tags of our own."""
    return f"{slice_.version}-{state.replace(', ', '-')}"


def _event(
    period: str,
    slice_: PublishedSlice,
    state: str,
    totals: Collection[PeriodTotal],
    is_restated: bool,
    currency: str,
) -> dg.AssetMaterialization:
    # Whole numbers, because the UI plots only numbers and a float would round cents.
    amounts = {
        printable_line(f"{total.scenario} {total.account_type.lower()}, whole {currency}"): int(
            total.amount.to_integral_value(ROUND_HALF_UP)
        )
        for total in totals
    }
    return dg.AssetMaterialization(
        BY_PERIOD,
        partition=period,
        tags={_DATA_VERSION: _data_version(slice_, state)},
        metadata={
            "state": state,
            "dagster/row_count": slice_.row_count,
            **amounts,
            "load_number": str(slice_.load_number),
            "loaded_at": f"{slice_.loaded_at:%Y-%m-%d %H:%M:%S} UTC",
            "is_restated": is_restated,
        },
    )
