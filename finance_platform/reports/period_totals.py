"""Period totals: revenue and expense of each published period, by scenario.

Belongs here: reading them. Does not belong here: how a page shows them (see `orchestration.ui`).
A file of its own because the steps show them and no report does.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from finance_platform.warehouse.port import NoWarehouseYetError, Queryable
from finance_platform.warehouse.statements import SqlFile, statement


class PeriodTotal(NamedTuple):
    """The amount of one account type in one scenario and period, natural sign."""

    scenario: str
    account_type: str
    amount: Decimal


def period_totals(warehouse: Queryable) -> dict[str, list[PeriodTotal]]:
    """Return the revenue and expense of each period by scenario; nothing before the first load."""
    try:
        rows = warehouse.query(statement(SqlFile.PERIOD_TOTALS)).rows
    except NoWarehouseYetError:
        return {}
    totals: dict[str, list[PeriodTotal]] = {}
    for period, scenario, account_type, amount in rows:
        totals.setdefault(period, []).append(PeriodTotal(scenario, account_type, amount))
    return totals
