"""Tables for people, CSV and JSON for programs: the building blocks of what the commands print.

Belongs here: formats, and the parts that `run` and `status` share. Does not belong here: figures (see `reports`), the
output of one command (see `run_output`, `status_output`, `trace_output`, `vacuum_output`).
"""

from __future__ import annotations

import csv
import itertools
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from heapq import nlargest
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.table import Table

from finance_platform.cli.console import Part, SafeConsole, colored
from finance_platform.cli.fitting_table import FittingTable
from finance_platform.count_text import pluralize
from finance_platform.money_text import exact_money, grouped_money
from finance_platform.safe_text import printable, printable_line, quote_name, spreadsheet_cell, to_json

if TYPE_CHECKING:
    from finance_platform.reports.status import Status
    from finance_platform.warehouse.port import Batch

_LEAST_TEXT_WIDTH = 12
"""Of a column with text; a longer text goes on in the next line."""

_GAP = 2
"""Between columns, as rich separates them without a box."""

_BY_SCENARIO = "by scenario"
"""Stands for the money of a file with several scenarios, whose amounts are never added."""

_YES_OR_NO = {True: "yes", False: "no"}
"""How a listing says what is true of a row; of a query, a table has the values as SQL has them."""

_CENTS = 2
"""Decimals that are printed in any case."""

STOPPED = frozenset({"held", "refused", "withdrawn"})
"""States of deliveries whose reason is printed below the table of deliveries."""

_MOST_FILES = 200
"""Homes with more files show the newest ones."""

_NEWEST_FILES = 50

_MOST_PENDING = 10
"""Files that are not read, of which the reason is printed."""

_MOST_WARNINGS = 10
"""Different warnings of a kind that are printed: many of one kind hide none of another."""

_MOST_NAMES = 3
"""Files with the same warning that are named."""

_LONG_TABLE = 4
"""Rows from which on a table is printed without rich, if that makes no difference. Rich takes 0.5 ms for a row with
nine cells: for the fifty newest files, a twentieth of what `status` takes."""


def print_rows(
    console: SafeConsole,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    output_format: str,
    *,
    is_raw: bool = False,
    is_listing: bool = False,
) -> None:
    """Print rows as `table`, `csv` or `json`; CSV and JSON row by row.

    JSON is an array of objects, money a string with two decimals. A JSON object has one value per key, so columns of
    the same name are numbered there (see `distinct_keys`).

    Args:
        console: where to.
        columns: the headers.
        rows: one sequence per row, with a value per column.
        output_format: `table`, `csv` or `json`.
        is_raw: CSV for machines, with every text as it is unless a terminal shows it; otherwise it is for spreadsheets,
            in which no text may become a formula (see `spreadsheet_cell`).
        is_listing: the rows are the platform's own listing, not of a query: a table groups the digits of money, as
            the sentences around it do, says yes and no, and what does not fit on a line goes on below it.
    """
    if output_format == "json":
        keys = distinct_keys(columns)
        print_documents(console, (dict(zip(keys, map(json_value, row), strict=True)) for row in rows))
    elif output_format == "csv":
        write_cell = _raw_cell(console) if is_raw else _spreadsheet_text
        writer = csv.writer(console.file, lineterminator="\n")
        writer.writerow([write_cell(name) for name in columns])
        writer.writerows([write_cell(value) for value in row] for row in rows)
    elif is_listing:
        _print_listing(console, columns, rows)
    else:
        _print_table(console, columns, rows)


def print_batches(console: SafeConsole, columns: Sequence[str], batches: Iterable[Batch], *, is_raw: bool) -> None:
    """Print batches of a query as the CSV that `print_rows` prints of their rows; see there."""
    from finance_platform.cli.csv_columns import write_batches

    write_cell = _raw_cell(console) if is_raw else _spreadsheet_text
    csv.writer(console.file, lineterminator="\n").writerow([write_cell(name) for name in columns])
    write_batches(console.file, batches, write_cell, keeps_texts=is_raw and not console.is_terminal)


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


def print_json(console: SafeConsole, document: object) -> None:
    """Print a document without colours and without line breaks inside strings."""
    console.file.write(to_json(document, indent=2) + "\n")


def json_value(value: Any) -> Any:
    """Return a value of the warehouse as a JSON value."""
    if value is None or isinstance(value, str | bool | int | float):
        # JSON has neither NaN nor infinity.
        return value if not isinstance(value, float) or math.isfinite(value) else None
    return _text(value)


def new_table(*columns: str, title: str, numbers_from: int) -> FittingTable:
    """Return an empty table.

    Args:
        columns: the headers.
        title: the title.
        numbers_from: index of the first column with numbers, which are aligned to the right.
    """
    table = FittingTable(*columns, title=title)
    for column in table.columns[numbers_from:]:
        column.justify = "right"
    return table


def print_table(
    console: SafeConsole, columns: Sequence[str], rows: Sequence[Sequence[Part]], *, title: str, numbers_from: int
) -> None:
    """Print a table that may have a row for each of thousands of files.

    Rich takes half a millisecond for a row. A long table without colours is printed without it, byte for byte as it
    prints them, whether its rows fit on a line or go on below it.

    Args:
        console: the console.
        columns: the headers.
        rows: the cells, each a text, or a text and its colour.
        title: the title.
        numbers_from: index of the first column with numbers, which are aligned to the right.
    """
    table = new_table(*columns, title=title, numbers_from=numbers_from)
    is_plain = console.color_system is None and len(rows) >= _LONG_TABLE
    texts = (
        [[printable(cell if isinstance(cell, str) else cell[0]) for cell in row] for row in rows] if is_plain else []
    )
    widths = [max(map(cell_len, cells)) for cells in zip(columns, *texts, strict=True)]
    is_plain = is_plain and not _has_line_breaks(texts)
    lines = table.lines_of(texts, widths, console.width) if is_plain else None
    if lines is not None:
        for line in lines:
            if line.cell_len <= console.width:
                console.file.write(line.plain + "\n")
            else:
                console.print(line, overflow="fold")  # a row, and no sentence
        return
    if not is_plain or sum(widths) + 2 * (len(widths) - 1) > console.width:
        for row in rows:
            table.add_row(*(cell if isinstance(cell, str) else colored(cell) for cell in row))
        console.print(table)
        return
    for column, width in zip(table.columns, widths, strict=True):
        column.min_width = width
    console.print(table)
    for left in texts:
        # Rich takes white space of any kind from the end of a text before it aligns the rest to the right.
        shown = [*left[:numbers_from], *(text.rstrip() for text in left[numbers_from:])]
        gaps = [" " * (width - cell_len(text)) for text, width in zip(shown, widths, strict=True)]
        cells = [
            text + gap if number < numbers_from else gap + text
            for number, (text, gap) in enumerate(zip(shown, gaps, strict=True))
        ]
        console.file.write("  ".join(cells) + "\n")


def _has_line_breaks(texts: Iterable[Iterable[str]]) -> bool:
    return any("\n" in text or "\t" in text for row in texts for text in row)


def print_deliveries(console: SafeConsole, status: Status, *, all_files: bool = False) -> None:
    """Print one line per delivery, and the reason for each one that does not count.

    Args:
        console: the console.
        status: the status.
        all_files: whether to print each of thousands; otherwise those that do not count, and the newest of the others,
            without those that are only read again.
    """
    again = {} if all_files else status.read_again
    shown = status.deliveries if all_files else _without_read_again(_newest(status), again)
    columns = ("file", "state", "rows", "accepted", "rejected", "duplicate", "skipped", "delivered", "rejected money")
    rows: list[list[Part]] = []

    @cache
    def files_with_money() -> set[str]:
        # Asked for late: a recorded status decodes these lines, one for each of thousands of files, when they are read.
        return {line.file for line in status.reconciliation.lines}

    for row in shown:
        counts = [f"{row[name]:,}" for name in ("rows", "accepted", "rejected", "duplicate", "skipped")]
        amounts = [row[name] for name in ("amount", "rejected_amount")]
        texts = [grouped_money(Decimal(amount)) for amount in amounts] if None not in amounts else [_BY_SCENARIO, ""]
        foreign = [f"{grouped_money(Decimal(amount))} {name}" for name, amount in row["rejected_foreign"].items()]
        texts[1] = " ".join([texts[1], *(f"and {text} gross" for text in foreign)]).strip()
        # Of balanced journals, debit less credit is 0.00, which is not the blank of a file without money.
        has_money = amounts != ["0.00", "0.00"] or foreign or (row["rows"] and row["file"] in files_with_money())
        rows.append([quote_name(row["file"]), _state(row["state"]), *counts, *(texts if has_money else ("", ""))])
    if status.deliveries:
        print_table(console, columns, rows, title="Deliveries", numbers_from=2)
    else:
        fix = "copy files into the raw zone, then run; `finance-platform feed list` shows the names that feeds read"
        console.print(f"No file was delivered that a feed reads.\n  Fix: {fix}", soft_wrap=True)
    _print_left_out(console, len(status.deliveries) - len(shown), again)
    for place, state in enumerate(status.column("state")):
        if state in STOPPED:
            row = status.deliveries[place]
            console.print(colored(_state(state), f" {quote_name(row['file'])}: {row['reason']}"))
            console.print(f"  Fix: {row['fix']}")
    for row in shown:
        totals = row["control_totals"]
        if totals["checked"]:
            text = f"Control totals of {quote_name(row['file'])}: {totals['tied']:,} of {totals['checked']:,} tie."
            console.print(text)
    if status.rules:
        counts_by_rule = ", ".join(f"{rule} {count}" for rule, count in status.rules.items())
        if any(status.column("rejected")) or any(status.column("duplicate")):
            console.print(f"Rejected, duplicate or skipped: {counts_by_rule}. See `finance-platform rejected`.")
        else:
            console.print(f"Skipped: {counts_by_rule}.")  # the command lists no skipped rows


def _without_read_again(rows: Sequence[Mapping[str, Any]], again: Mapping[str, int]) -> Sequence[Mapping[str, Any]]:
    """Return the rows without those of files that are only read again."""
    if not again:
        return rows
    from finance_platform.reports.status_rows import READ_AGAIN

    return [row for row in rows if not row["reason"].startswith(READ_AGAIN)]


def _print_left_out(console: SafeConsole, left_out: int, again: Mapping[str, int]) -> None:
    """Print how many rows are not printed, and of files that are only read again, why they are."""
    if counting := left_out - sum(again.values()):
        console.print(f"… {counting:,} more that count; `finance-platform status --all-files` lists all")
    for why, count in again.items():
        files = pluralize(count, "file is", "files are")
        text = f"{files} read again by the next run, since {why}; `finance-platform status --all-files` lists them"
        console.print(text)


def print_pending(console: SafeConsole, pending: Sequence[Mapping[str, Any]]) -> None:
    """Print why the first of these pending deliveries are not read, a line each, and how many others there are."""
    for row in pending[:_MOST_PENDING]:
        text = f" {quote_name(row['file'])}: {row['reason']}. Fix: {row['fix']}"
        console.print(colored(_state(row["state"]), text), soft_wrap=True)
    if len(pending) > _MOST_PENDING:
        more = pluralize(len(pending) - _MOST_PENDING, "more file is", "more files are")
        console.print(f"  {more} pending; `finance-platform status --json` has each reason")


def _newest(status: Status) -> Sequence[Mapping[str, Any]]:
    """Return the rows of deliveries that a person wants to see first, all of them if they are not too many."""
    if len(status.deliveries) <= _MOST_FILES:
        return status.deliveries
    states, times = status.column("state"), status.column("discovered_at")
    counting = (place for place, state in enumerate(states) if state == "live")
    newest = set(nlargest(_NEWEST_FILES, counting, key=lambda place: (times[place], place)))
    return [status.deliveries[place] for place, state in enumerate(states) if state != "live" or place in newest]


def print_warnings(console: SafeConsole, status: Status) -> None:
    """Print descriptors and files that cannot be used, and warnings; files with the same one together."""
    if status.without_types:
        console.print(colored(("no types", "yellow"), f" {status.without_types}"))
    for problem in status.problems:
        text = f" {quote_name(problem['file'])}: {problem['problem']}\n  Fix: {problem['fix']}"
        console.print(colored(("problem", "red"), text))
    groups: dict[tuple[str, str, str], list[str]] = {}
    for row in status.warnings:
        kind = {"delivery": "warning"}.get(row["kind"], row["kind"])
        groups.setdefault((kind, row["warning"], row["fix"] or ""), []).append(quote_name(row["file"]))
    of_kind = Counter[str]()
    for (kind, warning, fix), files in groups.items():
        of_kind[kind] += 1
        if of_kind[kind] > _MOST_WARNINGS:
            continue
        shown = ", ".join(files[:_MOST_NAMES])
        names = f"{shown} and {len(files) - _MOST_NAMES:,} more" if len(files) > _MOST_NAMES else shown
        console.print(colored((kind, "yellow"), f" {names}: {warning}" + (f"\n  Fix: {fix}" if fix else "")))
    if more := sum(max(0, count - _MOST_WARNINGS) for count in of_kind.values()):
        text = pluralize(more, "more warning", "more warnings")
        console.print(f"  {text}; `finance-platform status --json` has each")


def _state(state: str) -> Part:
    colour = {"live": "green", "held": "red", "refused": "red", "pending": "yellow", "withdrawn": "yellow"}[state]
    return state, colour


def print_documents(console: SafeConsole, documents: Iterable[object]) -> None:
    """Print an array of documents as `print_json` would, but hold only one of them."""
    opening = "[\n"
    for document in documents:
        # The first line and the last are the array's brackets.
        console.file.write(opening + to_json([document], indent=2)[2:-2])
        opening = ",\n"
    console.file.write("[]\n" if opening == "[\n" else "\n]\n")


def _raw_cell(console: SafeConsole) -> Callable[[Any], str]:
    if not console.is_terminal:
        return _text
    return lambda value: printable(_text(value))


def _spreadsheet_text(value: Any) -> str:
    return spreadsheet_cell(value) if isinstance(value, str) else _text(value)


def _print_table(console: SafeConsole, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows as a table; if its columns do not fit side by side, each row as a record, one line per column.

    A number is never cut or wrapped, and no word is cut.
    """
    texts, is_numeric = _table_cells(columns, rows, _table_text)
    widths = [max(map(cell_len, cells)) for cells in zip(columns, *texts, strict=True)]
    least = [
        width if has_numbers else min(width, max(_LEAST_TEXT_WIDTH, cell_len(name)))
        for width, has_numbers, name in zip(widths, is_numeric, columns, strict=True)
    ]
    if sum(least) + _GAP * (len(columns) - 1) > console.width:
        _print_records(console, columns, texts)
        return
    table = Table(*columns, box=None, pad_edge=False)
    for column, width, has_numbers in zip(table.columns, least, is_numeric, strict=True):
        column.min_width, column.no_wrap, column.overflow = width, has_numbers, "fold"
        column.justify = "right" if has_numbers and texts else "left"
    for row_texts in texts:
        table.add_row(*row_texts)
    console.print(table)


def _print_listing(console: SafeConsole, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    shown = ([_YES_OR_NO[cell] if isinstance(cell, bool) else cell for cell in row] for row in rows)
    texts, is_numeric = _table_cells(columns, shown, _listing_text)
    table = FittingTable(*columns)
    for column, has_numbers in zip(table.columns, is_numeric, strict=True):
        column.justify = "right" if has_numbers and texts else "left"
    for row_texts in texts:
        table.add_row(*row_texts)
    console.print(table)


def _table_cells(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], text_of: Callable[[Any], str]
) -> tuple[list[list[str]], list[bool]]:
    """Return the texts of rows, and for each column whether it has numbers alone."""
    is_numeric = [True] * len(columns)
    texts = []
    for row in rows:
        texts.append(list(map(text_of, row)))
        is_numeric = [
            was_numeric and isinstance(value, int | Decimal | None)
            for was_numeric, value in zip(is_numeric, row, strict=True)
        ]
    return texts, is_numeric


def _print_records(console: SafeConsole, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if not rows:
        console.print(", ".join(columns))
    for number, row in enumerate(rows):
        if number:
            console.print()
        record = Table(box=None, pad_edge=False, show_header=False)
        record.add_column(no_wrap=True)
        record.add_column(overflow="fold")
        for name, text in zip(columns, row, strict=True):
            record.add_row(name, text)
        console.print(record)


def _table_text(value: Any) -> str:
    """Return a value for people: without the zeros that a column adds beyond two decimals."""
    text = printable_line(_text(value))
    whole, _, decimals = text.partition(".")
    if not isinstance(value, Decimal) or len(decimals) <= _CENTS:
        return text
    return f"{whole}.{decimals.rstrip('0').ljust(_CENTS, '0')}"


def _listing_text(value: Any) -> str:
    return exact_money(value, grouping=",") if isinstance(value, Decimal) else _table_text(value)


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
