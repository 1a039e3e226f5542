"""The sheets Data and Checks: every amount, and whether every total agrees with it and with the warehouse.

Belongs here: the columns of Data and their names, which fiscal years it holds, the table of checks. Does not belong
here: what a column marks (see `sums`), the checks themselves (see the other sheets).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain

from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell

from finance_platform.reports.pack.amounts import Amounts
from finance_platform.reports.pack.model import Cell, Pack
from finance_platform.reports.pack.workbook.figures import WorkbookFigures
from finance_platform.reports.pack.workbook.sheets import CHECKS_FIRST_ROW, Book, Sheet
from finance_platform.reports.pack.workbook.size import HEADER_ROW, size_error
from finance_platform.reports.pack.workbook.sums import Mark, Sum, Sums, range_name
from finance_platform.reports.ready_rows import ReadyRows, ready_number
from finance_platform.reports.workbook_limits import FIRST_INEXACT

MAX_AMOUNTS = 250_000
"""Amounts from which Data leaves out fiscal years that no other sheet needs; they take some 20 seconds to write."""


_TEXT_COLUMNS = 11
_COLUMNS = (
    *("Period", "Fiscal year", "Scenario", "Business unit", "Department code", "Department", "Account number"),
    *("Account", "Type", "Category", "Line", "Amount", "Profit", "Outlook"),
    *("Line id", "Unit id", "Department id", "Account id"),
)
_YEAR, _AMOUNT, _PROFIT = (_COLUMNS.index(name) for name in ("Fiscal year", "Amount", "Profit"))
_WIDTHS = (9, 8, 16, 18, 12, 24, 12, 28, 11, 20, 22, 16, 16, 9, 9, 9, 9, 9)
_ROUNDING = Decimal("1e-13")
_CELLS_AT_ONCE = 10_000


@dataclass(frozen=True)
class DataContent:
    """What Data holds of a pack: its amounts, and the names of the periods whose amounts are left out."""

    cells: Amounts
    left_out: Sequence[str]

    @property
    def inexact(self) -> int:
        """How many amounts have more digits than a spreadsheet keeps."""
        return self.cells.count_from(FIRST_INEXACT)


def content_of(pack: Pack, sums: Sums, max_amounts: int | None = None) -> DataContent:
    """Return what Data holds: all amounts, or with too many, those of the fiscal years that other sheets add up.

    Args:
        pack: the pack.
        sums: its sums.
        max_amounts: amounts from which years are left out; by default `MAX_AMOUNTS`.

    Raises:
        WorkbookSizeError: a sheet cannot hold the amounts.
    """
    amounts = Amounts.of(pack.cells)
    if len(amounts) <= (MAX_AMOUNTS if max_amounts is None else max_amounts):
        return DataContent(amounts, ())
    marked = {period for mark in sums.marks.values() for _, period in mark.cells}
    marked |= {period for _, period in sums.outlook}
    years = {one.fiscal_year for one in pack.periods if one.name in marked}
    kept = {one.name for one in pack.periods if one.fiscal_year in years}
    cells = amounts.where(amounts.are_in(kept))
    if error := size_error(pack, cells):
        raise error
    return DataContent(cells, [one.name for one in pack.periods if one.name not in kept])


def define_names(book: Book, sums: Sums, content: DataContent) -> None:
    """Name the columns of Data, so that formulas can be read."""
    last = HEADER_ROW + 1 + max(1, len(content.cells))
    marks = [mark.range_name for mark in sums.marks.values()]
    for column, name in enumerate([*(range_name(header) for header in _COLUMNS), *marks]):
        letters = xl_col_to_name(column)
        book.workbook.define_name(name, f"=Data!${letters}${HEADER_ROW + 2}:${letters}${last}")


def check_data(book: Book, figures: WorkbookFigures, sheet: Sheet, content: DataContent) -> None:
    """Write and check number and sum of the amounts, above the table."""
    total, amounts = content.cells.total(), Amounts.of(book.pack.cells)
    amount = _COLUMNS.index("Amount")
    sheet.text(HEADER_ROW - 2, amount - 2, "Number and sum of the amounts", "quiet")
    rows = Decimal(len(content.cells))
    sheet.formula(HEADER_ROW - 2, amount, f"=COUNT({range_name('Amount')})", rows, "whole")
    sheet.formula(HEADER_ROW - 1, amount, f"=SUM({range_name('Amount')})", total, "cents")
    rest = amounts.where(amounts.are_in(content.left_out))
    of_view = (Decimal(figures.amounts - len(rest)), figures.total - rest.total())
    counted = Sum(f"COUNT({range_name('Amount')})", rows)
    summed = Sum(f'SUMIFS({range_name("Amount")},{range_name("Unit id")},">0")', total)
    book.check(sheet, "Number of amounts", HEADER_ROW - 2, amount, (counted, of_view[0], "PeriodAmount"), is_count=True)
    book.check(sheet, "Sum of all amounts", HEADER_ROW - 1, amount, (summed, of_view[1], "PeriodAmount"))
    sheet.text(HEADER_ROW - 1, 0, _note(content), "quiet")


def _note(content: DataContent) -> str:
    note = "Filter by scenario before you add amounts: plans and actuals are beside each other."
    if content.left_out:
        note += f" Left out, because no sheet needs them: {content.left_out[0]} to {content.left_out[-1]}."
    if content.inexact:
        note += f" Rounded, because they have more than 15 digits: {content.inexact:,} amounts."
    return note


def write_data(book: Book, sums: Sums, sheet: Sheet, content: DataContent) -> None:
    """Write the amounts, one by one; the cells above them must have been written."""
    headers = [*_COLUMNS, *(mark.header for mark in sums.marks.values())]
    sheet.headers(HEADER_ROW, 0, headers, _TEXT_COLUMNS)
    for column, width in enumerate(_WIDTHS):
        sheet.set_width(column, width, is_grouped=column > _COLUMNS.index("Profit"))
    for column in range(len(_COLUMNS), len(headers)):
        sheet.set_width(column, 11, is_grouped=True)
    sheet.write()
    last = HEADER_ROW + max(1, len(content.cells))
    sheet.worksheet.autofilter(HEADER_ROW, 0, last, len(headers) - 1)
    sheet.worksheet.print_area(0, 0, last, _COLUMNS.index("Amount"))
    _write_amounts(book, sums, sheet.worksheet, content)


def _write_amounts(book: Book, sums: Sums, worksheet: ReadyRows, content: DataContent) -> None:
    """Write a row for each amount; what its period, scenario, department and account give is the same in many rows."""
    ready, cents = _ReadyCells(book, sums, worksheet), book.format("cents")
    amount = profit = ""
    cells = chain.from_iterable(content.cells.parts(_CELLS_AT_ONCE))
    for row, cell in enumerate(cells, HEADER_ROW + 1):
        names = ready.names(cell)
        amount = amount or worksheet.ready_cell(_AMOUNT, 0, cents)
        figures = ready_number(amount, float(cell.amount) + 0.0)  # + 0.0: zero has no sign
        effect = sums.profit_of(cell.account, cell.amount)
        if effect is not None:
            profit = profit or worksheet.ready_cell(_PROFIT, 0, cents)
            figures += ready_number(profit, float(effect) + 0.0)
        worksheet.write_ready_row(row, f"{names}{figures}{ready.numbers(cell)}")


class _ReadyCells:
    """The cells that many amounts have; each is written when the first amount needs it."""

    def __init__(self, book: Book, sums: Sums, worksheet: ReadyRows) -> None:
        self._write = worksheet.ready_cell
        self._texts, self._ids = _prepared_texts(book), _prepared_ids(book.pack, sums)
        self._years = {one.name: one.fiscal_year for one in book.pack.periods}
        self._left = book.format("year")
        self._sums, self._marks = sums, list(enumerate(sums.marks.values(), len(_COLUMNS)))
        self._names: dict[tuple[int, int | str], str] = {}
        self._patterns: dict[tuple[int, str], tuple[str, str]] = {}
        self._departments: dict[int, str] = {}
        self._accounts: dict[int, tuple[str, str]] = {}

    def names(self, cell: Cell) -> str:
        """Return the cells before the amount."""
        groups = ((0, cell.period), (1, cell.scenario), (2, cell.department), (3, cell.account))
        for group in groups:
            if group not in self._names:
                cells = [self._write(*text) for text in self._texts[group]]
                if group[0] == 0:
                    cells.append(self._write(_YEAR, self._years[cell.period], self._left))
                self._names[group] = "".join(cells)
        return "".join([self._names[group] for group in groups])

    def numbers(self, cell: Cell) -> str:
        """Return the cells after the profit: the numbers that formulas compare."""
        place = (cell.scenario, cell.period)
        if place not in self._patterns:
            self._patterns[place] = self._of_place(place)
        outlook, marks = self._patterns[place]
        line, account = self._of_account(cell.account)
        return f"{outlook}{line}{self._of_department(cell.department)}{account}{marks}"

    def _of_place(self, place: tuple[int, str]) -> tuple[str, str]:
        cells = [(column, self._write(column, number)) for column, number in _marked(self._sums, self._marks, place)]
        before = [xml for column, xml in cells if column < len(_COLUMNS)]
        return "".join(before), "".join(xml for _, xml in cells[len(before) :])

    def _of_department(self, key: int) -> str:
        if key not in self._departments:
            self._departments[key] = "".join(self._write(*cell) for cell in self._ids[0, key])
        return self._departments[key]

    def _of_account(self, key: int) -> tuple[str, str]:
        if key not in self._accounts:
            *line, account = (self._write(*cell) for cell in self._ids[1, key])
            self._accounts[key] = "".join(line), account
        return self._accounts[key]


def _marked(sums: Sums, marks: Sequence[tuple[int, Mark]], place: tuple[int, str]) -> list[tuple[int, int]]:
    """Return the columns, each with its number, that mark the amounts of a scenario and period."""
    month = sums.outlook.get(place)
    found = [(column, mark.cells[place]) for column, mark in marks if place in mark.cells]
    return [(_COLUMNS.index("Outlook"), month), *found] if month else found


def _prepared_texts(book: Book) -> dict[tuple[int, object], list[tuple[int, str, Format | None]]]:
    """Return what is written for a period (0), scenario (1), department (2) and account (3): column, text, format."""
    pack = book.pack
    labels = {row.order: row.label for row in pack.statement if not row.is_subtotal}
    texts: dict[tuple[int, object], tuple[int, tuple[str, ...]]] = {
        (0, one.name): (0, (one.name,)) for one in pack.periods
    }
    texts |= {(1, one.key): (2, (one.name,)) for one in pack.scenarios}
    texts |= {(2, one.key): (3, (one.unit, one.code, one.name)) for one in pack.departments}
    for one in pack.accounts:
        line = labels.get(one.line, "") if one.line is not None else ""
        texts[3, one.key] = (6, (one.number, one.name, one.type, one.category, line))
    return {
        place: [(column, *book.cell(text)) for column, text in enumerate(found, first) if text]
        for place, (first, found) in texts.items()
    }


def _prepared_ids(pack: Pack, sums: Sums) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Return the numbers that formulas compare, for a department (0) and an account (1): column and number."""
    line, unit, department, account = (
        _COLUMNS.index(f"{name} id") for name in ("Line", "Unit", "Department", "Account")
    )
    ids = {
        (0, one.key): [(unit, sums.units[one.unit]), (department, sums.departments[one.key])]
        for one in pack.departments
    }
    for one in pack.accounts:
        own = [(account, sums.accounts[one.key])]
        ids[1, one.key] = own if one.line is None else [(line, one.line), *own]
    return ids


def write_checks(book: Book, sheet: Sheet, gross: Decimal) -> None:
    """Write every check.

    Args:
        book: the workbook.
        sheet: the sheet Checks.
        gross: the sum of the amounts of Data without their signs.
    """
    headers = ["Sheet", "Total", "On the sheet", "In Data", "In the warehouse", "View", "Equal"]
    book.sort_checks()
    sheet.headers(HEADER_ROW, 0, headers, 2)
    sheet.text(HEADER_ROW, 5, headers[5], "head indented")
    for column, width in enumerate((14, 64, 22, 22, 22, 26, 10)):
        sheet.set_width(column, width)
    tolerance = max(Decimal("0.005"), gross * _ROUNDING)
    sheet.text(HEADER_ROW - 2, 3, "Tolerance", "quiet")
    sheet.number(HEADER_ROW - 2, 4, tolerance, "tolerance")
    place = xl_rowcol_to_cell(HEADER_ROW - 2, 4, row_abs=True, col_abs=True)
    for row, one in enumerate(book.checks, CHECKS_FIRST_ROW):
        sheet.text(row, 0, one.sheet)
        sheet.text(row, 1, one.what)
        style = "whole" if one.is_count else "cents"
        sheet.formula(row, 2, f"='{one.sheet}'!{one.cell}", one.value, style)
        if one.data:
            sheet.formula(row, 3, f"={one.data.formula}", one.data.value, style)
        else:
            sheet.text(row, 3, "not in Data", "source")
        sheet.number(row, 4, one.view, style)
        sheet.text(row, 5, one.source, "quiet indented")
        cells = [xl_rowcol_to_cell(row, column) for column in (2, 3, 4)]
        pairs = [f"ABS({cells[0]}-{cells[2]})<={place}"]
        pairs += [f"ABS({cells[0]}-{cells[1]})<={place}"] if one.data else []
        sheet.formula(row, 6, f"=AND({','.join(pairs)})", one.is_true, "check")
    if book.checks:
        last = CHECKS_FIRST_ROW + len(book.checks)
        sheet.text(HEADER_ROW - 2, 5, "Everything is equal", "bold")
        everything = all(one.is_true for one in book.checks)
        sheet.formula(HEADER_ROW - 2, 6, f"=AND($G${CHECKS_FIRST_ROW + 1}:$G${last})", everything, "check")
        sheet.colour_checks(HEADER_ROW - 2, 6, HEADER_ROW - 2, 6)
        sheet.colour_checks(CHECKS_FIRST_ROW, 6, last - 1, 6)
        sheet.worksheet.autofilter(HEADER_ROW, 0, last - 1, len(headers) - 1)
    sheet.text(
        HEADER_ROW - 1,
        0,
        "A total is equal if it differs by no more than the tolerance: a spreadsheet adds numbers of 15 digits.",
        "quiet",
    )
