"""The workbook of rejected rows, for a person who works through them.

Belongs here: its sheets, and how a value is written into a cell. Does not belong here: reading the rows (see
`rejected_rows`).

A text from a file is always the text of a cell, never a formula, a link or a number. Rows are written one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from finance_platform.money_text import plain_money
from finance_platform.reports.rejected_rows import FILE_COLUMNS, REASON_COLUMNS, RejectedTotals, details_in_columns
from finance_platform.safe_text import printable, spreadsheet_cell

ROWS_SHEET = "Rejected rows"
MAX_SHEET_ROWS = 1_048_576
_MAX_CHARACTERS = 32_767
_CUT = "… (cut: a cell holds 32,767 characters)"
_EXACT = Decimal("1e13")
"""A spreadsheet keeps 15 digits of a number: thirteen before the decimal point and two after it."""

_NOT_IN_XML = re.compile("[\ufffe\uffff]")
_WIDTHS = {"file": 28, "columns": 16, "values": 22, "reasons": 60, "raw row": 80, "first seen": 19, "rule": 24}
_USUAL_WIDTH = 13
_HEADERS: Mapping[str, str] = {
    "feed": "feed",
    "source_file": "file",
    "state": "state",
    "source_sheet": "sheet",
    "source_row": "line",
    "source_column": "cell's column",
    "outcome": "outcome",
    "scenario": "scenario",
    "period": "period",
    "amount": "amount",
    "currency": "currency",
    "rules": "rules",
    "columns": "columns",
    "values": "values",
    "reasons": "reasons",
    "first_seen": "first seen",
    "raw_row": "raw row",
}
"""The columns of the rows: field and header."""


def write_rejected_workbook(path: Path, rows: Iterable[Mapping[str, Any]], totals: RejectedTotals) -> int:
    """Write the rows, then the totals per reason and per file.

    Args:
        path: the file, which is replaced.
        rows: the rows, read once.
        totals: their totals, complete once the rows have been read.

    Returns:
        The number of amounts that are texts, because a spreadsheet would round them.

    Raises:
        OSError: the file cannot be written.
    """
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "default_date_format": "yyyy-mm-dd hh:mm:ss",
    }
    try:
        with xlsxwriter.Workbook(str(path), options) as workbook:
            writer = _Writer(workbook)
            writer.write_rows(rows)
            writer.write_table("By reason", REASON_COLUMNS, totals.reason_rows())
            writer.write_table("By file", FILE_COLUMNS, totals.file_rows())
            writer.write_notes()
    except FileCreateError as error:
        raise OSError(*error.args[0].args) from error
    return writer.inexact


class _Writer:
    """Writes sheets; each row is in the file before the next one comes."""

    def __init__(self, workbook: xlsxwriter.Workbook) -> None:
        self._workbook = workbook
        self._bold = workbook.add_format({"bold": True, "bottom": 1})
        self._money = workbook.add_format({"num_format": "#,##0.00"})
        self._whole = workbook.add_format({"num_format": "#,##0"})
        # A spreadsheet takes an edited cell for a formula again, unless its text is marked as text.
        self._text: Mapping[bool, Format | None] = {True: workbook.add_format({"quote_prefix": True}), False: None}
        self.inexact = 0

    def write_rows(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write the rows, on further sheets too where one does not hold them."""
        sheet, number, sheets = self._add_sheet(ROWS_SHEET, list(_HEADERS.values())), 1, 1
        for row in rows:
            if number == MAX_SHEET_ROWS:
                sheet.autofilter(0, 0, number - 1, len(_HEADERS) - 1)
                sheets += 1
                sheet, number = self._add_sheet(f"{ROWS_SHEET} {sheets}", list(_HEADERS.values())), 1
            columns, values = details_in_columns(row["details"])
            extended = {**row, "columns": columns, "values": values}
            for column, name in enumerate(_HEADERS):
                self._write(sheet, number, column, extended[name] if name != "first_seen" else _moment(row[name]))
            number += 1
        sheet.autofilter(0, 0, number - 1, len(_HEADERS) - 1)

    def write_table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Write a sheet of totals."""
        sheet = self._add_sheet(name, columns)
        for number, row in enumerate(rows, 1):
            for column, value in enumerate(row):
                self._write(sheet, number, column, value)
        sheet.autofilter(0, 0, len(rows), len(columns) - 1)

    def write_notes(self) -> None:
        """Write how the figures are to be read."""
        sheet = self._workbook.add_worksheet("Notes")
        sheet.set_column(0, 0, 120)
        notes = [
            "Times are UTC. First seen: when this content of the file was discovered first.",
            "By file has each row once. By reason has a row that breaks several rules once for each of them.",
            "Amounts of different scenarios or units must not be added. Rows without a valid amount are unpriced.",
            "Characters that cannot be shown are written as escape sequences, such as \\x1b.",
        ]
        if self.inexact:
            notes.append(
                f"Amounts that are texts, because they have more than 15 digits and would be rounded: {self.inexact:,}."
            )
        for number, note in enumerate(notes):
            sheet.write_string(number, 0, note)

    def _add_sheet(self, name: str, headers: Sequence[str]) -> Worksheet:
        sheet = self._workbook.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        for column, header in enumerate(headers):
            sheet.set_column(column, column, _WIDTHS.get(header, _USUAL_WIDTH))
        for column, header in enumerate(headers):
            sheet.write_string(0, column, header, self._bold)
        return sheet

    def _write(self, sheet: Worksheet, row: int, column: int, value: Any) -> None:
        if value is None or value == "":
            return
        if isinstance(value, Decimal) and abs(value) < _EXACT:
            sheet.write_number(row, column, float(value), self._money)
        elif isinstance(value, Decimal):
            self.inexact += 1
            sheet.write_string(row, column, plain_money(value))
        elif isinstance(value, int):
            sheet.write_number(row, column, value, self._whole)
        elif isinstance(value, datetime):
            sheet.write_datetime(row, column, value)
        else:
            text = cell_text(value)
            sheet.write_string(row, column, text, self._text[spreadsheet_cell(text) != text])


def cell_text(text: str) -> str:
    """Return a text as a cell of a workbook can hold it: escaped where it cannot be shown, cut where it is too long."""
    shown = _NOT_IN_XML.sub(lambda match: f"\\u{ord(match[0]):04x}", printable(text))
    if _utf16_length(shown) <= _MAX_CHARACTERS:
        return shown
    kept = shown[: _MAX_CHARACTERS - len(_CUT)]
    while _utf16_length(kept) > _MAX_CHARACTERS - len(_CUT):
        kept = kept[: len(kept) - (_utf16_length(kept) - _MAX_CHARACTERS + len(_CUT) + 1) // 2]
    return kept + _CUT


def _utf16_length(text: str) -> int:
    """Return the length that a spreadsheet counts: a character beyond the basic plane counts twice."""
    return len(text) + sum(character > "\uffff" for character in text)


def _moment(text: str | None) -> datetime | None:
    """Return a time in UTC; a cell has no time zone."""
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None, microsecond=0) if text else None
