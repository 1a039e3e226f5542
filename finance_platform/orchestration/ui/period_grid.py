"""The grid of months: which periods there are after a load, and the state of each.

Belongs here: states and figures of periods. Does not belong here: events (see `assets.period_partitions`), the table on
the fact table's page (see `warehouse_metadata`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.refresh.steps.publish import Publication
from finance_platform.reports.period_totals import PeriodTotal
from finance_platform.warehouse.ledger import PublishedSlice


@dataclass(frozen=True)
class Grid:
    """The periods of the fact table after a load.

    Attributes:
        published: by period, what the load ledger says.
        states: by period, published or not: `published`, `closed`, either of them and `stale`, or `built`, which is not
            published yet.
        totals: by period, revenue and expense by scenario.
    """

    published: Mapping[str, PublishedSlice]
    states: Mapping[str, str]
    totals: Mapping[str, list[PeriodTotal]]


def grid_after(result: Publication, totals: Mapping[str, list[PeriodTotal]]) -> Grid:
    """Return the grid after the step `load`."""
    published = {period: one for (table, period), one in result.ledger.items() if table == FACT_FINANCIALS.name}
    stale = {period for table, period in result.stale if table == FACT_FINANCIALS.name} | set(result.frozen)
    states = dict.fromkeys(stale, "built")
    for period in published:
        state = "closed" if period in result.snapshot.state.closed else "published"
        states[period] = f"{state}, stale" if period in stale else state
    return Grid(published, states, totals)
