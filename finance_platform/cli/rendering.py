"""Tables for people, CSV and JSON for programs: the building blocks of what the commands print.

Belongs here: formats, and the parts that `run` and `status` share. Does not belong here: figures (see `reports`), the
output of one command (see `run_output`, `status_output`, `trace_output`, `vacuum_output`).
"""

from __future__ import annotations

import csv
import io
import itertools
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

from finance_platform.reports.status import Status

_BY_SCENARIO = "by scenario"
"""Stands for the money of a file with several scenarios, whose amounts are never added."""


def print_rows(console: Console, columns: Sequence[str], rows: Iterable[Sequence[Any]], output_format: str) -> None:
    """Print rows as `table`, `csv` or `json`; JSON is an array of objects, money a string with two decimals.

    A JSON object has one value per key, so columns of the same name are numbered there (see `distinct_keys`).
    """
    if output_format == "json":
        keys = distinct_keys(columns)
        documents = [dict(zip(keys, map(json_value, row), strict=True)) for row in rows]
        print_json(console, documents)
    elif output_format == "csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_text(value) for value in row] for row in rows)
        console.file.write(text.getvalue())
    else:
        console.print(_table(columns, rows))


def distinct_keys(columns: Sequence[str]) -> list[str]:
    """Return one key per column: its name, or for a repeated name the name with the first free number from 2.

    `sum, sum` gives `sum, sum_2`; a column that is really called `sum_2` keeps its name.
    """
    taken = set(columns)
    seen: set[str] = set()
    keys = []
    for name in columns:
        key = name
        if name in seen:
            number = next(number for number in itertools.count(2) if f"{name}_{number}" not in taken)
            key = f"{name}_{number}"
        seen.add(name)
        taken.add(key)
        keys.append(key)
    return keys


def print_json(console: Console, document: object) -> None:
    """Print a document without colours and without line breaks inside strings."""
    console.file.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def json_value(value: Any) -> Any:
    """Return a value of the warehouse as a JSON value."""
    if value is None or isinstance(value, str | bool | int | float):
        # JSON has neither NaN nor infinity.
        return value if not isinstance(value, float) or math.isfinite(value) else None
    return _text(value)


def money(amount: Decimal) -> str:
    """Return an amount with grouped digits and two decimals."""
    return f"{amount:,.2f}"


def new_table(*columns: str, title: str, numbers_from: int) -> Table:
    """Return an empty table.

    Args:
        columns: the headers.
        title: the title.
        numbers_from: index of the first column with numbers, which are aligned to the right.
    """
    table = Table(*columns, title=title, title_justify="left", box=None, pad_edge=False)
    for column in table.columns[numbers_from:]:
        column.justify = "right"
    return table


def print_deliveries(console: Console, status: Status) -> None:
    """Print one line per delivery, and the reason for each one that does not count."""
    columns = ("file", "state", "rows", "accepted", "rejected", "duplicate", "skipped", "delivered", "rejected money")
    table = new_table(*columns, title="Deliveries", numbers_from=2)
    for row in status.deliveries:
        counts = [f"{row[name]:,}" for name in ("rows", "accepted", "rejected", "duplicate", "skipped")]
        amounts = [row[name] for name in ("amount", "rejected_amount")]
        texts = [money(Decimal(amount)) for amount in amounts] if None not in amounts else [_BY_SCENARIO, ""]
        foreign = [f"{money(Decimal(amount))} {name}" for name, amount in row["rejected_foreign"].items()]
        texts[1] = " ".join([texts[1], *(f"and {text} gross" for text in foreign)]).strip()
        has_money = amounts != ["0.00", "0.00"] or foreign
        table.add_row(escape(row["file"]), _state(row["state"]), *counts, *(texts if has_money else ("", "")))
    console.print(table)
    for row in status.deliveries:
        if row["state"] in {"held", "refused", "withdrawn"}:
            reason = f"{_state(row['state'])} {escape(row['file'])}: {escape(row['reason'])}"
            console.print(reason, highlight=False)
            console.print(f"  Fix: {escape(row['fix'])}", highlight=False)
    if status.rules:
        counts_by_rule = ", ".join(f"{rule} {count}" for rule, count in status.rules.items())
        console.print(
            f"Rejected, duplicate or skipped: {counts_by_rule}. See `finance-platform rejected`.", highlight=False
        )


def print_warnings(console: Console, status: Status) -> None:
    """Print descriptors and files that cannot be used, and warnings."""
    for problem in status.problems:
        text = escape(f"{problem['file']}: {problem['problem']}\n  Fix: {problem['fix']}")
        console.print(f"[red]problem[/] {text}", highlight=False)
    for row in status.warnings:
        kind = {"delivery": "warning"}.get(row["kind"], row["kind"])
        fix = f"\n  Fix: {row['fix']}" if row["fix"] else ""
        console.print(f"[yellow]{kind}[/] {escape(row['file'])}: {escape(row['warning'] + fix)}", highlight=False)


def _state(state: str) -> str:
    colour = {"live": "green", "held": "red", "refused": "red", "pending": "yellow", "withdrawn": "yellow"}[state]
    return f"[{colour}]{state}[/]"


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    table = Table(*columns, box=None, pad_edge=False)
    is_numeric = [True] * len(columns)
    texts = []
    for row in rows:
        texts.append([_text(value) for value in row])
        is_numeric = [
            was_numeric and isinstance(value, int | Decimal | None)
            for was_numeric, value in zip(is_numeric, row, strict=True)
        ]
    for column, has_numbers in zip(table.columns, is_numeric, strict=True):
        column.justify = "right" if has_numbers and texts else "left"
    for row_texts in texts:
        table.add_row(*map(Text, row_texts))  # as plain strings, rich would interpret [draft] and :euro:
    return table


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"  # str() writes small amounts as 0E-8
    if isinstance(value, Mapping):
        return json.dumps(value)
    return str(value)
