"""Movements: changes of published values, row by row and summarised by load.

Belongs here: reading the table Movements. Does not belong here: writing it (see `warehouse.movements`), printing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from finance_platform.errors import QueryError
from finance_platform.notifications.alerts import Alert
from finance_platform.warehouse.port import NoWarehouseYetError, Queryable, QueryResult
from finance_platform.warehouse.statements import SqlFile, statement

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS_IN_A_TABLE = (
    "LoadedAt",
    "Kind",
    "Period",
    "Scenario",
    "Measure",
    "DepartmentCode",
    "AccountNumber",
    "OldValue",
    "NewValue",
    "OldAmount",
    "NewAmount",
    "Difference",
    "IsRestatement",
    "Cause",
)
"""The columns that fit on a screen; CSV and JSON have every column."""

_PERIOD = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_EVERY_PERIOD = ("0000-00", "9999-99")


def movement_rows(warehouse: Queryable, *, since: datetime = EARLIEST, period: str | None = None) -> QueryResult:
    """Return the rows of Movements with the names of their members, in the order of loads.

    Args:
        warehouse: the warehouse.
        since: only movements of loads at this time or later; it must have a time zone.
        period: only this period, YYYY-MM.

    Raises:
        NoWarehouseYetError: nothing was ever loaded.
        QueryError: `period` is not a valid period.
        ValueError: `since` has no time zone.
    """
    if period is not None and not _PERIOD.fullmatch(period):
        raise QueryError(f"{period!r} is not a valid period", fix="write it as YYYY-MM, such as 2025-06")
    first, last = (period, period) if period else _EVERY_PERIOD
    return warehouse.query(
        statement(SqlFile.MOVEMENTS_SINCE), {"since": _utc(since), "first_period": first, "last_period": last}
    )


def movement_summary(warehouse: Queryable, since: datetime = EARLIEST) -> list[dict[str, Any]]:
    """Return the movements since a time, in a row per load, period, kind, scenario, measure and cause.

    Rows have `load_number`, `loaded_at` (UTC), `run_id`, `period`, `kind`, `scenario`, `measure`, `cells`,
    `difference` (net, Decimal; of a reclassification the change apart from it), `reclassified` (the amount that changed
    its place), `moved` (the sum of absolute changes), `is_restatement` and `cause` (None if unknown). There are none if
    nothing was ever loaded.

    Raises:
        ValueError: `since` has no time zone.
    """
    try:
        result = warehouse.query(statement(SqlFile.MOVEMENT_SUMMARY), {"since": _utc(since)})
    except NoWarehouseYetError:
        return []
    names = [_snake_case(column) for column in result.columns]
    return [dict(zip(names, row, strict=True)) for row in result.rows]


def restatement_alerts(summary: Sequence[dict[str, Any]], *, threshold: Decimal, ui_url: str) -> list[Alert]:
    """Return an alert for each load that changed a closed period, oldest first, sent ones included.

    They come from the table Movements, not from the result of a run, so that a killed run cannot lose one.

    Args:
        summary: all movements ever, from `movement_summary`.
        threshold: the absolute amount that must have changed in a period for an alert, in the home's currency.
        ui_url: the address of the UI, for the link.
    """
    restated: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for row in summary:
        if row["is_restatement"]:
            restated.setdefault((row["load_number"], row["period"]), []).append(row)
    return [
        _restatement_alert(load, period, rows, ui_url)
        for (load, period), rows in restated.items()
        if total_moved(rows) >= threshold
    ]


def total_moved(rows: Sequence[dict[str, Any]]) -> Decimal:
    """Return the sum of absolute changes of Amount; it includes budgets, as rows of the budget's scenario."""
    return sum((row["moved"] for row in rows if row["measure"] == "Amount"), Decimal("0.00"))


def _restatement_alert(load: int, period: str, rows: Sequence[dict[str, Any]], ui_url: str) -> Alert:
    net: dict[str, Decimal] = {}
    for row in rows:
        is_movement = row["kind"] == "movement"
        name = f"{row['scenario']} {row['measure']}" + ("" if is_movement else " reclassified")
        net[name] = net.get(name, Decimal("0.00")) + row["difference" if is_movement else "reclassified"]
    causes = sorted({row["cause"] for row in rows if row["cause"]})
    cells = sum(row["cells"] for row in rows)
    figures = {"period": period, "moved in all": f"{total_moved(rows):.2f}", "cause": "; ".join(causes)}
    return Alert(
        key=f"restatement of {period} by load {load}",
        kind="restatement",
        title=f"The closed period {period} was restated in {cells:,} cells",
        where=f"warehouse/fact_financials, {period}",
        found={**figures, **{name: f"{amount:.2f}" for name, amount in net.items()}},
        fix=f"`finance-platform movements --period {period}` lists the changes",
        link=f"{ui_url}/runs/{rows[0]['run_id']}",
        run_id=rows[0]["run_id"],
        at=f"{rows[0]['loaded_at'].isoformat()}Z",
    )


def select_columns(result: QueryResult, columns: Sequence[str]) -> list[list[Any]]:
    """Return the rows of a result with some of its columns."""
    positions = [result.columns.index(column) for column in columns]
    return [[row[position] for position in positions] for row in result.rows]


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.astimezone(UTC).replace(tzinfo=None)


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
