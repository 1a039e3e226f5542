"""Metadata values: data versions, amounts and tables in the form that Dagster shows.

Belongs here: values to metadata. Does not belong here: which values an asset has (see `slice_metadata` and the steps).
An amount is exact text, once; only the grid of months has numbers to plot, because a plot over runs says nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import dagster as dg

from finance_platform.money_text import grouped_money
from finance_platform.orchestration.ui.formatting import format_money
from finance_platform.safe_text import printable, printable_line

ROWS_SHOWN = 24
"""How many rows a table has at most: two years of periods; every run stores a copy of it."""


def compute_data_version(parts: Iterable[Any]) -> dg.DataVersion:
    """Return a data version that changes when any of the parts changes."""
    return dg.DataVersion(hashlib.sha256(json.dumps(list(parts), default=str).encode()).hexdigest()[:16])


def money_metadata(name: str, amount: Decimal, currency: str) -> dict[str, Any]:
    """Return an amount as exact text."""
    return {printable_line(name): format_money(amount, currency)}


def table_metadata(
    name: str, rows: Sequence[Mapping[str, Any]], *, shown: int = ROWS_SHOWN, of_all: int | None = None
) -> dict[str, Any]:
    """Return the first rows as a table, and how many are left out if it does not show all; nothing without rows.

    Args:
        name: of the table.
        rows: all of its rows, the most important first.
        shown: how many it shows at most.
        of_all: how many rows there are, if `rows` has not all of them but as many as are shown.
    """
    metadata: dict[str, Any] = {}
    left_out = (len(rows) if of_all is None else of_all) - shown
    rows = rows[:shown]
    if rows:
        columns = list(dict.fromkeys(column for row in rows for column in row))
        titles = [printable_line(column) for column in columns]
        records = [
            dg.TableRecord({printable_line(column): _cell(row.get(column)) for column in columns}) for row in rows
        ]
        schema = dg.TableSchema([dg.TableColumn(title, _type(records, title)) for title in titles])
        metadata[name] = dg.MetadataValue.table(records, schema)
    if left_out > 0:
        metadata[f"{name}_left_out"] = f"{left_out:,} of {len(rows) + left_out:,} rows"
    return metadata


def _cell(value: object) -> str | int | bool | None:
    """Return a value that a metadata table can hold; an amount as exact text, never as a float."""
    if value is None or isinstance(value, int):
        return value
    return grouped_money(value) if isinstance(value, Decimal) else printable(str(value))


def _type(records: Sequence[dg.TableRecord], column: str) -> str:
    values = [record.data[column] for record in records]
    is_whole = all(isinstance(value, int) and not isinstance(value, bool) for value in values)
    return "int" if is_whole else "string"
