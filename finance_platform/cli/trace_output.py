"""Tracing as people and programs see it: a cell with its lines, a file with its cells.

Belongs here: the looks of the command `trace`. Does not belong here: figures (see `trace`, `reached`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from finance_platform.cli.rendering import json_value, money, print_json, print_rows
from finance_platform.trace.cell_to_lines import Trace, TracedLine
from finance_platform.trace.file_to_cells import Reached
from finance_platform.trace.raw_lines import RawState

ROWS_IN_A_TABLE = 50
_TEXT_IN_A_TABLE = 500
_LINE_COLUMNS = [field.name for field in dataclasses.fields(TracedLine)]
_CELL_COLUMNS = ["period", "scenario", "department", "account", "lines", "amount", "replaced_by", "why_not_published"]

_NO_TEXT = {
    RawState.CHANGED: "the file has changed since",
    RawState.GONE: "the file is gone",
    RawState.UNREADABLE: "the file cannot be opened",
}


def print_trace(console: Console, trace: Trace, output_format: str) -> None:
    """Print the lines behind a cell; as JSON with their sum, the others leave that to `verdict`."""
    if output_format == "json":
        print_json(console, trace_as_json(trace))
    elif output_format == "csv":
        rows = ([getattr(line, name) for name in _LINE_COLUMNS] for line in trace.lines)
        print_rows(console, _LINE_COLUMNS, rows, "csv")
    elif trace.lines:
        _print_lines(console, trace)


def trace_as_json(trace: Trace) -> dict[str, Any]:
    """Return a traced cell as JSON values; money is text with two decimals."""
    cell = trace.cell
    return {
        "period": cell.period,
        "scenario": cell.scenario,
        "department": cell.department.code,
        "account": cell.account.code,
        "measure": cell.measure,
        "published": json_value(cell.value),
        "sum_of_lines": json_value(trace.total),
        "ties": trace.reconciles,
        "note": trace.note,
        "version": cell.slice.version,
        "loaded_at": f"{cell.slice.loaded_at.isoformat()}Z",
        "replaced_lines": dict(trace.replaced),
        "lines": [_as_json(line) for line in trace.lines],
    }


def verdict(trace: Trace) -> str:
    """Return what the lines come to, and whether that is what is published."""
    cell = trace.cell
    measure = "Amount" if cell.measure == "amount" else "BudgetAmount"
    name = f"{measure} of {cell.scenario}, {cell.period}, {cell.department.code}, {cell.account.code}"
    replaced = "".join(
        f"\n{_counted(count, 'more line')} of this cell {'is' if count == 1 else 'are'} replaced by {file}."
        for file, count in sorted(trace.replaced.items())
    )
    if not trace.reconciles:
        return _mismatch(trace, name) + replaced
    if not trace.lines:
        why = trace.note or ("no line is behind it" if cell.has_rows else "there is no such row, and no line")
        return f"{name}: {money(cell.value)} is published; {why}.{replaced}"
    lines = _counted(len(trace.lines), "line")
    come = "comes" if len(trace.lines) == 1 else "come"
    return f"{name}: {lines} {come} to {money(trace.total)}, {money(cell.value)} is published: they tie.{replaced}"


def print_reached(console: Console, reached: Reached, output_format: str) -> None:
    """Print what a file, or a line of it, came to; CSV has a row per cell, replaced and unpublished ones included."""
    if output_format == "json":
        print_json(console, _as_json(reached))
    elif output_format == "csv":
        print_rows(console, _CELL_COLUMNS, list(_cell_rows(reached)), "csv")
    else:
        _print_versions(console, reached)
        _print_cells(console, reached)
        _print_other_rows(console, reached)


def _print_lines(console: Console, trace: Trace) -> None:
    is_flipped = any(line.amount != line.star_amount for line in trace.lines)
    columns = ["file", "line", "date", "amount", *(["in the star"] if is_flipped else []), "delivery", "text"]
    rows = [
        [
            line.file,
            line.row,
            line.document_date,
            line.amount,
            *([line.star_amount] if is_flipped else []),
            line.delivery_id,
            _text(line),
        ]
        for line in trace.lines[:ROWS_IN_A_TABLE]
    ]
    print_rows(console, columns, rows, "table")
    _print_left_out(console, trace.lines, "lines")


def _text(line: TracedLine) -> str:
    if line.file_state in _NO_TEXT:
        return f"[{_NO_TEXT[line.file_state]}] {line.description or ''}".rstrip()
    text = line.text or ""
    return text if len(text) <= _TEXT_IN_A_TABLE else f"{text[:_TEXT_IN_A_TABLE]}…"


def _mismatch(trace: Trace, name: str) -> str:
    cell = trace.cell
    counted = f" of {_counted(cell.line_count, 'line')}" if cell.measure == "amount" else ""
    return (
        f"DOES NOT TIE. {name}: {_counted(len(trace.lines), 'line')} come to {money(trace.total)}, but "
        f"{money(cell.value)}{counted} is published: {money(cell.value - trace.total)} has no line.\n"
        f"  Fix: `finance-platform run --rebuild --period {cell.period}`; if it stays, report it as a fault"
    )


def _print_versions(console: Console, reached: Reached) -> None:
    for version in reached.versions:
        published = ", published" if version.is_published else ""
        reason = f": {version.reason}" if version.reason else ""
        console.print(f"{reached.file} ({version.delivery_id}) is {version.state}{published}{reason}", markup=False)
        if version.fix and version.state != "superseded":
            console.print(f"  Fix: {version.fix}", markup=False, highlight=False)
    if reached.line is not None and reached.record is not None and reached.record != reached.line:
        console.print(f"Line {reached.line} is part of the row that begins on line {reached.record}.", highlight=False)
    if reached.file_state in _NO_TEXT:
        console.print(f"[{_NO_TEXT[reached.file_state]}]", markup=False, highlight=False)
    elif reached.text is not None:
        console.print(reached.text, markup=False, highlight=False)


def _print_cells(console: Console, reached: Reached) -> None:
    if reached.outcomes and reached.line is None:
        console.print(", ".join(f"{count:,} {name}" for name, count in reached.outcomes.items()), highlight=False)
    rows = list(_cell_rows(reached))
    if not rows:
        console.print("No cell of what is published has a line of it.")
        return
    shown = rows[:ROWS_IN_A_TABLE]
    # A column that is blank in every row says nothing.
    used = [place for place, _ in enumerate(_CELL_COLUMNS) if any(row[place] not in {"", None} for row in shown)]
    columns = [_CELL_COLUMNS[place].replace("_", " ") for place in used]
    print_rows(console, columns, [[row[place] for place in used] for row in shown], "table")
    _print_left_out(console, rows, "cells")


def _print_other_rows(console: Console, reached: Reached) -> None:
    for row in reached.others:
        amount = "" if row.amount is None else f", {money(row.amount)}"
        told = f"line {row.row} is {row.outcome}{amount}: {row.reasons or row.rules}"
        console.print(f"{escape(told)}\n  {escape(row.raw_row)}", highlight=False)


def _print_left_out(console: Console, rows: Sequence[object], what: str) -> None:
    if len(rows) > ROWS_IN_A_TABLE:
        left = len(rows) - ROWS_IN_A_TABLE
        console.print(f"… {left:,} more {what}; --format csv or json lists all", highlight=False)


def _cell_rows(reached: Reached) -> Iterator[list[Any]]:
    for cell in (*reached.cells, *reached.replaced):
        yield [
            cell.period,
            cell.scenario,
            cell.department,
            cell.account,
            cell.lines,
            cell.amount,
            cell.replaced_by,
            "",
        ]
    for left in reached.unpublished:
        yield [left.period, left.scenario, "", "", left.lines, left.amount, "", left.why]


def _as_json(value: Any) -> Any:
    """Return a dataclass, and what is in it, as JSON values."""
    if dataclasses.is_dataclass(value):
        return {field.name: _as_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {name: _as_json(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(one) for one in value]
    return json_value(value)


def _counted(number: int, one: str) -> str:
    return f"{number:,} {one}{'' if number == 1 else 's'}"
