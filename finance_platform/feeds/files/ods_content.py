"""The content of an ods workbook: cells of its sheets that have no value, and hidden rows.

Belongs here: what the parser does not report; cells and rows state how often they repeat. Does not belong here: formats
of cells (see `ods_formats`), the parts of a workbook (see `workbook_parts`).
"""

from __future__ import annotations

from finance_platform.feeds.files.formula_sums import FormulaSums, read_sum
from finance_platform.feeds.files.workbook_shared import FaultyCells, MergedCells, check_faulty_count
from finance_platform.feeds.findings import NO_VALUE
from finance_platform.feeds.limits import MAX_COLUMNS, MAX_FAULTY_CELLS
from finance_platform.feeds.violations import UNKNOWN_ERROR

_CELLS = frozenset({"table:table-cell", "table:covered-table-cell"})
_ROWS, _COLUMNS = "table:number-rows-repeated", "table:number-columns-repeated"
_SPANNED = "table:number-rows-spanned", "table:number-columns-spanned"
_VISIBILITY = "table:visibility"
_VALUES = frozenset(
    {"office:value", "office:date-value", "office:time-value", "office:boolean-value", "office:string-value"}
)
_HIDDEN = {"collapse", "filter"}
NEEDED_BYTES = (b"formula", b'"collapse"', b'"filter"', b"-spanned=")
"""One of them is in each content that has something that is looked for."""

_MAX_HIDDEN = 100_000
"""Hidden rows that are stated once for several and that are looked at one by one; more are blank."""


class OdsContentScan:
    """Finds the cells without a value in the XML of an ods workbook, in which cells and rows state repetitions.

    Attributes:
        faulty: cells without a value, by the number of their sheet from 0.
        hidden: rows that are hidden or filtered out and in no group, by the number of their sheet.
        hidden_columns: columns that are hidden and in no group, from 0, by the number of their sheet.
        sums: formulas that only add up cells, by the number of their sheet.
        merged: first and last cell of merged ones, as row and column from 0, by the number of their sheet.
    """

    def __init__(self) -> None:
        self.faulty: dict[int, FaultyCells] = {}
        self.hidden: dict[int, set[int]] = {}
        self.hidden_columns: dict[int, set[int]] = {}
        self.sums: dict[int, FormulaSums] = {}
        self.merged: dict[int, MergedCells] = {}
        self._groups = self._column_groups = 0
        self._table, self._row, self._column, self._count = -1, 0, 0, 0
        self._row_repeats = self._cell_repeats = 1
        self._fault = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take the begin of an element."""
        if tag in _CELLS:
            self._begin_cell(attributes)
        elif tag == "table:table":
            self._table, self._row, self._column = self._table + 1, 1, 0
        elif tag == "table:table-row":
            self._column, self._row_repeats = 0, _count(attributes, _ROWS)
            if attributes.get(_VISIBILITY) in _HIDDEN and not self._groups:
                rows = range(self._row, self._row + min(self._row_repeats, _MAX_HIDDEN))
                self.hidden.setdefault(self._table, set()).update(rows)
        elif tag == "table:table-row-group":
            self._groups += 1
        elif tag == "table:table-column-group":
            self._column_groups += 1
        elif tag == "table:table-column":
            self._add_column(attributes)

    def _add_column(self, attributes: dict[str, str]) -> None:
        count = _count(attributes, _COLUMNS)
        if attributes.get(_VISIBILITY) in _HIDDEN and not self._column_groups:
            hidden = range(self._column, min(self._column + count, MAX_COLUMNS))
            self.hidden_columns.setdefault(self._table, set()).update(hidden)
        self._column += count

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        self._cell_repeats = _count(attributes, _COLUMNS)
        rows, columns = (_count(attributes, spanned) for spanned in _SPANNED)
        if rows * columns > 1:
            first = self._row - 1, self._column
            last = first[0] + rows - 1, first[1] + columns - 1
            self.merged.setdefault(self._table, []).append((first, last))
        formula = attributes.get("table:formula")
        if formula is not None and (found := read_sum(formula)):
            self.sums.setdefault(self._table, {})[self._row, self._column] = found
        self._fault = ""
        if attributes.get("calcext:value-type") == "error":
            self._fault = UNKNOWN_ERROR
        elif formula is not None and attributes.get("office:value-type") != "string":
            self._fault = "" if _VALUES & attributes.keys() else NO_VALUE

    def end(self, tag: str) -> None:
        """Take the end of an element."""
        if tag in _CELLS:
            if self._fault:
                self._note(self._fault)
            self._column += self._cell_repeats
        elif tag == "table:table-row":
            self._row += self._row_repeats
        elif tag == "table:table-row-group":
            self._groups -= 1
        elif tag == "table:table-column-group":
            self._column_groups -= 1

    def _note(self, text: str) -> None:
        if self._row_repeats * self._cell_repeats + self._count > MAX_FAULTY_CELLS:
            check_faulty_count(MAX_FAULTY_CELLS + 1, self._row)
        rows = self.faulty.setdefault(self._table, {})
        for row in range(self._row, self._row + self._row_repeats):
            for column in range(self._column, self._column + self._cell_repeats):
                self._count += 1
                rows.setdefault(row, {})[column] = text


def _count(attributes: dict[str, str], name: str) -> int:
    """Return how many rows or columns an element stands for or spans: 1 if it does not say."""
    if name not in attributes:
        return 1
    written = attributes[name]
    return int(written) if written.isascii() and written.isdigit() and len(written) < len("10000000") else 1
