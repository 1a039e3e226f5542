"""Worksheets that write what occurs in many rows once: rows put together from ready cells, and usual formulas.

Belongs here: the XML of such a cell, as XlsxWriter writes it, rows of it, names of functions. Does not belong here:
which cells (see `pack.workbook.data_sheet`, `workbook_writer`).

XlsxWriter checks, escapes and formats each cell anew: 100 microseconds for a row of twenty cells of which all but two
occur in thousands of rows. Here it writes each of them once, and a row is their XML with the row's number. Of a column
with another text for each of 50,000 accounts it writes the first one; a plain text takes the place of that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from io import StringIO
from typing import TextIO

from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import CellNumberTuple, CellStringTuple, Worksheet

_ROW = "\0"
"""Stands for the row's number; no text has it, because XlsxWriter writes control characters as `_x0000_`."""


_ESCAPE = re.compile("(_x[0-9a-fA-F]{4}_)")
"""What a spreadsheet takes for an escaped character."""

_MARKUP = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))

_name_of = lru_cache(xl_col_to_name)
"""The letters of a column."""

_FUNCTION = re.compile(r"[\w.]+(?=\()")
"""The name of a function in a formula, or what is as well in a text of one."""

_NOT_PLAIN = re.compile(r"[&<>]|_x|^ | $|^$")
"""What XlsxWriter escapes in a printable text, or writes with an attribute."""

_as_written: set[frozenset[str]] = set()
"""Names of functions that XlsxWriter writes as they are, together; it has other names for those of later releases."""


class ReadyRows(Worksheet):  # type: ignore[misc]  # XlsxWriter has no types
    """A worksheet of a workbook in constant memory that takes whole rows, too."""

    fh: TextIO
    _patterns: dict[tuple[int, Format | None, bool], tuple[str, str]]

    def __init__(self) -> None:
        """Begin without any cell."""
        super().__init__()
        self._patterns = {}

    def _prepare_formula(self, formula: str, expand_future_functions: bool = False) -> str:
        """Return a formula as a file has it.

        XlsxWriter looks for thirty names in each formula, one after the other: a third of the workbook's time.
        """
        names = frozenset(_FUNCTION.findall(formula))
        is_expanded = expand_future_functions or self.use_future_functions
        is_plain = formula.startswith("=") and not formula.endswith("}") and not is_expanded
        if is_plain and names in _as_written:
            return formula[1:]
        prepared: str = super()._prepare_formula(formula, expand_future_functions)
        if is_plain and formula == f"={prepared}":
            _as_written.add(names)
        return prepared

    def _xml_rich_inline_string(self, string: str, attributes: Sequence[tuple[str, object]]) -> None:
        """Write a text that looks like markup as a text: XlsxWriter takes any in `<r>` for markup of its own."""
        self._xml_inline_string(string, False, attributes)

    def ready_cell(self, column: int, value: str | float, form: Format | None = None) -> str:
        """Return a cell for any row of `write_ready_row`, with its format; the columns of a row must ascend.

        Args:
            column: its column, from 0.
            value: a text, which a cell must be able to hold, or a number.
            form: its format.
        """
        written = value if isinstance(value, str) else _number(value)
        is_plain = not isinstance(value, str) or _is_plain(value)
        place = (column, form, isinstance(value, str))
        if is_plain and place in self._patterns:
            before, after = self._patterns[place]
            return f"{before}{written}{after}"
        xml = self._written_cell(column, value, form)
        if is_plain:
            tag = "t" if isinstance(value, str) else "v"
            before, _, after = xml.partition(f"<{tag}>{written}</{tag}>")
            self._patterns[place] = f"{before}<{tag}>", f"</{tag}>{after}"
        return xml

    def _written_cell(self, column: int, value: str | float, form: Format | None) -> str:
        """Return a cell as XlsxWriter writes it."""
        if self.table:
            self._write_single_row(self.previous_row + 1)  # formats are numbered in the order of their first use
        cell = CellStringTuple(value, form) if isinstance(value, str) else CellNumberTuple(value, form)
        self._check_dimensions(self.previous_row, column)
        written, self.fh = self.fh, StringIO()
        try:
            self._write_cell(0, column, cell)
            xml: str = self.fh.getvalue()
        finally:
            self.fh = written
        reference, _, rest = xml.partition('1"')
        return f'{reference}{_ROW}"{rest}'

    def ready_text(self, column: int, text: str, form: Format | None = None) -> str:
        """Return a cell of a text for `write_ready_row`: that of `ready_cell`, at a fifth of its cost.

        Args:
            column: its column, from 0.
            text: a text that a cell can hold, of newlines and characters that can be printed.
            form: its format.
        """
        if "_x" in text:
            text = _ESCAPE.sub(r"_x005F\1", text)
        for character, escaped in _MARKUP:
            if character in text:
                text = text.replace(character, escaped)
        is_kept = text[:1].isspace() or text[-1:].isspace()
        attribute = ' xml:space="preserve"' if is_kept else ""
        return f'{self._begin(column, form)} t="inlineStr"><is><t{attribute}>{text}</t></is></c>'

    def ready_number(self, column: int, number: float, form: Format | None) -> str:
        """Return a cell of a number for `write_ready_row`; see `ready_text`."""
        return f"{self._begin(column, form)}><v>{number:.16G}</v></c>"

    def ready_boolean(self, column: int, is_true: bool) -> str:
        """Return a cell of a truth value for `write_ready_row`; see `ready_text`."""
        return f'{self._begin(column, None)} t="b"><v>{int(is_true)}</v></c>'

    def day_number(self, day: date) -> float:
        """Return the number that a spreadsheet has for a day, or for a time without a zone."""
        number: float = self._convert_date_time(day)
        return number

    def _begin(self, column: int, form: Format | None) -> str:
        """Return the beginning of a cell: its reference and its format, which is numbered when it is first used."""
        if self.table:
            self._write_single_row(self.previous_row + 1)  # which may use formats first
        style = f' s="{form._get_xf_index()}"' if form else ""
        return f'<c r="{_name_of(column)}{_ROW}"{style}'

    def write_ready_row(self, row: int, cells: str) -> None:
        """Write a row below all others.

        Args:
            row: the row, from 0.
            cells: cells of `ready_cell`, `ready_text` and so on, one after the other.
        """
        if row > self.previous_row:
            self._write_single_row(row)  # the row before, if it was not written so
        self._check_dimensions(row, 0)
        self.fh.write(f'<row r="{_ROW}">{cells}</row>'.replace(_ROW, str(row + 1)))


def ready_number(cell: str, number: float) -> str:
    """Return a cell of the number 0 with another number."""
    return cell.replace("<v>0</v>", f"<v>{_number(number)}</v>")


def _number(number: float) -> str:
    return f"{number:.16G}"


def _is_plain(text: str) -> bool:
    """Return whether XlsxWriter writes a text as it is, and lets its spaces be as they are."""
    return text.isprintable() and _NOT_PLAIN.search(text) is None
