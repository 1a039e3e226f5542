"""A workbook of plain tables, written row by row: how a value becomes a cell.

Belongs here: sheets of rows, notes, values as cells. Does not belong here: which rows (see `rejected_workbook`,
`cli.exports`), the report pack's workbook with its formulas (see `pack.workbook`).

A text from a file or the warehouse is always the text of a cell, never a formula, a link or a number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.format import Format

from finance_platform.money_text import exact_money
from finance_platform.reports.ready_rows import ReadyRows
from finance_platform.reports.workbook_limits import (
    EXACT_DIGITS,
    FIRST_INEXACT,
    FIRST_YEAR,
    MAX_CHARACTERS,
    MAX_NAME,
    MAX_SHEET_ROWS,
)
from finance_platform.safe_text import printable, spreadsheet_cell

_CUT = "… (cut: a cell holds 32,767 characters)"
_MOST_EXACT = 10**EXACT_DIGITS
_MAX_DECIMALS = 10

_NOT_IN_XML = re.compile("[\ufffe\uffff]")
_NOT_IN_A_NAME = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_USUAL_WIDTH = 13
_INEXACT = "Numbers that are texts, because they have more than 15 digits and would be rounded"


_Cell = tuple[Any, str]
"""A value, and its cell in any row of a sheet."""


@contextmanager
def open_workbook(path: Path, *, grouped_counts: bool = False) -> Iterator[WorkbookWriter]:
    """Yield the writer of a new workbook, which is complete in the end.

    Args:
        path: the file, which is replaced.
        grouped_counts: whether integers are counts, shown as 1,234; otherwise they may be years or keys.

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
            yield WorkbookWriter(workbook, "#,##0" if grouped_counts else "0")
    except FileCreateError as error:
        raise OSError(*error.args[0].args) from error


class WorkbookWriter:
    """Writes sheets; each row is in the file before the next one comes.

    Attributes:
        inexact: the numbers that are texts so far, because a spreadsheet would round them.
        rows: the rows that were written so far.
    """

    def __init__(self, workbook: xlsxwriter.Workbook, integer_format: str) -> None:
        """Prepare the formats; see `open_workbook`."""
        self._workbook = workbook
        self._bold = workbook.add_format({"bold": True, "bottom": 1})
        self._integer = workbook.add_format({"num_format": integer_format})
        self._day = workbook.add_format({"num_format": "yyyy-mm-dd"})
        self._decimals: dict[int, Format] = {}
        # A spreadsheet takes an edited cell for a formula again, unless its text is marked as text.
        self._text: Mapping[bool, Format | None] = {True: workbook.add_format({"quote_prefix": True}), False: None}
        self._names: set[str] = set()
        self.inexact = 0
        self.rows = 0

    def write_table(
        self, name: str, headers: Sequence[str], rows: Iterable[Sequence[Any]], widths: Mapping[str, int] | None = None
    ) -> str:
        """Write rows, on further sheets too where one does not hold them; return the name of the first sheet.

        Args:
            name: of the sheet; what a spreadsheet does not allow in it is replaced.
            headers: the first row of each sheet.
            rows: a value per header; read once.
            widths: characters of some columns, by header.
        """
        first = self._free_name(name)
        sheet, number, sheets = self._add_sheet(first, headers, widths or {}), 1, 1
        last_column = max(len(headers) - 1, 0)
        # Most texts and times of a column are those of the row above, and a cell is the same in each row.
        above = _no_cells(headers)
        for row in rows:
            if number == MAX_SHEET_ROWS:
                sheet.autofilter(0, 0, number - 1, last_column)
                sheets += 1
                sheet, number = self._add_sheet(self._free_name(f"{name} {sheets}"), headers, widths or {}), 1
                above = _no_cells(headers)
            cells = "".join(
                self._cell_below(sheet, column, value, above)
                for column, value in enumerate(row)
                if not (value is None or value == "")
            )
            if cells:
                sheet.write_ready_row(number, cells)
            number += 1
            self.rows += 1
        sheet.autofilter(0, 0, number - 1, last_column)
        return first

    def write_notes(self, notes: Sequence[str]) -> None:
        """Write a sheet with a sentence per row, and how many numbers are texts."""
        sheet = self._workbook.add_worksheet(self._free_name("Notes"), ReadyRows)
        sheet.set_column(0, 0, 120)
        inexact = [f"{_INEXACT}: {self.inexact:,}."] if self.inexact else []
        for number, note in enumerate([*notes, *inexact]):
            sheet.write_ready_row(number, self._text_cell(sheet, 0, note))

    def _free_name(self, name: str) -> str:
        """Return a name that a sheet may have, and that none has yet; a spreadsheet ignores case in it."""
        plain = " ".join(_NOT_IN_A_NAME.sub(" ", printable(name)).split()).strip("'") or "Sheet"
        # A spreadsheet keeps this name for itself.
        plain = f"{plain} rows" if plain.casefold() == "history" else plain
        shown, number = plain[:MAX_NAME].rstrip(" '") or "Sheet", 1
        while shown.casefold() in self._names:
            number += 1
            end = f" {number}"
            shown = f"{plain[: MAX_NAME - len(end)].rstrip()}{end}"
        self._names.add(shown.casefold())
        return shown

    def _add_sheet(self, name: str, headers: Sequence[str], widths: Mapping[str, int]) -> ReadyRows:
        sheet: ReadyRows = self._workbook.add_worksheet(name, ReadyRows)
        sheet.freeze_panes(1, 0)
        for column, header in enumerate(headers):
            sheet.set_column(column, column, widths.get(header, max(_USUAL_WIDTH, min(len(header) + 2, 40))))
        for column, header in enumerate(headers):
            sheet.write_string(0, column, cell_text(header), self._bold)
        return sheet

    def _cell_below(self, sheet: ReadyRows, column: int, value: Any, above: list[_Cell]) -> str:
        """Return the cell of a value, which may be that of the row above; it is above the next one then."""
        before, cell = above[column]
        if type(value) is type(before) and value == before and isinstance(value, str | date):
            return cell
        cell = self._cell(sheet, column, value)
        above[column] = value, cell
        return cell

    def _cell(self, sheet: ReadyRows, column: int, value: Any) -> str:
        """Return the cell of a value."""
        if isinstance(value, str):
            return self._text_cell(sheet, column, value)
        if isinstance(value, bool):
            return sheet.ready_boolean(column, value)
        if isinstance(value, float) and math.isfinite(value):
            return sheet.ready_number(column, value, None)
        if isinstance(value, int | Decimal):
            return self._exact_cell(sheet, column, value)
        if isinstance(value, date) and value.year >= FIRST_YEAR:
            return self._time_cell(sheet, column, value)
        return self._text_cell(sheet, column, value.isoformat() if isinstance(value, date) else str(value))

    def _text_cell(self, sheet: ReadyRows, column: int, value: str) -> str:
        text = cell_text(value)
        return sheet.ready_text(column, text, self._text[spreadsheet_cell(text) != text])

    def _exact_cell(self, sheet: ReadyRows, column: int, value: int | Decimal) -> str:
        if isinstance(value, int) and -_MOST_EXACT < value < _MOST_EXACT:
            return sheet.ready_number(column, value, self._integer)
        digits = len(Decimal(value).normalize().as_tuple().digits)
        is_large = isinstance(value, Decimal) and abs(value) >= FIRST_INEXACT
        if digits > EXACT_DIGITS or is_large:
            self.inexact += 1
            return sheet.ready_text(column, exact_money(value) if isinstance(value, Decimal) else str(value))
        if isinstance(value, Decimal):
            return sheet.ready_number(column, float(value), self._decimal_format(value))
        return sheet.ready_number(column, value, self._integer)

    def _decimal_format(self, value: Decimal) -> Format:
        exponent = value.normalize().as_tuple().exponent
        more = min(max(-exponent - 2, 0), _MAX_DECIMALS) if isinstance(exponent, int) else 0
        if more not in self._decimals:
            self._decimals[more] = self._workbook.add_format({"num_format": "#,##0.00" + "0" * more})
        return self._decimals[more]

    def _time_cell(self, sheet: ReadyRows, column: int, value: date) -> str:
        """Return a day or a time; a cell has no time zone, so a time is UTC."""
        if not isinstance(value, datetime):
            return sheet.ready_number(column, sheet.day_number(value), self._day)
        utc = value.astimezone(UTC) if value.tzinfo else value
        time = utc.replace(tzinfo=None, microsecond=0)
        return sheet.ready_number(column, sheet.day_number(time), sheet.default_date_format)


def cell_text(text: str) -> str:
    """Return a text as a cell of a workbook can hold it: escaped where it cannot be shown, cut where it is too long."""
    shown = _NOT_IN_XML.sub(lambda match: f"\\u{ord(match[0]):04x}", printable(text))
    if 2 * len(shown) <= MAX_CHARACTERS or _utf16_length(shown) <= MAX_CHARACTERS:
        return shown
    kept = shown[: MAX_CHARACTERS - len(_CUT)]
    while _utf16_length(kept) > MAX_CHARACTERS - len(_CUT):
        kept = kept[: len(kept) - (_utf16_length(kept) - MAX_CHARACTERS + len(_CUT) + 1) // 2]
    return kept + _CUT


def _utf16_length(text: str) -> int:
    """Return the length that a spreadsheet counts: a character beyond the basic plane counts twice."""
    return len(text) + sum(character > "\uffff" for character in text)


def _no_cells(headers: Sequence[str]) -> list[_Cell]:
    """Return what is above the first row of a sheet."""
    return [(None, "")] * len(headers)
