"""Rendering: results as tables for people, CSV and JSON for programs.

Belongs here: the looks of what the command line prints. Does not belong here: figures.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from finance_platform.deliveries.commits import Count
from finance_platform.reports.reconciliation import Reconciliation
from finance_platform.reports.status import Status
from finance_platform.reports.variance import NO_BUDGET, VarianceRow


def print_rows(console: Console, columns: Sequence[str], rows: Iterable[Sequence[Any]], output_format: str) -> None:
    """Print rows as `table`, `csv` or `json`; JSON is an array of objects, money a string with two decimals."""
    if output_format == "json":
        documents = [dict(zip(columns, map(json_value, row), strict=True)) for row in rows]
        print_json(console, documents)
    elif output_format == "csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_text(value) for value in row] for row in rows)
        console.file.write(text.getvalue())
    else:
        console.print(_table(columns, rows))


def print_json(console: Console, document: object) -> None:
    """Print a document as it is: no colours, no line breaks inside texts."""
    console.file.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def json_value(value: Any) -> Any:
    """Return a value of the warehouse as JSON has it."""
    if value is None or isinstance(value, str | bool | int | float):
        # JSON has no word for what is not a number, nor for infinity.
        return value if not isinstance(value, float) or math.isfinite(value) else None
    return _text(value)


def money(amount: Decimal) -> str:
    """Return an amount as people read it: grouped, two decimals."""
    return f"{amount:,.2f}"


def print_deliveries(console: Console, status: Status) -> None:
    """Print one line per delivery, and why what does not count does not."""
    columns = ("file", "state", "rows", "accepted", "rejected", "duplicate", "skipped", "delivered", "rejected money")
    table = Table(*columns, title="Deliveries", title_justify="left", box=None, pad_edge=False)
    for column in table.columns[2:]:
        column.justify = "right"
    for row in status.deliveries:
        counts = [f"{row[name]:,}" for name in ("rows", "accepted", "rejected", "duplicate", "skipped")]
        amounts = [money(Decimal(row[name])) for name in ("amount", "rejected_amount")]
        has_money = row["amount"] != "0.00" or row["rejected_amount"] != "0.00"
        table.add_row(escape(row["file"]), _state(row["state"]), *counts, *(amounts if has_money else ("", "")))
    console.print(table)
    for row in status.deliveries:
        if row["state"] in {"held", "refused", "withdrawn"}:
            told = f"{_state(row['state'])} {escape(row['file'])}: {escape(row['reason'])}"
            console.print(told, highlight=False)
            console.print(f"  Fix: {escape(row['fix'])}", highlight=False)
    print_rules(console, status)


def print_rules(console: Console, status: Status) -> None:
    """Print how many rows broke which rule."""
    if status.rules:
        listed = ", ".join(f"{rule} {count}" for rule, count in status.rules.items())
        console.print(f"Refused, repeated or blank: {listed}. See `finance-platform rejected`.", highlight=False)


def print_warnings(console: Console, status: Status) -> None:
    """Print what is wrong around the deliveries."""
    for problem in status.problems:
        told = escape(f"{problem['file']}: {problem['problem']}\n  Fix: {problem['fix']}")
        console.print(f"[red]problem[/] {told}", highlight=False)
    for row in status.warnings:
        name = {"delivery": "warning"}.get(row["kind"], row["kind"])
        fix = f"\n  Fix: {row['fix']}" if row["fix"] else ""
        console.print(f"[yellow]{name}[/] {escape(row['file'])}: {escape(row['warning'] + fix)}", highlight=False)


def print_slices(console: Console, status: Status) -> None:
    """Print how many slices of each table are in which state, and name those that are not published."""
    counts: dict[tuple[str, str], int] = {}
    for row in status.slices:
        key = (row["table"], row["state"])
        counts[key] = counts.get(key, 0) + 1
    table = Table("table", "slices", "state", title="Slices", title_justify="left", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for (name, state), count in counts.items():
        stale = [row["slice"] for row in status.slices if (row["table"], row["state"]) == (name, state)]
        listed = "" if state == "published" else f": {', '.join(stale)}"
        table.add_row(name, f"{count:,}", state + listed)
    console.print(table)


def print_line(console: Console, status: Status) -> None:
    """Print the controller's line as a table, in money and in rows."""
    table = Table("", "money", "rows", "", title="Every cent", title_justify="left", box=None, pad_edge=False)
    table.columns[1].justify = table.columns[2].justify = "right"
    for sign, label, count in _terms(status.line):
        note = f"{count.unpriced:,} without an amount" if count.unpriced else ""
        table.add_row(f"{sign} {label}".strip(), money(count.amount), f"{count.rows:,}", note)
    console.print(table)
    _print_difference(console, status)


def print_controllers_line(console: Console, status: Status) -> None:
    """Print the controller's line as a sentence of money and one of rows."""
    amounts = [
        f"{sign} {label} {money(count.amount)}{_unpriced(label, count)}" for sign, label, count in _terms(status.line)
    ]
    rows = [f"{sign} {label} {count.rows:,}" for sign, label, count in _terms(status.line)]
    console.print(f"Money: {' '.join(amounts).strip()}", highlight=False)
    console.print(f"Rows:  {' '.join(rows).strip()}", highlight=False)
    _print_difference(console, status)


def _terms(line: Reconciliation) -> list[tuple[str, str, Count]]:
    terms = [
        ("", "delivered", line.delivered),
        ("=", "in the warehouse", line.in_warehouse),
        ("+", "rejected", line.rejected),
        ("+", "duplicate", line.duplicate),
        ("+", "skipped", line.skipped),
        ("+", "superseded", line.superseded),
        ("+", "held", line.held),
    ]
    return [*terms, ("+", "withdrawn", line.withdrawn)] if line.withdrawn.rows else terms


def _unpriced(label: str, count: Count) -> str:
    return f" (unpriced {count.unpriced:,})" if label == "rejected" and count.unpriced else ""


def _print_difference(console: Console, status: Status) -> None:
    rows, amount = status.line.difference
    if rows or amount:
        what = "not loaded yet" if status.is_behind else "not explained"
        console.print(f"[red]{what}: {rows:,} rows, {money(amount)}[/]", highlight=False)


def print_variance(console: Console, rows: Sequence[VarianceRow]) -> None:
    """Print Actual against Budget by year and account type."""
    if not rows:
        return
    columns = ("year", "account type", "actual", "actual with budget", "budget", "variance")
    table = Table(*columns, title="Actual against Budget", title_justify="left", box=None, pad_edge=False)
    for column in table.columns[2:]:
        column.justify = "right"
    for row in rows:
        amounts = [NO_BUDGET if amount is None else money(amount) for amount in _amounts(row)]
        table.add_row(str(row.year), row.account_type, *amounts)
    console.print(table)


def _amounts(row: VarianceRow) -> tuple[Decimal | None, ...]:
    return row.actual, row.actual_with_budget, row.budget, row.variance


def _state(state: str) -> str:
    colour = {"live": "green", "held": "red", "refused": "red", "pending": "yellow", "withdrawn": "yellow"}[state]
    return f"[{colour}]{state}[/]"


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    table = Table(*columns, box=None, pad_edge=False)
    numeric = [True] * len(columns)
    texts = []
    for row in rows:
        texts.append([_text(value) for value in row])
        numeric = [is_so and isinstance(value, int | Decimal | None) for is_so, value in zip(numeric, row, strict=True)]
    for column, is_numeric in zip(table.columns, numeric, strict=True):
        column.justify = "right" if is_numeric and texts else "left"
    for row_texts in texts:
        table.add_row(*map(Text, row_texts))  # else rich takes [draft] and :euro: for its own
    return table


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"  # str() would turn small amounts into 0E-8
    if isinstance(value, Mapping):
        return json.dumps(value)
    return str(value)
