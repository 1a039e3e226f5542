"""The commands `query` and `tables`: what the warehouse answers, and what it has to be asked about.

Belongs here: arguments, reading a file of queries, headings of several results. Does not belong here: splitting a file
(see `warehouse.query_script`), one result's format (see `rendering`), the words of `tables` (see `contracts`).
"""

from __future__ import annotations

import itertools
import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from finance_platform.cli.as_of import ShownState, as_of_option, attributes_option, shown_state
from finance_platform.cli.console import SafeConsole, colored, echo, open_console
from finance_platform.cli.exports import XLSX, export_options, opened_output, opened_workbook, require_output
from finance_platform.cli.options import EXIT_OK, QUERY_TABLE_ROWS, format_option, home_option, with_exit_code
from finance_platform.count_text import pluralize
from finance_platform.errors import QueryError
from finance_platform.safe_text import quote_name, to_json
from finance_platform.settings import load_settings

if TYPE_CHECKING:
    from finance_platform.contracts.dictionary import DictionaryEntry
    from finance_platform.reports.workbook_writer import WorkbookWriter
    from finance_platform.warehouse.port import Queryable, RowStream
    from finance_platform.warehouse.query_script import ScriptStatement

STANDARD_INPUT = "-"
MAX_SCRIPT_BYTES = 1 << 20
"""Of a file of queries: far more than people write, and no device or pipe without an end is read."""


@click.command(context_settings={"ignore_unknown_options": True})  # SQL may begin with a comment: --
@home_option
@click.argument("sql", required=False)
@click.option("-f", "--file", "file", metavar="FILE", help="Read the queries from this file.")
@export_options
@click.option(
    "--spreadsheet",
    is_flag=True,
    help="Print CSV in which no text is a formula for a spreadsheet; without it, CSV has every text as it is.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=QUERY_TABLE_ROWS,
    show_default=True,
    help="Rows of a table; 0: all. CSV, JSON and workbooks always have all rows.",
)
@as_of_option
@attributes_option
@with_exit_code
def query(
    home: Path | None,
    sql: str | None,
    file: str | None,
    output_format: str,
    output: Path | None,
    spreadsheet: bool,
    limit: int,
    as_of: str,
    attributes: str,
) -> int:
    """Run read-only SQL queries, in Redshift's dialect, on the warehouse.

    SQL is one query; `-` reads queries from standard input, as --file does from a file, each ended by a semicolon. Each
    of several results has a heading: the comment above its query; in a workbook, each has a sheet.
    `finance-platform tables` lists what can be queried.
    """
    from finance_platform.warehouse.query_script import errors_in_file, read_script

    if spreadsheet:
        if output_format in {"json", XLSX}:
            raise click.UsageError(f"--spreadsheet prints CSV; leave out --format {output_format}")
        output_format = "csv"
    require_output(output_format, output)
    settings = load_settings(home=home)
    source, script = _read(sql, file)
    statements = read_script(script, source)
    with shown_state(settings, as_of, attributes) as shown, ExitStack() as stack:
        results: _Results | _Sheets
        if output_format == XLSX:
            results = _Sheets(stack.enter_context(opened_workbook(output)), shown, count=len(statements))
        else:
            console = stack.enter_context(opened_output(output))
            results = _Results(console, output_format, is_raw=not spreadsheet, limit=limit, count=len(statements))
        for statement in statements:
            with (
                errors_in_file(source, statement),
                shown.warehouse.stream(
                    statement.sql,
                    timeout_seconds=settings.query_timeout_seconds,
                    by_column=output_format == "csv",
                ) as result,
            ):
                results.add(statement, result)
            _print_open_sums(statement, has_line=len(statements) > 1)
            _print_current_attributes(statement, shown.warehouse)
        results.close()
    return EXIT_OK


def _print_open_sums(statement: ScriptStatement, *, has_line: bool) -> None:
    """Say what a query adds up that its table's contract keeps apart; the result stays as it is."""
    from finance_platform.warehouse.open_sums import open_sums

    line = f" in line {statement.line}" if has_line else ""
    for one in open_sums(statement.sql):
        columns = " and ".join(filter(None, (", ".join(one.columns[:-1]), one.columns[-1])))
        echo(
            f"note: the sum{line} adds up every {columns} of {one.table}; name a value of each in WHERE, or "
            f"group by it, see `finance-platform tables {one.table}`",
            err=True,
        )


def _print_current_attributes(statement: ScriptStatement, warehouse: Queryable) -> None:
    """Say that a query takes the attributes of now for all periods, if some members had others in earlier ones."""
    from finance_platform.warehouse.open_sums import current_attributes
    from finance_platform.warehouse.statements import first_rows

    for one in current_attributes(statement.sql):
        if warehouse.query(first_rows(one.history, 1)).rows:
            echo(
                f"note: {one.table} has the attributes of now, and some members had others in earlier periods; join "
                f"{one.span} by key and period, or query ActualVsBudget, see `finance-platform tables {one.span}`",
                err=True,
            )


@click.command()
@home_option
@click.argument("name", required=False)
@format_option
@with_exit_code
def tables(home: Path | None, name: str | None, output_format: str) -> int:
    """List the tables and views that can be queried, or describe one: NAME, with the meaning of its columns."""
    from finance_platform.cli import rendering
    from finance_platform.contracts.dictionary import dictionary, find_entry

    console = open_console(is_prose=name is None)
    if name is None:
        rows = [(entry.name, entry.kind, entry.grain) for entry in dictionary()]
        rendering.print_rows(console, ("name", "kind", "one row is"), rows, output_format)
        return EXIT_OK
    entry = find_entry(name)
    if entry is None:
        raise click.UsageError(_unknown_table(name, [entry.name for entry in dictionary()]))
    if output_format == "json":
        rendering.print_json(console, asdict(entry))
        return EXIT_OK
    if output_format == "table":
        _print_facts(console, entry, load_settings(home=home).currency)
    columns = [(column.name, column.type, column.description) for column in entry.columns]
    rendering.print_rows(console, ("column", "type", "meaning"), columns, output_format)
    return EXIT_OK


def _print_facts(console: SafeConsole, entry: DictionaryEntry, currency: str) -> None:
    """Print what a person should know before writing a query on a table or view."""
    console.print(colored((entry.name, "bold"), f" ({entry.kind}): {entry.grain}"))
    console.print(f"Key: {', '.join(entry.key)}")
    if entry.fix:
        console.print(f"Fix before summing, in a filter or in GROUP BY: {', '.join(entry.fix)}")
    if entry.measures:
        console.print(f"{'Then sum' if entry.fix else 'Sum'}: {', '.join(entry.measures)}")
    if entry.note:
        console.print(entry.note)
    console.print(f"Home currency: {currency}\n")


def _unknown_table(name: str, known: list[str]) -> str:
    from finance_platform.feeds.values.codes import closest_match

    similar = closest_match(name.rpartition(".")[2], known)
    suggestion = f" Did you mean {similar}?" if similar else ""
    return f"there is no table or view {name!r}.{suggestion} `finance-platform tables` lists all"


class _Results:
    """Prints results one after the other; only several have headings.

    A table has its heading above it. In CSV, results are separated by an empty line, and the heading is the only cell
    of the line above the names. In JSON, each result is an object with `heading`, `line` and `rows`.
    """

    def __init__(self, console: SafeConsole, output_format: str, *, is_raw: bool, limit: int, count: int) -> None:
        self._console = console
        self._format = output_format
        self._is_raw = is_raw
        self._limit = limit if output_format == "table" else 0
        self._has_headings = count > 1
        self._printed = 0

    def add(self, statement: ScriptStatement, result: RowStream) -> None:
        """Print one result."""
        from finance_platform.cli import rendering

        if self._has_headings:
            self._print_heading(statement)
        if result.batches is not None:
            rendering.print_batches(self._console, result.columns, result.batches, is_raw=self._is_raw)
        else:
            shown = itertools.islice(result.rows, self._limit) if self._limit else result.rows
            rendering.print_rows(self._console, result.columns, shown, self._format, is_raw=self._is_raw)
        if self._has_headings and self._format == "json":
            self._console.file.write("}")
        self._printed += 1
        hidden = sum(1 for _ in result.rows)
        if hidden:
            rows = pluralize(hidden, "more row is", "more rows are")
            echo(f"… {rows} hidden; --limit 0, --format csv or --format json shows all", err=True)

    def close(self) -> None:
        """Print what ends the results."""
        if self._has_headings and self._format == "json":
            self._console.file.write("\n]\n")

    def _print_heading(self, statement: ScriptStatement) -> None:
        from finance_platform.cli import rendering

        output = self._console.file
        if self._format == "json":
            fields = to_json({"heading": statement.heading, "line": statement.line})
            output.write((",\n" if self._printed else "[\n") + fields[:-1] + ', "rows": ')
            return
        if self._printed:
            output.write("\n")
        if self._format == "csv":
            rendering.print_rows(self._console, [statement.heading], (), "csv", is_raw=self._is_raw)
        else:
            self._console.print(colored((statement.heading, "bold")), soft_wrap=True)


class _Sheets:
    """Writes each result to a sheet of a workbook, and the queries to the sheet of notes."""

    def __init__(self, book: WorkbookWriter, shown: ShownState, *, count: int) -> None:
        self._book = book
        self._has_headings = count > 1
        self._notes = ["Times are UTC.", *([f"Shown {shown.state.title}."] if shown.state else [])]

    def add(self, statement: ScriptStatement, result: RowStream) -> None:
        """Write one result."""
        name = statement.heading if self._has_headings else "Result"
        sheet = self._book.write_table(name, result.columns, result.rows)
        self._notes.append(f"Sheet {sheet}: {statement.text}")

    def close(self) -> None:
        """Write the notes."""
        self._book.write_notes(self._notes)


def _read(sql: str | None, file: str | None) -> tuple[str, str]:
    """Return the name of the file that the queries are in, empty if they are an argument, and the queries.

    Raises:
        click.UsageError: there are no queries, or two sources of them.
        QueryError: the file cannot be read.
    """
    if (sql is None) == (file is None):
        raise click.UsageError("give either a query or --file FILE; `-` reads the queries from standard input")
    if STANDARD_INPUT in (sql, file):
        content = b"" if sys.stdin is None else sys.stdin.buffer.read(MAX_SCRIPT_BYTES + 1)
        return "standard input", _decode(content, "standard input")
    if file is None:
        return "", sql or ""
    name = quote_name(file)
    try:
        with Path(file).open("rb") as opened:
            content = opened.read(MAX_SCRIPT_BYTES + 1)
    except OSError as error:
        raise QueryError(f"{name} cannot be read: {error.strerror}", fix="check the path given to --file") from error
    return name, _decode(content, name)


def _decode(content: bytes, name: str) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 if it begins with a mark of it, with plain line ends."""
    if len(content) > MAX_SCRIPT_BYTES:
        raise QueryError(f"{name} is larger than {MAX_SCRIPT_BYTES >> 20} MiB", fix="split it into several files")
    is_utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise QueryError(
            f"{name}, line {line}: the byte {content[error.start]:#04x} is not valid UTF-8",
            fix="save the file as UTF-8",
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")
