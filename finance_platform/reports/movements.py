"""Movements: changes of published values, row by row and summarised by load, and the alerts about restatements.

Belongs here: reading the table Movements. Does not belong here: writing it (see `warehouse.movements`), printing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from finance_platform.count_text import pluralize
from finance_platform.errors import QueryError
from finance_platform.feeds.values.dates import is_valid_period
from finance_platform.money_text import grouped_money, plain_money, signed_money
from finance_platform.notifications.alerts import Alert
from finance_platform.warehouse.ledger import PublishedSlice
from finance_platform.warehouse.port import NoWarehouseYetError, Queryable, QueryResult
from finance_platform.warehouse.statements import SqlFile, statement

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
DAYS_SHOWN = 30
"""For how many days the pages of a home show what loads moved, beside restatements."""

_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
COLUMNS_IN_A_TABLE = (
    "LoadedAt",
    "Kind",
    "Period",
    "Scenario",
    "Measure",
    "DepartmentCode",
    "AccountNumber",
    "Attribute",
    "OldValue",
    "NewValue",
    "OldAmount",
    "NewAmount",
    "Difference",
    "IsRestatement",
    "Cause",
)
"""The columns that fit on a screen; CSV and JSON have every column."""

_EVERY_PERIOD = ("0000-00", "9999-99")
_ZERO = Decimal("0.00")
_KIND_LABELS = {"movement": "", "publication": " first published", "reclassification": " reclassified"}
_QUANTITY_LABELS = {
    "flow": "",
    "balance": " (balances, largest period)",
    "statistical": " (units, largest period)",
}


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
    if period is not None and not is_valid_period(period):
        raise QueryError(f"{period!r} is not a valid period", fix="write it as YYYY-MM, such as 2025-06")
    first, last = (period, period) if period else _EVERY_PERIOD
    return warehouse.query(
        statement(SqlFile.MOVEMENTS_SINCE), {"since": _utc(since), "first_period": first, "last_period": last}
    )


def movement_summary(
    warehouse: Queryable, since: datetime = EARLIEST, *, restated_since: datetime = _NEVER
) -> list[dict[str, Any]]:
    """Return the movements since a time, in a row per load, period, kind, scenario, measure, quantity and cause.

    Rows have `load_number`, `loaded_at` (UTC), `run_id`, `period`, `kind`, `scenario`, `measure`, `quantity` (flow,
    balance or statistical), `cells`, `old_amount` and `new_amount` (of these cells), `difference` (net, Decimal; of a
    reclassification the change apart from it), `reclassified` (the amount that changed its place), `moved` (gross: the
    sum of absolute changes), `is_restatement` and `cause` (None if unknown). There are none if nothing was ever loaded.

    Args:
        warehouse: the warehouse.
        since: only movements of loads at this time or later.
        restated_since: restatements of loads at this time or later, too.

    Raises:
        ValueError: a time has no time zone.
    """
    bounds = {"since": _utc(since), "restated_since": _utc(restated_since)}
    try:
        result = warehouse.query(statement(SqlFile.MOVEMENT_SUMMARY), bounds)
    except NoWarehouseYetError:
        return []
    names = [_snake_case(column) for column in result.columns]
    return [dict(zip(names, row, strict=True)) for row in result.rows]


def shown_movements(warehouse: Queryable, now: datetime) -> list[dict[str, Any]]:
    """Return the rows of `movement_summary` of the last days, and of every restatement.

    Without the rest, a load reads no more of Movements after years of loads than after a month.
    """
    return movement_summary(warehouse, now - timedelta(days=DAYS_SHOWN), restated_since=EARLIEST)


def restatement_summary(warehouse: Queryable, since: datetime = EARLIEST) -> list[dict[str, Any]]:
    """Return the rows of `movement_summary` that are restatements."""
    return movement_summary(warehouse, _NEVER, restated_since=since)


def last_movements(warehouse: Queryable, published: Iterable[PublishedSlice]) -> list[dict[str, Any]]:
    """Return the rows of `movement_summary` of the latest load, and of what came after it.

    The latest is the one with the highest number: by a clock that was set back it may be earlier than others.

    Args:
        warehouse: the warehouse.
        published: the slices that are published.
    """
    last = max(published, key=lambda one: one.load_number, default=None)
    if last is None:
        return []
    rows = movement_summary(warehouse, last.loaded_at.replace(tzinfo=UTC))
    return [row for row in rows if row["load_number"] >= last.load_number]


def group_by_cause(rows: Iterable[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Return the rows of a summary in groups with the same load and the same cause, in the order of the rows."""
    groups: dict[tuple[int, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["load_number"], row["cause"] or ""), []).append(row)
    return list(groups.values())


def gross_amounts(rows: Iterable[Mapping[str, Any]]) -> dict[str, Decimal]:
    """Return the gross amount per scenario and measure, by a label such as `Budget Amount reclassified`.

    Amounts of scenarios are never added to each other, nor those of statistical accounts to money. A balance is not
    added over periods: its amount is that of the period with the largest change.

    Args:
        rows: rows of `movement_summary`, or their JSON values; renames have no amount and are left out.
    """
    return {label: sum((Decimal(row["moved"]) for row in added), _ZERO) for label, added in _addable(rows).items()}


def _addable(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Return by label the rows whose amounts may be added up; see `gross_amounts`."""
    by_period: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    balances = set()
    for row in rows:
        if row["kind"] == "rename":
            continue
        label = f"{row['scenario']} {row['measure']}{_KIND_LABELS[row['kind']]}{_QUANTITY_LABELS[row['quantity']]}"
        if row["quantity"] != "flow":
            balances.add(label)
        by_period.setdefault(label, {}).setdefault(row["period"], []).append(row)
    return {
        label: max(periods.values(), key=lambda added: sum(Decimal(row["moved"]) for row in added))
        if label in balances
        else [row for added in periods.values() for row in added]
        for label, periods in by_period.items()
    }


def describe_moved(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the periods and cells of some rows, and their amounts before and after, in one phrase."""
    amounts = [f"{label} {_describe_change(added)}" for label, added in _addable(rows).items()]
    cells = sum(row["cells"] for row in rows)
    return f"{describe_periods(rows)}: {'; '.join([*amounts, pluralize(cells, 'cell')])}"


def _describe_change(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the amounts of some cells before and after with the signed difference, and the gross if it is more.

    What is reported elsewhere has one amount, and a difference only if it changed besides. What is published for the
    first time has no amount before.
    """
    old, new, net, gross = (
        sum((Decimal(row[name]) for row in rows), _ZERO) for name in ("old_amount", "new_amount", "difference", "moved")
    )
    if rows[0]["kind"] == "reclassification":
        return grouped_money(gross) + (f" (and {signed_money(net)})" if net else "")
    more = "" if gross == abs(net) else f", {grouped_money(gross)} gross"
    if rows[0]["kind"] == "publication":
        return f"{grouped_money(new)}{more}"
    return f"{grouped_money(old)} → {grouped_money(new)} ({signed_money(net)}{more})"


def describe_periods(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the periods of some rows: `2025-01`, or the first, the last and their number."""
    periods = sorted({row["period"] for row in rows})
    return periods[0] if len(periods) == 1 else f"{periods[0]} … {periods[-1]} ({len(periods)} periods)"


def restatement_alerts(summary: Sequence[dict[str, Any]], *, threshold: Decimal, ui_url: str) -> list[Alert]:
    """Return an alert for each load and cause that changed closed periods, oldest first, sent ones included.

    They come from the table Movements, not from the result of a run, so that a killed run cannot lose one.

    Args:
        summary: all restatements ever, from `movement_summary`, with other movements or without.
        threshold: the gross amount of money of one scenario from which there is an alert, in the home's currency.
        ui_url: the address of the UI, for the link.
    """
    alerts: list[Alert] = []
    keys: set[str] = set()
    for rows in group_by_cause(row for row in summary if row["is_restatement"]):
        # Before this release each period had an alert of its own, with this key: an alert that was sent stays sent.
        first_key = f"restatement of {min(row['period'] for row in rows)} by load {rows[0]['load_number']}"
        key = next(key for key in _numbered(first_key) if key not in keys)
        keys.add(key)
        # Units cannot be compared with an amount of money, so a restatement of units alone always has an alert.
        if all(row["quantity"] == "statistical" for row in rows) or largest_gross(rows) >= threshold:
            alerts.append(_restatement_alert(key, rows, ui_url))
    return alerts


def largest_gross(rows: Iterable[Mapping[str, Any]]) -> Decimal:
    """Return the largest gross amount of money of one scenario and measure; 0.00 if there is none."""
    amounts = gross_amounts(row for row in rows if row["quantity"] != "statistical")
    return max(amounts.values(), default=_ZERO)


def _restatement_alert(key: str, rows: Sequence[Mapping[str, Any]], ui_url: str) -> Alert:
    first = rows[0]
    periods = describe_periods(rows)
    cells = pluralize(sum(row["cells"] for row in rows), "cell")
    gross = {label: plain_money(amount) for label, amount in gross_amounts(rows).items()}
    is_single = len({row["period"] for row in rows}) == 1
    subject, verb = ("The closed period", "was") if is_single else ("The closed periods", "were")
    options = f"--period {periods}" if is_single else f"--since {first['loaded_at']:%Y-%m-%d}"
    return Alert(
        key=key,
        kind="restatement",
        title=f"{subject} {periods} {verb} restated in {cells}",
        where=f"warehouse/fact_financials, {periods}",
        found={
            "periods": sorted({row["period"] for row in rows}),
            "gross": gross,
            "cause": first["cause"] or "unknown",
        },
        fix=f"`finance-platform movements {options}` lists the changes",
        link=f"{ui_url}/runs/{first['run_id']}",
        run_id=first["run_id"],
        at=f"{first['loaded_at'].isoformat()}Z",
    )


def _numbered(key: str) -> Iterator[str]:
    yield key
    yield from (f"{key}, cause {number}" for number in count(2))


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
