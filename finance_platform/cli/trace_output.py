"""The output of the command `trace`: a cell or a total with its lines, a file with its cells.

Belongs here: tables, sentences, JSON and CSV of a trace. Does not belong here: tracing (see `trace`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from finance_platform.cli.console import SafeConsole, literal
from finance_platform.cli.exports import XLSX, Target, opened_output, opened_workbook
from finance_platform.cli.options import TABLE_ROWS
from finance_platform.cli.rendering import json_value, print_json, print_rows
from finance_platform.count_text import pluralize
from finance_platform.feeds.cells import describe_place
from finance_platform.money_text import grouped_money
from finance_platform.safe_text import quote_name
from finance_platform.trace.cell_to_lines import CellTrace, TracedLine
from finance_platform.trace.file_to_cells import FileTrace
from finance_platform.trace.raw_lines import RawState
from finance_platform.trace.reversals import LinkedLine
from finance_platform.trace.source_file import FileDelivery
from finance_platform.trace.totals import TotalLine, TotalTrace

_TABLE_TEXT_LENGTH = 500
_LINE_COLUMNS = [field.name for field in dataclasses.fields(TracedLine)]
_CELL_COLUMNS = [
    "period",
    "scenario",
    "department",
    "account",
    "lines",
    "amount",
    "replaced_by",
    "why_not_published",
    "column",
]
_LINK_COLUMNS = ["reverses", "reversed_by"]
"""Beside the cells of one line, in CSV and workbooks."""

_TEXT_UNAVAILABLE = {
    RawState.CHANGED: "the file has changed since",
    RawState.GONE: "the file is gone",
    RawState.UNREADABLE: "the file cannot be opened",
}


def text_unavailable(state: RawState) -> str:
    """Return why the text of a line cannot be shown; empty if it can."""
    return f"[{_TEXT_UNAVAILABLE[state]}]" if state in _TEXT_UNAVAILABLE else ""


def print_cell_trace(target: Target, trace: CellTrace, result: str) -> None:
    """Print the lines behind a cell; JSON includes their sum, a workbook the result; else see `describe_result`."""
    rows = (_line_values(line) for line in trace.lines)
    if target.format == XLSX:
        _write_lines(target, _LINE_COLUMNS, rows, result)
        return
    with opened_output(target.output) as console:
        if target.format == "json":
            print_json(console, cell_trace_as_json(trace))
        elif target.format == "csv":
            print_rows(console, _LINE_COLUMNS, rows, "csv")
        elif trace.lines:
            _print_lines(console, trace)


def _line_values(line: TracedLine) -> list[Any]:
    """Return a line's `_LINE_COLUMNS`; lines that it is linked with are text."""
    links = {"reversed_lines": describe_links(line.reversed_lines), "reversed_by": describe_links(line.reversed_by)}
    return [links.get(name, getattr(line, name)) for name in _LINE_COLUMNS]


def describe_links(lines: Iterable[LinkedLine]) -> str:
    """Return file, row, date and amount of each of some lines."""
    return "; ".join(
        f"{quote_name(line.file)} {describe_place(line.sheet, line.row)}, {line.document_date}, "
        f"{grouped_money(line.amount)}"
        for line in lines
    )


def _write_lines(target: Target, columns: Sequence[str], rows: Iterable[Sequence[Any]], *notes: str) -> None:
    """Write a workbook with the lines, and what they add up to as a note."""
    with opened_workbook(target.output) as book:
        book.write_table("Lines", columns, rows)
        book.write_notes(notes)


def cell_trace_as_json(trace: CellTrace) -> dict[str, Any]:
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


def describe_result(trace: CellTrace, state: str) -> str:
    """Return the sum of the lines, and whether it is the published value.

    Args:
        trace: the cell with its lines.
        state: which signed or earlier state it shows; empty for what is published now.
    """
    is_published = f"was published ({state})" if state else "is published"
    cell = trace.cell
    measure = "Amount" if cell.measure == "amount" else "BudgetAmount"
    name = f"{measure} of {cell.scenario}, {cell.period}, {cell.department.code}, {cell.account.code}"
    replaced = "".join(
        f"\n{pluralize(count, 'more line')} of this cell {'is' if count == 1 else 'are'} replaced by "
        f"{quote_name(file)}."
        for file, count in sorted(trace.replaced.items())
    )
    if not trace.reconciles:
        return _mismatch(trace, name, is_published) + replaced
    if not trace.lines:
        reason = trace.note or ("it has no lines" if cell.has_rows else "the cell has no row and no lines")
        return f"{name}: {grouped_money(cell.value)} {is_published}; {reason}.{replaced}"
    lines = pluralize(len(trace.lines), "line")
    total = "totals" if len(trace.lines) == 1 else "total"
    published = f"{grouped_money(cell.value)} {is_published}"
    return f"{name}: {lines} {total} {grouped_money(trace.total)}, {published}: reconciled.{replaced}"


def print_total_trace(target: Target, trace: TotalTrace) -> None:
    """Print the lines behind a total; JSON includes their sum, a workbook the result; else see `describe_total`."""
    rows = ([one.period, one.effect, *_line_values(one.line)] for one in trace.lines)
    if target.format == XLSX:
        _write_lines(target, ["period", "effect", *_LINE_COLUMNS], rows, describe_total(trace))
        return
    with opened_output(target.output) as console:
        if target.format == "json":
            print_json(console, total_trace_as_json(trace))
        elif target.format == "csv":
            print_rows(console, ["period", "effect", *_LINE_COLUMNS], rows, "csv")
        elif trace.lines:
            columns = ["period", "department", "account", "effect", "file", "line", "date", "amount", "text"]
            shown = [_total_row(one) for one in trace.lines[:TABLE_ROWS]]
            print_rows(console, columns, shown, "table", is_listing=True)
            _print_remainder(console, trace.lines, "lines")


def _total_row(one: TotalLine) -> list[Any]:
    line = one.line
    place = f"{line.sheet}!{line.row}" if line.sheet else line.row
    return [
        *(one.period, line.department, line.account, one.effect),
        *(line.file, place, line.document_date, line.amount, _text(line)),
    ]


def total_trace_as_json(trace: TotalTrace) -> dict[str, Any]:
    """Return a traced total as JSON values; money is text with two decimals."""
    lines = [{"period": one.period, "effect": json_value(one.effect), **_as_json(one.line)} for one in trace.lines]
    return {
        **_as_json(trace.name),
        "published": json_value(trace.value),
        "sum_of_lines": json_value(trace.total),
        "ties": trace.reconciles,
        "versions": dict(trace.versions),
        "lines": lines,
    }


def describe_total(trace: TotalTrace) -> str:
    """Return the sum of a total's lines, and whether it is the published value."""
    name = trace.name
    parts = [name.line, name.account and f"account {name.account}", name.department and f"department {name.department}"]
    what = ", ".join(part for part in (*parts, name.unit) if part)
    side = {"amount": name.scenario, "reference": f"the reference {name.reference}"}
    of = side.get(name.measure, f"{name.scenario} less {name.reference}")
    label = f"{what}, {name.horizon} as of {name.period}, {of}"
    lines = pluralize(len(trace.lines), "line")
    total, published = grouped_money(trace.total), grouped_money(trace.value)
    if trace.reconciles:
        verb = "totals" if len(trace.lines) == 1 else "total"
        return f"{label}: {lines} {verb} {total}, {published} is published: reconciled."
    return (
        f"DOES NOT RECONCILE. {label}: {lines} total {total}, but {published} is published: "
        f"{grouped_money(trace.value - trace.total)} has no line.\n"
        f"  Fix: `finance-platform verify` names the cells that differ; rebuild their periods with `finance-platform "
        f"run --rebuild --period {name.period}`"
    )


def print_file_trace(target: Target, reached: FileTrace) -> None:
    """Print the cells that a file, or one line of it, reached; CSV and workbooks have replaced and unpublished ones."""
    if target.format == XLSX:
        _write_cells(target, reached)
        return
    with opened_output(target.output) as console:
        if target.format == "json":
            print_json(console, _as_json(reached))
        elif target.format == "csv":
            print_rows(console, [*_CELL_COLUMNS, *_LINK_COLUMNS], list(_linked_cell_rows(reached)), "csv")
        else:
            _print_versions(console, reached)
            _print_cells(console, reached)
            _print_other_rows(console, reached)
            for text in _reversal_sentences(reached):
                console.print(text)


def _reversal_sentences(reached: FileTrace) -> Iterator[str]:
    if reached.reversed_lines:
        yield f"It reverses {describe_links(reached.reversed_lines)}."
    if reached.reversed_by:
        yield f"It is reversed by {describe_links(reached.reversed_by)}."


def _linked_cell_rows(reached: FileTrace) -> Iterator[list[Any]]:
    """Yield the cells, each with the lines that the traced line is linked with."""
    links = [describe_links(reached.reversed_lines), describe_links(reached.reversed_by)]
    yield from ([*row, *links] for row in _cell_rows(reached))


def _write_cells(target: Target, reached: FileTrace) -> None:
    columns = [name.replace("_", " ") for name in (*_CELL_COLUMNS, *_LINK_COLUMNS)]
    others = ([row.row, row.column, row.outcome, row.amount, row.reasons, row.raw_row] for row in reached.others)
    with opened_workbook(target.output) as book:
        book.write_table("Cells", columns, _linked_cell_rows(reached))
        if reached.others:
            book.write_table("Other rows", ["line", "column", "outcome", "amount", "reasons", "raw row"], others)
        book.write_notes([_describe_version(reached, version) for version in reached.versions])


def _print_lines(console: SafeConsole, trace: CellTrace) -> None:
    is_flipped = any(line.amount != line.star_amount for line in trace.lines)
    has_sheets = any(line.sheet is not None for line in trace.lines)
    has_columns = any(line.column for line in trace.lines)
    columns = [
        "file",
        *(["sheet", "row"] if has_sheets else ["line"]),
        *(["column"] if has_columns else []),
        "date",
        "amount",
        *(["in the star"] if is_flipped else []),
        "delivery",
        "text",
    ]
    rows = [
        [
            line.file,
            *([line.sheet or ""] if has_sheets else []),
            line.row,
            *([line.column] if has_columns else []),
            line.document_date,
            line.amount,
            *([line.star_amount] if is_flipped else []),
            line.delivery_id,
            _text(line),
        ]
        for line in trace.lines[:TABLE_ROWS]
    ]
    print_rows(console, columns, rows, "table", is_listing=True)
    _print_remainder(console, trace.lines, "lines")


def _text(line: TracedLine) -> str:
    late = f"[late, of {line.booked_from}] " if line.booked_from else ""
    reverses = f"[reverses {_reversed_lines(line)}] " if line.reverses is not None else ""
    reversed_by = f"[reversed by {describe_links(line.reversed_by)}] " if line.reversed_by else ""
    return late + reverses + reversed_by + _text_of_file(line)


def _reversed_lines(line: TracedLine) -> str:
    """Return the lines that a line reverses; the number that it names if none is published."""
    return describe_links(line.reversed_lines) or f"{line.reverses!r}, which no published line has"


def _text_of_file(line: TracedLine) -> str:
    if line.file_state in _TEXT_UNAVAILABLE:
        return f"[{_TEXT_UNAVAILABLE[line.file_state]}] {line.description or ''}".rstrip()
    text = line.text or ""
    return text if len(text) <= _TABLE_TEXT_LENGTH else f"{text[:_TABLE_TEXT_LENGTH]}…"


def _mismatch(trace: CellTrace, name: str, is_published: str) -> str:
    cell = trace.cell
    line_count = f" of {pluralize(cell.line_count, 'line')}" if cell.measure == "amount" else ""
    total, published = grouped_money(trace.total), grouped_money(cell.value)
    return (
        f"DOES NOT RECONCILE. {name}: {pluralize(len(trace.lines), 'line')} total {total}, but "
        f"{published}{line_count} {is_published}: {grouped_money(cell.value - trace.total)} has no line.\n"
        f"  Fix: `finance-platform run --rebuild --period {cell.period}`; if it persists, report a bug"
    )


def _print_versions(console: SafeConsole, reached: FileTrace) -> None:
    for version in reached.versions:
        console.print(_describe_version(reached, version))
        if version.fix and version.state != "superseded":
            console.print(f"  Fix: {version.fix}")
    if reached.line is not None and reached.row is not None and reached.row != reached.line:
        console.print(f"Line {reached.line} is part of the row that begins on line {reached.row}.")
    if reached.file_state in _TEXT_UNAVAILABLE:
        console.print(f"[{_TEXT_UNAVAILABLE[reached.file_state]}]")
    elif reached.text is not None:
        console.print(literal(reached.text))


def _describe_version(reached: FileTrace, version: FileDelivery) -> str:
    published = ", published" if version.is_published else ""
    reason = f": {version.reason}" if version.reason else ""
    return f"{quote_name(reached.file)} ({version.delivery_id}) is {version.state}{published}{reason}"


def _print_cells(console: SafeConsole, reached: FileTrace) -> None:
    if reached.outcomes and reached.line is None:
        console.print(", ".join(f"{count:,} {name}" for name, count in reached.outcomes.items()))
    rows = list(_cell_rows(reached))
    if not rows:
        console.print("No published cell contains a line of it.")
        return
    shown = rows[:TABLE_ROWS]
    filled = [index for index, _ in enumerate(_CELL_COLUMNS) if any(row[index] not in {"", None} for row in shown)]
    columns = [_CELL_COLUMNS[index].replace("_", " ") for index in filled]
    print_rows(console, columns, [[row[index] for index in filled] for row in shown], "table", is_listing=True)
    _print_remainder(console, rows, "cells")


def _print_other_rows(console: SafeConsole, reached: FileTrace) -> None:
    for row in reached.others:
        amount = "" if row.amount is None else f", {grouped_money(row.amount)}"
        column = f", column {quote_name(row.column)}," if row.column else ""
        place = f"{describe_place(reached.sheet, row.row)}{column}"
        outcome = f"{place} is {row.outcome}{amount}: {row.reasons or row.rules}"
        console.print(outcome)
        console.print(literal(f"  {row.raw_row}"))


def _print_remainder(console: SafeConsole, rows: Sequence[object], noun: str) -> None:
    if len(rows) > TABLE_ROWS:
        console.print(f"… {len(rows) - TABLE_ROWS:,} more {noun}; --format csv, json or xlsx lists all")


def _cell_rows(reached: FileTrace) -> Iterator[list[Any]]:
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
            cell.column or "",
        ]
    for lines in reached.unpublished:
        yield [lines.period, lines.scenario, "", "", lines.lines, lines.amount, "", lines.why, ""]


def _as_json(value: Any) -> Any:
    """Return a value as JSON values; a dataclass becomes an object."""
    if dataclasses.is_dataclass(value):
        return {field.name: _as_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {name: _as_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(item) for item in value]
    return json_value(value)
