"""The sheets of departments and accounts: Departments, Top, CapEx, and Restatements.

Belongs here: one row per department, variance, investment or change. Does not belong here: lines of the statement (see
`statement_sheets`), how a cell is written (see `sheets`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from xlsxwriter.utility import xl_rowcol_to_cell

from finance_platform.contracts.views import HORIZONS
from finance_platform.feeds.lines.report_rows import NATURES
from finance_platform.reports.pack.model import Pack, PackAccount, PackDepartment
from finance_platform.reports.pack.workbook.figures import Sides, TopVariance, WorkbookFigures
from finance_platform.reports.pack.workbook.sheets import Book, Sheet
from finance_platform.reports.pack.workbook.size import HEADER_ROW
from finance_platform.reports.pack.workbook.statement_sheets import IdColumn, column_sum, write_effect
from finance_platform.reports.pack.workbook.sums import Mark, Side, Sum, Sums, profit_effect

MAX_VARIANCES = 300
"""Variances with the largest effect on the sheet Top; those that are material are there whatever their rank."""

TOP_COLUMNS = (
    *("Period", "Business unit", "Department code", "Department", "Account number"),
    *(
        "Account",
        "Amount",
        "Reference",
        "Effect on profit",
        "%",
        "Material",
        "Owner",
        "Comment",
        "Kind",
        "Department id",
        "Account id",
    ),
)
"""The columns of the sheet Top; the shipped feed `pack_comments` reads six of them by these names."""

YEAR_TO_DATE, FULL_YEAR = "year to date", "full year"
_MATERIAL = TOP_COLUMNS.index("Material")
_FIRST_ROW = HEADER_ROW + 1
_ZERO = Decimal("0.00")


class _Rows:
    """Writes sums and differences of one sheet; a side that has no amounts gives 0."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet

    def total(self, row: int, column: int, found: Sum | None, style: str = "money") -> None:
        """Write a sum."""
        if found is not None:
            self._sheet.formula(row, column, f"={found.formula}", found.value, style)

    def minus(self, row: int, column: int, first: int, second: int, style: str = "money") -> None:
        """Write the difference of two columns of the row, if it has both."""
        if not (self._sheet.has_figure(row, first) and self._sheet.has_figure(row, second)):
            return
        cells = [xl_rowcol_to_cell(row, one) for one in (first, second)]
        value = self._sheet.value(row, first) - self._sheet.value(row, second)
        self._sheet.formula(row, column, f"={cells[0]}-{cells[1]}", value, style)

    def column_total(self, row: int, column: int) -> None:
        """Write the sum of all rows above the row, if any of them has a figure."""
        if not any(self._sheet.has_figure(one, column) for one in range(_FIRST_ROW, row)):
            return
        values = (self._sheet.value(one, column) for one in range(_FIRST_ROW, row))
        formula = f"={column_sum(column, _FIRST_ROW, row - 1)}"
        self._sheet.formula(row, column, formula, sum(values, _ZERO), "money total")


def _add_compared(sums: Sums, horizon: str, names: tuple[str, str], headers: list[str]) -> tuple[int, int] | None:
    """Add headers for the amounts of the periods that both sides have; None if these are all periods.

    A difference of all periods would take the amounts of months without a plan for a variance.
    """
    sides = [sums.mark(horizon, side) for side in (Side.SCENARIO, Side.REFERENCE)]
    if any(mark is None for mark in sides) or all(mark and mark.is_compared for mark in sides):
        return None
    headers += [f"{name} {horizon} of months in both" for name in names]
    return len(headers) - 2, len(headers) - 1


def write_departments(book: Book, sums: Sums, figures: WorkbookFigures, sheet: Sheet) -> None:
    """Write for each department revenue and costs year to date, and what is left of the year's plan."""
    choice = book.pack.choice
    headers = ["Business unit", "Code", "Department"]
    plan = choice.reference or "reference"
    ytd, year = "year to date", "full year"
    headers += [f"Revenue {ytd}", f"{plan} revenue {ytd}", f"Profit {ytd}", f"{plan} profit {ytd}"]
    headers += [f"Costs {ytd}", f"{plan} costs {ytd}", "Effect of costs on profit", "%"]
    headers += [f"Expected costs {year}", f"{plan} costs {year}", f"Left of {plan}", f"Spent of {plan}"]
    compared = _add_compared(sums, ytd, ("Costs", f"{plan} costs"), headers)
    sheet.headers(HEADER_ROW, 0, headers, 3)
    _set_widths(sheet, (22, 12, 28, *[13] * 7, 9, *[13] * 3, 9, *[13] * len(compared or ())))
    ids = IdColumn(sheet, HEADER_ROW, len(headers))
    sheet.printed_columns = len(headers)
    rows = _Rows(sheet)
    used = sums.departments_in_use()
    shown = sorted((one for one in book.pack.departments if one.key in used), key=lambda one: (one.unit, one.code))
    last = _FIRST_ROW + len(shown)
    for row, department in enumerate(shown, _FIRST_ROW):
        _write_department(sheet, sums, row, department, (ids, compared))
    for column in range(len(headers)):
        sheet.blank(last, column, "total label")
    sheet.text(last, 0, "Total", "total label")
    for column in (3, 4, 5, 6, 7, 8, 11, 12, 13, *(compared or ())):
        rows.column_total(last, column)
    _write_costs_effect(sheet, last, " total", compared)
    if shown:
        sheet.worksheet.autofilter(HEADER_ROW, 0, last - 1, len(headers))
    sheet.text(last + 2, 0, f"{_elapsed(book)} Costs are revenue less profit, money without a type included.", "quiet")
    for name, of_view, column in (("Revenue", figures.revenue, 3), ("Profit", figures.profit, 5)):
        found = _over_units(of_view, YEAR_TO_DATE)
        for offset, side in enumerate((Side.SCENARIO, Side.REFERENCE)):
            mark = sums.mark(YEAR_TO_DATE, side)
            if mark:
                data = sums.profit(mark, revenue=name == "Revenue")
                what = f"{name}, {mark.header.lower()}"
                view = found.amount if side == Side.SCENARIO else found.reference
                book.check(sheet, what, last, column + offset, (data, view or _ZERO, "VarianceByHorizon"))


def _write_department(
    sheet: Sheet, sums: Sums, row: int, department: PackDepartment, of: tuple[IdColumn, tuple[int, int] | None]
) -> None:
    ids, compared_columns = of
    number = sums.departments[department.key]
    place = ids.write(row, number)
    for column, text in enumerate((department.unit, department.code, department.name)):
        sheet.text(row, column, text)
    rows = _Rows(sheet)

    def profit(horizon: str, side: Side, *, revenue: bool = False, compared: bool = False) -> Sum | None:
        mark = sums.mark(horizon, side)
        if not mark:
            return None
        return sums.profit(mark, "department", [place], (number,), revenue=revenue, compared=compared)

    def costs(horizon: str, side: Side, *, compared: bool = False) -> Sum | None:
        revenue = profit(horizon, side, revenue=True, compared=compared)
        result = profit(horizon, side, compared=compared)
        if not (revenue and result):
            return None
        return Sum(f"{revenue.formula}-{result.formula}", revenue.value - result.value)

    for offset, side in enumerate((Side.SCENARIO, Side.REFERENCE)):
        rows.total(row, 3 + offset, profit(YEAR_TO_DATE, side, revenue=True))
        rows.total(row, 5 + offset, profit(YEAR_TO_DATE, side))
        rows.minus(row, 7 + offset, 3 + offset, 5 + offset)
        rows.total(row, 11 + offset, costs(FULL_YEAR, side))
        if compared_columns:
            rows.total(row, compared_columns[offset], costs(YEAR_TO_DATE, side, compared=True))
    rows.minus(row, 13, 12, 7)
    _write_costs_effect(sheet, row, "", compared_columns)


def _write_costs_effect(sheet: Sheet, row: int, suffix: str, compared: tuple[int, int] | None) -> None:
    first, second = compared or (7, 8)
    cells = (xl_rowcol_to_cell(row, first), xl_rowcol_to_cell(row, second))
    if not (sheet.has_figure(row, 7) and sheet.has_figure(row, 8)):
        return
    write_effect(sheet, row, 9, cells, (sheet.value(row, first), sheet.value(row, second)), -1, suffix)
    spent, plan = xl_rowcol_to_cell(row, 7), xl_rowcol_to_cell(row, 12)
    value = sheet.value(row, 7) / sheet.value(row, 12) if sheet.value(row, 12) > 0 else "n/m"
    sheet.formula(row, 14, f'=IF({plan}>0,{spent}/{plan},"n/m")', value, f"percent{suffix}")


def _elapsed(book: Book) -> str:
    period = book.pack.period
    return f"{period.fiscal_period} of 12 months are over." if period else ""


def write_top(book: Book, sums: Sums, figures: WorkbookFigures, sheet: Sheet) -> None:
    """Write the variances with the largest effect on profit, with cells for owner, comment and kind."""
    sheet.headers(HEADER_ROW, 0, TOP_COLUMNS, 6)
    for column, text in enumerate(TOP_COLUMNS[10:14], 10):
        sheet.text(HEADER_ROW, column, text, "head indented" if column == _MATERIAL else "head left")
    _set_widths(sheet, (9, 16, 12, 22, 10, 28, 13, 13, 13, 9, 11, 16, 46, 11))
    ids = [IdColumn(sheet, HEADER_ROW, column, TOP_COLUMNS[column]) for column in (14, 15)]
    sheet.printed_columns = len(TOP_COLUMNS) - len(ids)
    shown = [one for rank, one in enumerate(figures.variances) if rank < MAX_VARIANCES or one.is_material]
    departments = {one.key: one for one in book.pack.departments}
    accounts = {one.key: one for one in book.pack.accounts}
    sides = [sums.mark(YEAR_TO_DATE, side) for side in (Side.SCENARIO, Side.REFERENCE)]
    for row, variance in enumerate(shown, _FIRST_ROW):
        _write_variance(book, sheet, row, variance, (departments[variance.department], accounts[variance.account]))
        _write_variance_figures(sums, sheet, row, variance, (ids, sides, accounts[variance.account]))
    last = _FIRST_ROW + len(shown) - 1
    total = _FIRST_ROW - 3
    rest = len(figures.variances) - len(shown)
    more = f"; {rest:,} more are not material" if rest else ""
    sheet.text(total, 3, f"{len(shown):,} variances year to date, in months that both have{more}", "quiet")
    if not shown:
        return
    sheet.text(total, 7, "Total", "bold")
    value = sum((sheet.value(row, 8) for row in range(_FIRST_ROW, last + 1)), _ZERO)
    sheet.formula(total, 8, f"={column_sum(8, _FIRST_ROW, last)}", value, "effect")
    sheet.worksheet.autofilter(HEADER_ROW, 0, last, len(TOP_COLUMNS) - 1)
    sheet.worksheet.data_validation(
        _FIRST_ROW, 13, last, 13, {"validate": "list", "source": list(NATURES), "ignore_blank": True}
    )
    view = sum((one.impact or _ZERO for one in shown), _ZERO)
    data = None if rest else _data_effect(sums, sides)
    book.check(sheet, "Effect of the listed variances on profit", total, 8, (data, view, "TopVariance"))


def _write_variance(
    book: Book, sheet: Sheet, row: int, variance: TopVariance, of: tuple[PackDepartment, PackAccount]
) -> None:
    department, account = of
    texts = (book.pack.choice.period, department.unit, department.code, department.name, account.number, account.name)
    for column, text in enumerate(texts):
        sheet.text(row, column, text)
    sheet.text(row, _MATERIAL, "yes" if variance.is_material else "", "indented")
    for column, text in enumerate((variance.owner, variance.comment, variance.nature), 11):
        sheet.blank(row, column, "entry")
        sheet.text(row, column, text, "entry")


def _write_variance_figures(
    sums: Sums,
    sheet: Sheet,
    row: int,
    variance: TopVariance,
    of: tuple[Sequence[IdColumn], Sequence[Mark | None], PackAccount],
) -> None:
    ids, sides, account = of
    numbers = (sums.departments[variance.department], sums.accounts[variance.account])
    places = [column.write(row, number) for column, number in zip(ids, numbers, strict=True)]
    rows = _Rows(sheet)
    for column, mark in enumerate(sides, 6):
        if mark:
            rows.total(row, column, sums.amount(mark, "cell", places, numbers, compared=True))
    cells = (xl_rowcol_to_cell(row, 6), xl_rowcol_to_cell(row, 7))
    values = (sheet.value(row, 6), sheet.value(row, 7))
    effect = _effect_sign(account)
    if effect:
        write_effect(sheet, row, 8, cells, values, effect, "")


def _effect_sign(account: PackAccount) -> int:
    """Return whether more is better (1), worse (-1) or neither (0); investments over plan are worse."""
    return -1 if account.is_capex else profit_effect(account)


def _data_effect(sums: Sums, sides: Sequence[Mark | None]) -> Sum | None:
    """Return the effect of all variances as a sum over Data: profit, less investments."""
    scenario, reference = sides
    if scenario is None or reference is None:
        return None
    parts = [sums.profit(scenario, compared=True), sums.profit(reference, compared=True)]
    parts += [sums.capex(reference, compared=True), sums.capex(scenario, compared=True)]
    formula = f"{parts[0].formula}-{parts[1].formula}+{parts[2].formula}-{parts[3].formula}"
    return Sum(formula, parts[0].value - parts[1].value + parts[2].value - parts[3].value)


def write_capex(book: Book, sums: Sums, figures: WorkbookFigures, sheet: Sheet) -> None:
    """Write capital expenditure by department and account, year to date and for the full year."""
    choice = book.pack.choice
    plan = choice.reference or "reference"
    headers = ["Business unit", "Department", "Account number", "Account"]
    for horizon in (YEAR_TO_DATE, FULL_YEAR):
        expected = "Expected" if horizon == FULL_YEAR else choice.scenario
        headers += [f"{expected} {horizon}", f"{plan} {horizon}", f"Under plan {horizon}"]
    headers.append(f"Left of {plan} {FULL_YEAR}")
    compared = {
        YEAR_TO_DATE: _add_compared(sums, YEAR_TO_DATE, (choice.scenario, plan), headers),
        FULL_YEAR: _add_compared(sums, FULL_YEAR, ("Expected", plan), headers),
    }
    sheet.headers(HEADER_ROW, 0, headers, 4)
    _set_widths(sheet, (18, 24, 11, 26, *[15] * (len(headers) - 4)))
    ids = [IdColumn(sheet, HEADER_ROW, len(headers) + n, name) for n, name in enumerate(TOP_COLUMNS[-2:])]
    sheet.printed_columns = len(headers)
    departments = {one.key: one for one in book.pack.departments}
    accounts = {one.key: one for one in book.pack.accounts}
    columns = _capex_columns(sums)
    cells = sums.cells_of({one.key for one in book.pack.accounts if one.is_capex}, [mark for _, mark in columns])
    shown = sorted(cells, key=lambda one: _place(departments[one[0]], accounts[one[1]]))
    last, rows = _FIRST_ROW + len(shown), _Rows(sheet)
    for row, (department, account) in enumerate(shown, _FIRST_ROW):
        numbers = (sums.departments[department], sums.accounts[account])
        texts = (departments[department].unit, departments[department].name)
        places = [column.write(row, number) for column, number in zip(ids, numbers, strict=True)]
        for column, text in enumerate((*texts, accounts[account].number, accounts[account].name)):
            sheet.text(row, column, text)
        for column, mark in columns:
            rows.total(row, column, sums.amount(mark, "cell", places, numbers, compared=False))
            if pair := compared[mark.horizon]:
                both = sums.amount(mark, "cell", places, numbers, compared=True)
                rows.total(row, pair[mark.side == Side.REFERENCE], both)
        _write_capex_differences(rows, row, "", compared)
    if not shown:
        sheet.text(_FIRST_ROW, 0, "No Asset account of the category CapEx has amounts in these periods.")
        return
    for column in range(len(headers)):
        sheet.blank(last, column, "total label")
    sheet.text(last, 0, "Total", "total label")
    for column in [one for pair in compared.values() for one in pair or ()]:
        rows.column_total(last, column)
    for column, mark in columns:
        rows.column_total(last, column)
        sides = _over_units(figures.capex, mark.horizon)
        view = sides.amount if mark.side == Side.SCENARIO else sides.reference
        data = sums.capex(mark, compared=False)
        what = f"CapEx, {mark.header.lower()}"
        book.check(sheet, what, last, column, (data, view or _ZERO, "VarianceByHorizon"))
    _write_capex_differences(rows, last, " total", compared)
    sheet.worksheet.autofilter(HEADER_ROW, 0, last - 1, len(headers) + 1)


def _place(department: PackDepartment, account: PackAccount) -> tuple[str, str, str]:
    return department.unit, department.code, account.number


def _capex_columns(sums: Sums) -> list[tuple[int, Mark]]:
    found = []
    for first, horizon in ((4, YEAR_TO_DATE), (7, FULL_YEAR)):
        for column, side in enumerate((Side.SCENARIO, Side.REFERENCE), first):
            mark = sums.mark(horizon, side)
            if mark:
                found.append((column, mark))
    return found


def _write_capex_differences(
    rows: _Rows, row: int, suffix: str, compared: Mapping[str, tuple[int, int] | None]
) -> None:
    for column, horizon, sides in ((6, YEAR_TO_DATE, (4, 5)), (9, FULL_YEAR, (7, 8))):
        scenario, reference = compared[horizon] or sides
        rows.minus(row, column, reference, scenario, f"effect{suffix}")
    rows.minus(row, 10, 8, 4, f"money{suffix}")


def write_restatements(book: Book, sheet: Sheet) -> None:
    """Write what the latest load changed in what was published before."""
    pack = book.pack
    headers = ["Period", "Scenario", "Kind", "Measure", "Cells", "Net", "Gross", "Restatement", "Cause"]
    sheet.headers(HEADER_ROW, 0, headers, 4)
    sheet.text(HEADER_ROW, 7, "Restatement", "head indented")
    sheet.text(HEADER_ROW, 8, "Cause", "head left")
    _set_widths(sheet, (14, 18, 20, 14, 9, 16, 16, 14, 70))
    state = pack.reliability
    if state is None:
        sheet.text(_FIRST_ROW, 0, "The workbook of one business unit does not show the changes of the home.")
        return
    restated = f"{state.restated:,} cells of closed periods have changed since they were closed."
    sheet.text(HEADER_ROW - 1, 0, restated, "warning" if state.restated else "quiet")
    for row, one in enumerate(pack.movements, _FIRST_ROW):
        for column, text in enumerate((one.period, one.scenario, one.kind, one.measure)):
            sheet.text(row, column, text)
        sheet.number(row, 4, one.cells, "whole")
        sheet.number(row, 5, one.difference, "cents")
        sheet.number(row, 6, one.moved, "cents")
        sheet.text(row, 7, "yes" if one.is_restatement else "", "indented")
        sheet.text(row, 8, one.cause, "wrapped")
    last, rows = _FIRST_ROW + len(pack.movements), _Rows(sheet)
    if not pack.movements:
        sheet.text(_FIRST_ROW, 0, f"Load {pack.stamp.number} changed no figure that was published before.")
        last += 1
        sheet.number(last, 4, 0, "whole")
    sheet.text(last, 0, "Cells, total", "total label")
    rows.column_total(last, 4)
    _write_signed_to_now(sheet, pack, last + 2)
    cells = Decimal(sum(one.cells for one in pack.movements))
    book.check(sheet, "Cells that the latest load changed", last, 4, (None, cells, "movements"), is_count=True)


def _write_signed_to_now(sheet: Sheet, pack: Pack, first: int) -> None:
    """Write the steps from signed figures to those of now; there is no total, since account types are never added."""
    headers = [
        "Close",
        "Scenario",
        "Step",
        "Account type",
        "",
        "Amount",
        "Effect on profit",
        "Allowed by",
        "File and why",
    ]
    if not pack.restatements:
        sheet.text(first, 0, f"{pack.signing}.", "quiet")
        return
    sheet.headers(first, 0, headers, 4)
    sheet.text(first, 7, headers[-2], "head indented")
    sheet.text(first, 8, headers[-1], "head left")
    for row, one in enumerate(pack.restatements, first + 1):
        scenario = "budget beside Actual" if one.measure == "BudgetAmount" else one.scenario
        for column, text in enumerate((f"{one.period}#{one.close_number}", scenario, one.cause, one.account_type)):
            sheet.text(row, column, text)
        sheet.number(row, 5, one.amount, "cents")
        sheet.number(row, 6, one.profit_effect, "cents")
        sheet.text(row, 7, one.decided_by or "", "indented")
        sheet.text(row, 8, "; ".join(filter(None, (one.object_key, one.detail, one.reason))), "wrapped")


def _over_units(of_view: Mapping[tuple[int, str], Sides], horizon: str) -> Sides:
    number = HORIZONS.index(horizon) + 1
    sides = [one for (of, _), one in of_view.items() if of == number]
    return Sides(
        sum((one.amount or _ZERO for one in sides), _ZERO), sum((one.reference or _ZERO for one in sides), _ZERO)
    )


def _set_widths(sheet: Sheet, widths: Sequence[float]) -> None:
    for column, width in enumerate(widths):
        sheet.set_width(column, width)
