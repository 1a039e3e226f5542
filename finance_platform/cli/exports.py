"""Where the rows of a command go: the terminal, or a file that appears once it is whole.

Belongs here: the options `--format` and `--output`, files, workbooks of rows. Does not belong here: tables, CSV and
JSON (see `rendering`), cells of a workbook (see `reports.workbook_writer`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from finance_platform.cli.console import SafeConsole, echo, open_console
from finance_platform.count_text import pluralize

if TYPE_CHECKING:
    from finance_platform.reports.workbook_writer import WorkbookWriter

XLSX = "xlsx"


class Target(NamedTuple):
    """The format of rows, and the file that they are written to; None for standard output."""

    format: str
    output: Path | None = None


def export_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the format, a workbook too, and the file to write to."""
    output = click.option(
        "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file; xlsx is always a file."
    )
    choice = click.Choice(["table", "csv", "json", XLSX])
    return click.option("--format", "output_format", type=choice, default="table", show_default=True)(output(command))


def require_output(output_format: str, output: Path | None, *, is_table_for_people: bool = False) -> None:
    """Refuse a workbook without a file, and a file in a folder that does not exist.

    Args:
        output_format: the format.
        output: the file.
        is_table_for_people: whether the format table has sentences beside rows, and so is only printed.

    Raises:
        click.UsageError: the options do not fit together.
    """
    if output_format == XLSX and output is None:
        raise click.UsageError("a workbook is a file: add --output FILE.xlsx")
    if output is not None and output_format == "table" and is_table_for_people:
        raise click.UsageError("a file has rows only: add --format csv, json or xlsx to --output")
    if output is not None and not output.parent.is_dir():
        raise click.UsageError(f"the folder of {output} does not exist; create it, or check the path given to --output")


@contextmanager
def opened_output(output: Path | None) -> Iterator[SafeConsole]:
    """Open standard output, or a file that appears once it is whole."""
    if output is None:
        yield open_console()
        return
    with replaced_file(output) as path, path.open("w", encoding="utf-8", newline="") as stream:
        yield SafeConsole(file=stream, width=250, no_color=True)


@contextmanager
def opened_workbook(output: Path | None) -> Iterator[WorkbookWriter]:
    """Open a workbook that appears once it is whole; afterwards, say on standard error how many rows it has.

    Raises:
        click.UsageError: there is no file; see `require_output`.
    """
    from finance_platform.reports.workbook_writer import open_workbook

    if output is None:
        raise click.UsageError("a workbook is a file: add --output FILE.xlsx")
    with replaced_file(output) as path, open_workbook(path) as book:
        yield book
    echo(f"{pluralize(book.rows, 'row')}: {output}", err=True)
    report_inexact(book.inexact)


def report_inexact(count: int) -> None:
    """Say how many numbers of a workbook are texts, because it would round them."""
    if count:
        verb = (
            "number has more than 15 digits and is a text" if count == 1 else "numbers have more than 15 digits and are"
        )
        echo(f"{count:,} {verb}{'' if count == 1 else ' texts'} in the workbook", err=True)


def export_rows(
    name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], output_format: str, output: Path | None
) -> None:
    """Write rows as CSV, JSON or a workbook with one sheet of this name, to a file or to standard output."""
    from finance_platform.cli.rendering import print_rows

    if output_format == XLSX:
        with opened_workbook(output) as book:
            book.write_table(name, columns, rows)
            book.write_notes(["Times are UTC."])
        return
    with opened_output(output) as console:
        print_rows(console, columns, rows, output_format, is_listing=True)


@contextmanager
def replaced_file(output: Path) -> Iterator[Path]:
    """Give a path beside a file, which it replaces in the end; nothing is left of it after an error."""
    beside = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        yield beside
        beside.replace(output)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
