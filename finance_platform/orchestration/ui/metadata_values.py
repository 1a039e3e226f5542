"""Figures as metadata: money to read and to plot, tables that stay small, periods in few words.

Belongs here: how a number looks in the UI and in the log. Does not belong here: which numbers an asset shows.
Money is exact text beside a whole number of currency units: the UI plots numbers only, and a float would round cents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import dagster as dg

from finance_platform.quality.checks import counted

ROWS_SHOWN = 36
"""How many rows a table of metadata has at most: three years of periods; every run keeps a copy of it."""


def money_text(amount: Decimal, currency: str) -> str:
    """Return money as people read it: `1,234.50 USD`."""
    return f"{amount:,.2f} {currency}"


def money(name: str, amount: Decimal, currency: str) -> dict[str, Any]:
    """Return an amount as metadata: the exact text, and the number in whole currency units that the UI plots."""
    return {
        name: money_text(amount, currency),
        f"{name}_in_whole_{currency}": int(amount.to_integral_value(ROUND_HALF_UP)),
    }


def table(name: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the last rows as a table, and how many there are; nothing but that number where there are none."""
    shown = rows[-ROWS_SHOWN:]
    found: dict[str, Any] = {f"{name}_count": len(rows)}
    if shown:
        columns = list(dict.fromkeys(column for row in shown for column in row))
        records = [dg.TableRecord({column: _cell(row.get(column)) for column in columns}) for row in shown]
        schema = dg.TableSchema([dg.TableColumn(column, _type(records, column)) for column in columns])
        found[name] = dg.MetadataValue.table(records, schema)
    return found


def span(periods: Sequence[str]) -> str:
    """Return periods in few words: `3 periods (2025-01 … 2025-03)`."""
    if not periods:
        return "no period"
    first, last = min(periods), max(periods)
    return f"{counted(len(periods), 'period')} ({first if first == last else f'{first} … {last}'})"


def _cell(value: object) -> str | int | bool | None:
    """Return a value as a table of metadata may hold it; money as exact text, never as a float."""
    if value is None or isinstance(value, str | int):
        return value
    return f"{value:,.2f}" if isinstance(value, Decimal) else str(value)


def _type(records: Sequence[dg.TableRecord], column: str) -> str:
    values = [record.data[column] for record in records]
    is_whole = all(isinstance(value, int) and not isinstance(value, bool) for value in values)
    return "int" if is_whole else "string"
