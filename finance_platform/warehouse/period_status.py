"""The table PeriodStatus: which periods are closed and which are complete.

Belongs here: computing its rows from what is published, and replacing them in a load's own transaction.
Does not belong here: the rule (see `slices.completeness`), closing a period (see `deliveries.decisions`).

It is a table, not a view: under row-level security, a view would count only the lines of the reader's own departments.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict

from finance_platform.contracts.star import LOAD_LEDGER, PERIOD_STATUS
from finance_platform.slices.completeness import PeriodStatus, evaluate_periods
from finance_platform.warehouse.port import LoadConnection, Queryable, Warehouse
from finance_platform.warehouse.statements import SqlFile, delete_all, insert, statement


def stored_statuses(source: Queryable) -> list[PeriodStatus]:
    """Return the rows of PeriodStatus, by period."""
    return [PeriodStatus(*row) for row in source.query(statement(SqlFile.PERIOD_STATUSES)).rows]


def replace_statuses(connection: LoadConnection, closed_periods: Collection[str], actuals_through: str | None) -> None:
    """Store the status of each period of the fact table; the caller's transaction holds the ledger's lock.

    Args:
        connection: sees the facts that are published, or about to be.
        closed_periods: the closed periods.
        actuals_through: last period that Actual covers, if the home sets one.
    """
    target = _target_statuses(connection, closed_periods, actuals_through)
    if target != stored_statuses(connection):
        connection.execute(delete_all(PERIOD_STATUS))
        insert(connection, PERIOD_STATUS, [asdict(status) for status in target])


def update_statuses(warehouse: Warehouse, closed_periods: Collection[str], actuals_through: str | None) -> None:
    """Store the statuses in a transaction of their own, if they changed: after a decision, a setting, an upgrade.

    Args:
        warehouse: a prepared warehouse; the caller holds the run's lock.
        closed_periods: the closed periods.
        actuals_through: last period that Actual covers, if the home sets one.

    Raises:
        LoadError: the transaction fails; the stored statuses are unchanged.
    """
    if _target_statuses(warehouse, closed_periods, actuals_through) != stored_statuses(warehouse):
        with warehouse.transaction() as connection:
            connection.lock(LOAD_LEDGER.table)
            replace_statuses(connection, closed_periods, actuals_through)


def _target_statuses(
    source: Queryable, closed_periods: Collection[str], actuals_through: str | None
) -> list[PeriodStatus]:
    lines: dict[str, dict[int, int]] = {}
    for period, department, count in source.query(statement(SqlFile.ACTUAL_LINES)).rows:
        lines.setdefault(period, {})[department] = int(count)
    return evaluate_periods(lines, closed_periods, actuals_through)
