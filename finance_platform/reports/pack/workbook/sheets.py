"""The sheets of the workbook as places to write to: formats, print set-up, texts that are never formulas, checks.

Belongs here: how a value is written into a cell, and what all sheets have in common. Does not belong here: what is on a
sheet (see `statement_sheets`, `detail_sheets`, `data_sheet`).

The results of formulas are written too, so that a viewer without a calculator shows them. A sheet collects its cells
and writes them row by row, because the workbook keeps only one row in memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_rowcol_to_cell

from finance_platform.reports.pack.model import Pack
from finance_platform.reports.pack.workbook.size import HEADER_ROW
from finance_platform.reports.pack.workbook.sums import Sum
from finance_platform.reports.ready_rows import ReadyRows
from finance_platform.reports.workbook_writer import cell_text
from finance_platform.safe_text import spreadsheet_cell

_A4 = 9
_HEADER_HEIGHT = 44
_MONEY = '#,##0_);(#,##0);"–"_)'
_TRUE_OR_FALSE = '"TRUE";"TRUE";"FALSE"'
"""LibreOffice shows a 1 for a stored true without it; Excel shows its own word in any case."""

_GOOD, _BAD = "#1B6E3C", "#B3261E"
_FORMATS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "title": {"bold": True, "font_size": 14},
        "message": {"bold": True, "font_size": 11},
        "note": {},
        "quiet": {"font_color": "#595959"},
        "warning": {"font_color": _BAD, "bold": True},
        "head": {"bold": True, "bottom": 1, "align": "right", "valign": "bottom", "text_wrap": True, "indent": 1},
        "head left": {"bold": True, "bottom": 1, "valign": "bottom", "text_wrap": True},
        "group": {"bold": True, "align": "left", "bottom": 1, "font_color": "#595959"},
        "bold": {"bold": True},
        "total label": {"bold": True, "top": 1},
        "wrapped": {"text_wrap": True, "valign": "top"},
        "entry": {"text_wrap": True, "valign": "top", "bg_color": "#FFF8E1", "border": 1, "border_color": "#D9D9D9"},
        "money": {"num_format": _MONEY},
        "money total": {"num_format": _MONEY, "bold": True, "top": 1},
        "prior": {"num_format": _MONEY, "font_color": "#767676"},
        "prior total": {"num_format": _MONEY, "font_color": "#767676", "bold": True, "top": 1},
        "effect": {"num_format": _MONEY},
        "effect total": {"num_format": _MONEY, "bold": True, "top": 1},
        "percent": {"num_format": "#,##0.0%_);(#,##0.0%)", "align": "right"},
        "percent total": {"num_format": "#,##0.0%_);(#,##0.0%)", "align": "right", "bold": True, "top": 1},
        "cents": {"num_format": "#,##0.00_);(#,##0.00)"},
        "whole": {"num_format": "#,##0"},
        "year": {"align": "left"},
        "source": {"font_color": "#595959", "align": "right"},
        "indented": {"indent": 1},
        "quiet indented": {"font_color": "#595959", "indent": 1},
        "head indented": {"bold": True, "bottom": 1, "valign": "bottom", "text_wrap": True, "indent": 1},
        "tolerance": {"num_format": "0.000"},
        "id": {"num_format": "0", "font_color": "#A6A6A6"},
        "check": {"num_format": _TRUE_OR_FALSE, "bold": True, "align": "center"},
    }
)
_GUARDED = " guarded"
_MAX_TEXT_WIDTH = 30
_BOLD = 1.15
"""How much wider bold figures are."""


@dataclass(frozen=True)
class Check:
    """A total of a sheet that must be equal to the same total of Data and to the figure of a view.

    Attributes:
        sheet: the sheet.
        what: the total.
        cell: its cell.
        value: its value.
        data: the sum over Data; None for a sheet whose figures are not in Data.
        view: the figure of the warehouse.
        source: the view that has it.
        is_count: whether it is a number of things, which has no cents.
    """

    sheet: str
    what: str
    cell: str
    value: Decimal
    data: Sum | None
    view: Decimal
    source: str
    is_count: bool = False

    @property
    def is_true(self) -> bool:
        """Whether the exact figures are equal."""
        return self.value == self.view and (self.data is None or self.data.value == self.value)


class Book:
    """The workbook: its formats, its sheets in order, its checks.

    Attributes:
        pack: the pack that it shows.
        checks: the checks so far; those of one sheet follow each other.
    """

    def __init__(self, workbook: xlsxwriter.Workbook, pack: Pack) -> None:
        """Set up the formats."""
        self.pack = pack
        self.checks: list[Check] = []
        self.workbook = workbook
        self._formats: dict[str, Format] = {}
        self._sheets: list[Sheet] = []

    def format(self, name: str) -> Format:
        """Return a format by its name."""
        if name not in self._formats:
            properties: dict[str, Any] = dict(_FORMATS[name.removesuffix(_GUARDED)]) if name != _GUARDED else {}
            # A spreadsheet takes an edited cell for a formula again, unless its text is marked as text.
            if name.endswith(_GUARDED):
                properties["quote_prefix"] = True
            self._formats[name] = self.workbook.add_format(properties)
        return self._formats[name]

    def cell(self, text: str) -> tuple[str, Format | None]:
        """Return a text as a cell can hold it, and the format that keeps it from being a formula once it is edited."""
        shown = cell_text(text)
        return shown, self.format(_GUARDED) if spreadsheet_cell(shown) != shown else None

    def add_sheet(self, name: str, title: str, header_row: int = HEADER_ROW) -> Sheet:
        """Return a new sheet with its title, what the pack is about, and the print set-up.

        Args:
            name: the name on its tab.
            title: its title.
            header_row: the last row of the header, from 0, which is repeated on every page; the rows up to it stay.
        """
        sheet = Sheet(self, name, header_row)
        self._sheets.append(sheet)
        sheet.text(0, 0, title, "title")
        sheet.text(1, 0, subject(self.pack), "warning" if self.pack.is_preliminary else "quiet")
        return sheet

    def check(
        self,
        sheet: Sheet,
        what: str,
        row: int,
        column: int,
        sources: tuple[Sum | None, Decimal, str],
        *,
        is_count: bool = False,
    ) -> None:
        """Add a check of a total that is in a cell of a sheet.

        Args:
            sheet: the sheet.
            what: the total in words.
            row: row of the cell, from 0.
            column: column of the cell, from 0.
            sources: the sum over Data, the figure of the view, the name of the view.
            is_count: whether it is a number of things.
        """
        value = sheet.value(row, column)
        cell = xl_rowcol_to_cell(row, column, row_abs=True, col_abs=True)
        self.checks.append(Check(sheet.name, what, cell, value, *sources, is_count=is_count))

    def sort_checks(self) -> None:
        """Put the checks in the order of the sheets."""
        order = {sheet.name: number for number, sheet in enumerate(self._sheets)}
        self.checks.sort(key=lambda one: order[one.sheet])

    def check_range(self, name: str) -> tuple[str, bool] | None:
        """Return the cells of the sheet Checks that belong to a sheet, and whether all are true; None without any."""
        rows = [number for number, one in enumerate(self.checks) if one.sheet == name]
        if not rows:
            return None
        first, last = (CHECKS_FIRST_ROW + number + 1 for number in (rows[0], rows[-1]))
        return f"Checks!$G${first}:$G${last}", all(self.checks[number].is_true for number in rows)

    def write(self) -> None:
        """Write the check of each sheet, and the cells of all sheets that were not written yet."""
        for sheet in self._sheets:
            found = self.check_range(sheet.name)
            if found:
                sheet.text(2, 0, "Check", "quiet")
                sheet.formula(2, 1, f"=AND({found[0]})", found[1], "check")
                sheet.colour_checks(2, 1, 2, 1)
            sheet.write()


CHECKS_FIRST_ROW = HEADER_ROW + 1
"""The row, from 0, of the first check on the sheet Checks."""


class Sheet:
    """One sheet; cells are collected in any order, and written in order.

    Attributes:
        name: the name on its tab.
        worksheet: what it is written to.
        printed_columns: how many columns are printed; 0 for all.
    """

    def __init__(self, book: Book, name: str, header_row: int) -> None:
        """Add the sheet to the workbook, with frozen panes and the print set-up."""
        self.name = name
        self.printed_columns = 0
        self._book = book
        self._cells: dict[tuple[int, int], tuple[str, Any, Any, str]] = {}
        self._effects: dict[int, tuple[int, int]] = {}
        self._widths: dict[int, tuple[float, bool]] = {}
        self._header_row = header_row
        self.worksheet = book.workbook.add_worksheet(name, ReadyRows)
        self.worksheet.set_landscape()
        self.worksheet.set_paper(_A4)
        self.worksheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
        self.worksheet.fit_to_pages(1, 0)
        self.worksheet.repeat_rows(0, header_row)
        self.worksheet.freeze_panes(header_row + 1, 0)
        self.worksheet.set_footer("&L&A&RPage &P of &N")
        self.worksheet.hide_gridlines(2)

    def set_width(self, column: int, width: float, *, is_grouped: bool = False) -> None:
        """Set the least width of a column, in characters; `is_grouped` if it can be folded away."""
        self._widths[column] = (width, is_grouped)

    def text(self, row: int, column: int, text: str, style: str = "") -> None:
        """Write a text, which is never a formula, a link or a number."""
        shown = cell_text(text)
        if shown:
            guard = _GUARDED if spreadsheet_cell(shown) != shown else ""
            self._cells[row, column] = ("text", shown, None, style + guard)

    def number(self, row: int, column: int, value: Decimal | int, style: str = "money") -> None:
        """Write a number."""
        self._cells[row, column] = ("number", value, None, style)

    def formula(self, row: int, column: int, formula: str, value: object, style: str) -> None:
        """Write a formula and its result: a number, a text, or true or false."""
        if style.startswith("effect"):
            first, last = self._effects.get(column, (row, row))
            self._effects[column] = min(first, row), max(last, row)
        self._cells[row, column] = ("formula", formula, value, style)

    def blank(self, row: int, column: int, style: str) -> None:
        """Write a cell that has a format and nothing else."""
        self._cells.setdefault((row, column), ("blank", None, None, style))

    def headers(self, row: int, column: int, texts: Sequence[str], lefts: int) -> None:
        """Write the header of a table, of which the first `lefts` columns have texts."""
        self.worksheet.set_row(row, _HEADER_HEIGHT)
        for offset, text in enumerate(texts):
            self.blank(row, column + offset, "head left")
            self.text(row, column + offset, text, "head left" if offset < lefts else "head")

    def value(self, row: int, column: int) -> Decimal:
        """Return the number in a cell, or the result of its formula; 0 for a blank cell."""
        kind, content, result, _ = self._cells.get((row, column), ("blank", None, None, ""))
        return Decimal(0) if kind == "blank" else Decimal(content if kind == "number" else result)

    def has_figure(self, row: int, column: int) -> bool:
        """Return whether a cell has a number or a formula."""
        return self._cells.get((row, column), ("blank",))[0] in ("number", "formula")

    def colour_checks(self, first_row: int, first_column: int, last_row: int, last_column: int) -> None:
        """Colour cells that are true or false."""
        area = (first_row, first_column, last_row, last_column)
        self._colour(area, "==", "TRUE", {"font_color": _GOOD, "bg_color": "#E3F4E5"})
        self._colour(area, "==", "FALSE", {"font_color": "#FFFFFF", "bg_color": _BAD})

    def write(self) -> None:
        """Write the collected cells; effects on profit are coloured by their sign."""
        if self.printed_columns:
            last_row = max(row for row, _ in self._cells)
            self.worksheet.print_area(0, 0, last_row, self.printed_columns - 1)
        self._set_columns()
        for column, (first, last) in sorted(self._effects.items()):
            for criteria, colour in ((">", _GOOD), ("<", _BAD)):
                self._colour((first, column, last, column), criteria, "0", {"font_color": colour})
        for row, column in sorted(self._cells):
            kind, content, result, style = self._cells[row, column]
            form = self._book.format(style) if style else None
            if kind == "text":
                self.worksheet.write_string(row, column, content, form)
            elif kind == "number":
                self.worksheet.write_number(row, column, float(content) + 0.0, form)
            elif kind == "blank":
                self.worksheet.write_blank(row, column, None, form)
            else:
                value = float(result) + 0.0 if isinstance(result, Decimal) else result  # + 0.0: zero has no sign
                self.worksheet.write_formula(row, column, content, form, value)
        self._cells.clear()
        self._effects.clear()

    def _set_columns(self) -> None:
        """Set the widths of columns: what was asked for, or what the figures and the names of the table need."""
        needed: dict[int, float] = {}
        for (row, column), (_, content, result, style) in self._cells.items():
            if row > self._header_row:
                shown = result if result is not None else content
                needed[column] = max(needed.get(column, 0), _width(shown, style))
        for column, (width, is_grouped) in sorted(self._widths.items()):
            options = {"level": 1} if is_grouped else {}
            self.worksheet.set_column(column, column, max(width, needed.get(column, 0)), None, options)

    def _colour(self, area: tuple[int, int, int, int], criteria: str, value: str, properties: dict[str, str]) -> None:
        rule = {"type": "cell", "criteria": criteria, "value": value}
        self.worksheet.conditional_format(*area, rule | {"format": self._book.workbook.add_format(properties)})


def _width(shown: object, style: str) -> float:
    """Return how many characters a cell of a table needs; of a long text, as many as a page has room for."""
    if isinstance(shown, str) and style.removesuffix(_GUARDED) in ("", "total label"):
        return min(len(shown) + 2, _MAX_TEXT_WIDTH)
    if not isinstance(shown, Decimal):
        return 0
    text = f"({abs(shown):,.1%})" if style.startswith("percent") else f"({abs(shown):,.0f})"
    return len(text) * (_BOLD if style.endswith("total") else 1) + 2


def subject(pack: Pack) -> str:
    """Return what a pack is about and which state of the warehouse it shows, as one line."""
    choice, stamp = pack.choice, pack.stamp
    against = f" against {choice.reference}" if choice.reference else ""
    parts = [
        "PRELIMINARY" if pack.is_preliminary else "",
        pack.entity,
        f"{choice.scenario} of {choice.period}{against}" if choice.period else "no amounts",
        choice.unit and f"business unit {choice.unit} only",
        pack.currency,
        pack.closed_text or "nothing is closed",
        f"load {stamp.number}",
        f"version {stamp.version}",
        pack.as_of,
        pack.attributes_text,
    ]
    return " · ".join(part for part in parts if part)
