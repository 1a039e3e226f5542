"""Metadata values: data versions, amounts and tables in the form that Dagster shows.

Belongs here: values to metadata. Does not belong here: which values an asset has (see `slice_metadata` and the steps).
An amount is exact text next to a whole number of currency units: the UI plots only numbers, and a float rounds cents.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import dagster as dg

from finance_platform.money_text import grouped_money
from finance_platform.orchestration.ui.formatting import format_money
from finance_platform.safe_text import markdown, printable, printable_line

ROWS_SHOWN = 36
"""How many rows a table has at most: three years of periods; every run stores a copy of it."""


def compute_data_version(parts: Iterable[Any]) -> dg.DataVersion:
    """Return a data version that changes when any of the parts changes."""
    return dg.DataVersion(hashlib.sha256(json.dumps(list(parts), default=str).encode()).hexdigest()[:16])


def money_metadata(name: str, amount: Decimal, currency: str) -> dict[str, Any]:
    """Return an amount as exact text, and as the number of whole currency units that the UI plots."""
    return {
        printable_line(name): format_money(amount, currency),
        f"{printable_line(name)}_in_whole_{currency}": int(amount.to_integral_value(ROUND_HALF_UP)),
    }


def table_metadata(name: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the number of rows, and the last of them as a table if there are any."""
    shown = rows[-ROWS_SHOWN:]
    metadata: dict[str, Any] = {f"{name}_count": len(rows)}
    if shown:
        columns = list(dict.fromkeys(column for row in shown for column in row))
        titles = [printable_line(column) for column in columns]
        records = [
            dg.TableRecord({printable_line(column): _cell(row.get(column)) for column in columns}) for row in shown
        ]
        schema = dg.TableSchema([dg.TableColumn(title, _type(records, title)) for title in titles])
        metadata[name] = dg.MetadataValue.table(records, schema)
    return metadata


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> dg.MarkdownMetadataValue:
    """Return rows as a Markdown table; `none` if there are no rows."""
    if not rows:
        return dg.MetadataValue.md("none")
    names = list(rows[0])
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(markdown(str(row[name])) for name in names)} |" for row in rows]
    return dg.MetadataValue.md("\n".join(lines))


def _cell(value: object) -> str | int | bool | None:
    """Return a value that a metadata table can hold; an amount as exact text, never as a float."""
    if value is None or isinstance(value, int):
        return value
    return grouped_money(value) if isinstance(value, Decimal) else printable(str(value))


def _type(records: Sequence[dg.TableRecord], column: str) -> str:
    values = [record.data[column] for record in records]
    is_whole = all(isinstance(value, int) and not isinstance(value, bool) for value in values)
    return "int" if is_whole else "string"
