"""The sheets of the statement: Summary, P&L, Units, and Outlook by month.

Belongs here: rows of lines, units and subtotals over the horizons. Does not belong here: departments and accounts (see
`detail_sheets`), how a cell is written (see `sheets`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell

from finance_platform.contracts.views import HORIZONS, PRIOR_YEAR
from finance_platform.reports.pack.model import Pack, PackPeriod, StatementRow
from finance_platform.reports.pack.page import gates
from finance_platform.reports.pack.workbook.figures import WorkbookFigures
from finance_platform.reports.pack.workbook.sheets import Book, Sheet
from finance_platform.reports.pack.workbook.size import HEADER_ROW
from finance_platform.reports.pack.workbook.sums import REVENUE, SHOWN_HORIZONS, Mark, Side, Sum, Sums

CellOf = Callable[["Column"], Sum]
"""The formula, without `=`, and the result of a row in one column."""

_FIRST = 1
"""The first column of figures, after the label of a row."""

_LABEL_WIDTH, _FIGURE_WIDTH, _PERCENT_WIDTH = 30, 12, 9


@dataclass(frozen=True)
class Column:
    """A column of amounts of one side of a horizon; `is_compared` if it has only the periods of both sides."""

    index: int
    mark: Mark
    is_compared: bool


class IdColumn:
    """The column with the numbers that formulas compare, to the right of a table and not printed."""

    def __init__(self, sheet: Sheet, header_row: int, column: int, header: str = "Id") -> None:
        """Write the header."""
        self._sheet, self._column = sheet, column
        sheet.headers(header_row, column, [header], 0)
        sheet.set_width(column, _PERCENT_WIDTH, is_grouped=True)

    def write(self, row: int, number: int) -> str:
        """Write the number of a row; return its cell for formulas of the row."""
        self._sheet.number(row, self._column, number, "id")
        return str(xl_rowcol_to_cell(row, self._column, col_abs=True))


class HorizonTable:
    """A table with the same columns for each horizon: scenario, prior year, reference, effect on profit, per cent.

    Where a side lacks periods of the other, two more columns have the amounts of the periods that both have; effect and
    per cent are of these.
    """

    def __init__(self, book: Book, sums: Sums, sheet: Sheet) -> None:
        """Write the header."""
        self.sheet = sheet
        self._pack = book.pack
        self.columns: list[Column] = []
        self._effects: list[tuple[int, Column, Column]] = []
        self._width = _FIRST
        sheet.set_width(0, _LABEL_WIDTH)
        sheet.headers(HEADER_ROW + 1, 0, [""], 1)
        for horizon in SHOWN_HORIZONS:
            self._add_horizon(sums, horizon)
        self.ids = IdColumn(sheet, HEADER_ROW + 1, self._width)
        sheet.printed_columns = self._width

    def column(self, horizon: str, side: Side) -> int | None:
        """Return the index of the column of a side of a horizon; None if it has no amounts."""
        found = (
            one.index
            for one in self.columns
            if (one.mark.horizon, one.mark.side, one.is_compared) == (horizon, side, False)
        )
        return next(found, None)

    def write_row(self, row: int, label: str, sign: int, cell_of: CellOf, *, is_total: bool = False) -> None:
        """Write a row.

        Args:
            row: its row, from 0.
            label: its label.
            sign: 1 if more is better, -1 if less is.
            cell_of: its formula and result, by column.
            is_total: whether it stands out.
        """
        suffix = " total" if is_total else ""
        sheet = self.sheet
        if is_total:
            for index in range(self._width):
                sheet.blank(row, index, "total label")
        sheet.text(row, 0, label, "total label" if is_total else "")
        for column in self.columns:
            cell = cell_of(column)
            style = "prior" if column.mark.side == Side.PRIOR_YEAR or column.is_compared else "money"
            sheet.formula(row, column.index, f"={cell.formula}", cell.value, style + suffix)
        for index, scenario, reference in self._effects:
            amount, base = (xl_rowcol_to_cell(row, one.index) for one in (scenario, reference))
            values = (sheet.value(row, scenario.index), sheet.value(row, reference.index))
            write_effect(sheet, row, index, (amount, base), values, sign, suffix)

    def _add_horizon(self, sums: Sums, horizon: str) -> None:
        marks = {side: sums.mark(horizon, side) for side in Side}
        shown = [mark for mark in marks.values() if mark]
        if not shown:
            return
        first = self._width
        for mark in shown:
            self._add_column(mark, self._name(mark.side), is_compared=False)
        scenario, reference = marks[Side.SCENARIO], marks[Side.REFERENCE]
        if scenario and reference:
            pair = self._pair(scenario, reference)
            self._effects.append((self._width, *pair))
            self._add_header("Effect on profit", _FIGURE_WIDTH)
            self._add_header("%", _PERCENT_WIDTH)
        text = horizon.capitalize() + self._composition(sums, horizon)
        self.sheet.text(HEADER_ROW, first, text, "group")
        for column in range(first + 1, self._width):
            self.sheet.blank(HEADER_ROW, column, "group")

    def _pair(self, scenario: Mark, reference: Mark) -> tuple[Column, Column]:
        """Return the columns that are compared, which are added if a side has periods that the other lacks."""
        pair = [one for one in self.columns if one.mark in (scenario, reference)]
        if not (scenario.is_compared and reference.is_compared):
            pair = [
                self._add_column(mark, f"{self._name(mark.side)} of months in both", is_compared=True)
                for mark in (scenario, reference)
            ]
        return pair[0], pair[-1]

    def _add_column(self, mark: Mark, header: str, *, is_compared: bool) -> Column:
        column = Column(self._width, mark, is_compared)
        self.columns.append(column)
        self._add_header(header, _FIGURE_WIDTH)
        return column

    def _add_header(self, text: str, width: int) -> None:
        self.sheet.set_width(self._width, width)
        self.sheet.headers(HEADER_ROW + 1, self._width, [text], 0)
        self._width += 1

    def _name(self, side: Side) -> str:
        choice = self._pack.choice
        return {Side.SCENARIO: choice.scenario, Side.REFERENCE: choice.reference, Side.PRIOR_YEAR: PRIOR_YEAR}[side]

    def _composition(self, sums: Sums, horizon: str) -> str:
        """Return of which scenarios the horizon is made, if it is made of several."""
        mark = sums.mark(horizon, Side.SCENARIO)
        names = {one.key: one.name for one in self._pack.scenarios}
        counts: dict[str, int] = {}
        for scenario, _ in mark.cells if mark else ():
            counts[names.get(scenario, "")] = counts.get(names.get(scenario, ""), 0) + 1
        parts = " + ".join(f"{count} {name}" for name, count in counts.items())
        return f" ({parts})" if len(counts) > 1 else ""


def write_effect(
    sheet: Sheet, row: int, column: int, cells: tuple[str, str], values: tuple[Decimal, Decimal], sign: int, suffix: str
) -> None:
    """Write the effect of a variance on profit, and beside it the effect in per cent of the reference, or n/m.

    Args:
        sheet: the sheet.
        row: the row, from 0.
        column: the column of the effect, from 0.
        cells: the cells of the amount and of what it is compared with.
        values: their values.
        sign: 1 if more is better, -1 if less is.
        suffix: of the formats.
    """
    (amount, base), (value, reference) = cells, values
    first, second = (amount, base) if sign > 0 else (base, amount)
    effect = sign * (value - reference)
    sheet.formula(row, column, f"={first}-{second}", effect, f"effect{suffix}")
    place = xl_rowcol_to_cell(row, column)
    is_meaningless = not reference or reference * value < 0
    share = "n/m" if is_meaningless else effect / abs(reference)
    formula = f'=IF(OR({base}=0,{base}*{amount}<0),"n/m",{place}/ABS({base}))'
    sheet.formula(row, column + 1, formula, share, f"percent{suffix}")


def write_profit_and_loss(book: Book, sums: Sums, sheet: Sheet) -> tuple[HorizonTable, dict[int, int]]:
    """Write the statement; return its table, and the row of each line and subtotal by its order."""
    pack = book.pack
    table = HorizonTable(book, sums, sheet)
    rows = {one.order: HEADER_ROW + 2 + index for index, one in enumerate(pack.statement)}
    for one in pack.statement:
        row = rows[one.order]
        if one.is_subtotal:
            table.write_row(row, one.label, one.sign, _subtotal(sheet, rows, one), is_total=True)
        else:
            table.write_row(row, one.label, one.sign, _line(sums, table.ids.write(row, one.order), one))
    if pack.statement:
        last = pack.statement[-1]
        _check_statement(book, sums, table, (rows[last.order], last))
    else:
        sheet.text(HEADER_ROW + 2, 0, "No account is revenue, expense or unclassified.")
    sheet.text(HEADER_ROW + 3 + len(rows), 0, _EFFECT_NOTE, "quiet")
    return table, rows


_EFFECT_NOTE = "Effect on profit is of the months that both sides have: in parentheses if it lowers profit."


def _line(sums: Sums, place: str, line: StatementRow) -> CellOf:
    def cell_of(column: Column) -> Sum:
        found = sums.profit(column.mark, "line", [place], (line.order,), compared=column.is_compared)
        return found if line.sign > 0 else Sum(f"-{found.formula}", -found.value)

    return cell_of


def _subtotal(sheet: Sheet, rows: dict[int, int], subtotal: StatementRow) -> CellOf:
    parts = [(rows[order], factor) for order, factor in subtotal.parts]

    def cell_of(column: Column) -> Sum:
        value = sum((factor * sheet.value(row, column.index) for row, factor in parts), Decimal("0.00"))
        return Sum(signed_ranges(parts, xl_col_to_name(column.index)), value)

    return cell_of


def signed_ranges(parts: Sequence[tuple[int, int]], column: str) -> str:
    """Return the formula that adds or subtracts (1 or -1) rows of a column, as few ranges as possible."""
    ranges: list[tuple[int, int, int]] = []
    for row, factor in sorted(parts):
        if ranges and ranges[-1][1] == row - 1 and ranges[-1][2] == factor:
            ranges[-1] = (ranges[-1][0], row, factor)
        else:
            ranges.append((row, row, factor))
    terms = [
        f"{'+' if factor > 0 else '-'}SUM({column}{first + 1}:{column}{last + 1})" for first, last, factor in ranges
    ]
    return "".join(terms).removeprefix("+") or "0"


def _check_statement(book: Book, sums: Sums, table: HorizonTable, last: tuple[int, StatementRow]) -> None:
    row, line = last
    pack = book.pack
    for column in table.columns:
        mark = column.mark
        of_prior_year = mark.side == Side.PRIOR_YEAR
        reference = PRIOR_YEAR if of_prior_year else pack.choice.reference or PRIOR_YEAR
        figure = pack.figure(mark.horizon, reference, line.order)
        if figure is None:
            continue
        if column.is_compared:
            sides = (figure.compared_amount, figure.compared_reference)
        else:
            sides = (figure.amount, figure.reference)
        view = sides[0] if mark.side == Side.SCENARIO else sides[1]
        what = f"{line.label}, {mark.header.lower()}{', months in both' if column.is_compared else ''}"
        data = sums.profit(mark, compared=column.is_compared)
        book.check(table.sheet, what, row, column.index, (data, view or Decimal(0), "ProfitAndLossByHorizon"))


def write_units(book: Book, sums: Sums, figures: WorkbookFigures, sheet: Sheet) -> None:
    """Write revenue, costs and profit of the business units."""
    table = HorizonTable(book, sums, sheet)
    units = sorted({unit for _, unit in figures.profit})
    height = len(units) + 3
    tops = {name: HEADER_ROW + 2 + height * number for number, name in enumerate(("Revenue", "Costs", "Profit"))}
    for name, of_revenue in (("Revenue", True), ("Profit", False)):
        for row, unit in enumerate(units, tops[name] + 1):
            place = table.ids.write(row, sums.units[unit])
            cell_of = _unit(sums, place, sums.units[unit], revenue=of_revenue)
            table.write_row(row, unit, 1, cell_of)
    for row, unit in enumerate(units, tops["Costs"] + 1):
        offset = row - tops["Costs"]
        table.write_row(row, unit, -1, _difference(sheet, tops["Revenue"] + offset, tops["Profit"] + offset))
    for name, sign in (("Revenue", 1), ("Costs", -1), ("Profit", 1)):
        sheet.text(tops[name], 0, {"Profit": "Profit after unclassified"}.get(name, name), "bold")
        first, last = tops[name] + 1, tops[name] + len(units)
        table.write_row(last + 1, f"{name}, total", sign, _total(sheet, first, last), is_total=True)
    _check_units(book, sums, figures, table, {name: top + len(units) + 1 for name, top in tops.items()})
    sheet.text(tops["Profit"] + height, 0, _EFFECT_NOTE, "quiet")


def _unit(sums: Sums, place: str, unit: int, *, revenue: bool) -> CellOf:
    return lambda column: sums.profit(
        column.mark, "unit", [place], (unit,), compared=column.is_compared, revenue=revenue
    )


def _difference(sheet: Sheet, row: int, other: int) -> CellOf:
    def cell_of(column: Column) -> Sum:
        name = xl_col_to_name(column.index)
        value = sheet.value(row, column.index) - sheet.value(other, column.index)
        return Sum(f"{name}{row + 1}-{name}{other + 1}", value)

    return cell_of


def _total(sheet: Sheet, first: int, last: int) -> CellOf:
    def cell_of(column: Column) -> Sum:
        values = (sheet.value(row, column.index) for row in range(first, last + 1))
        return Sum(column_sum(column.index, first, last), sum(values, Decimal("0.00")))

    return cell_of


def column_sum(column: int, first: int, last: int) -> str:
    """Return the formula that adds the rows `first` to `last`, from 0, of a column; `0` if there are none."""
    name = xl_col_to_name(column)
    return f"SUM({name}{first + 1}:{name}{last + 1})" if last >= first else "0"


def _check_units(book: Book, sums: Sums, figures: WorkbookFigures, table: HorizonTable, totals: dict[str, int]) -> None:
    for column in table.columns:
        side = column.mark.side
        if column.is_compared or side == Side.PRIOR_YEAR:
            continue
        for name, of_view in (("Revenue", figures.revenue), ("Profit", figures.profit)):
            number = HORIZONS.index(column.mark.horizon) + 1
            sides = [one for (horizon, _), one in of_view.items() if horizon == number]
            figures_of_side = (one.amount if side == Side.SCENARIO else one.reference for one in sides)
            view = sum((one for one in figures_of_side if one is not None), Decimal("0.00"))
            data = sums.profit(column.mark, revenue=name == REVENUE)
            what = f"{name}, {column.mark.header.lower()}"
            book.check(table.sheet, what, totals[name], column.index, (data, view, "VarianceByHorizon"))


def write_summary(book: Book, sums: Sums, sheet: Sheet, statement: tuple[HorizonTable, dict[int, int]]) -> None:
    """Write the subtotals of the statement, margins, capital expenditure, and what a reader must know."""
    pack = book.pack
    source, rows = statement
    table = HorizonTable(book, sums, sheet)
    shown = [one for one in pack.statement if one.is_subtotal]
    row = HEADER_ROW + 2
    places = {}
    for one in shown:
        table.write_row(row, one.label, 1, _from_statement(source.sheet, rows[one.order]), is_total=one is shown[-1])
        places[one.label] = row
        row += 1
    if any(one.is_capex for one in pack.accounts):
        table.write_row(row, "CapEx", -1, lambda column: sums.capex(column.mark, compared=column.is_compared))
        row += 1
    revenue = places.get("Revenue, net")
    for label, name in (("Gross profit", "Gross margin"), ("Operating profit", "Operating margin")):
        if revenue is not None and label in places:
            _write_ratio(table, row, name, places[label], revenue)
            row += 1
    if shown:
        last = shown[-1]
        _check_statement(book, sums, table, (places[last.label], last))
    message = _message(pack)
    sheet.text(HEADER_ROW - 1, 0, message, "message")
    row += 1
    sheet.text(row, 0, "Can I rely on it?", "bold")
    for gate in gates(pack):
        row += 1
        sheet.text(row, 0, gate.text, "warning" if gate.state == "bad" else "note")
    row += 2
    sheet.text(row, 0, "How to read this workbook", "bold")
    for note in _NOTES:
        row += 1
        sheet.text(row, 0, note, "note")


_NOTES = (
    "Every total is a live sum of the sheet Data. The sheet Checks compares it with Data and with the warehouse.",
    "Revenue and costs are positive. The effect on profit is in parentheses if it lowers profit.",
    "Per cent is the effect in per cent of the reference; n/m where that is zero or has another sign.",
    "Year to date leaves out incomplete months. The full year takes the months to come from the outlook.",
    "Owner, comment and kind on the sheet Top can be filled in: put the file into the raw zone, and a run reads them.",
)


def _from_statement(source: Sheet, row: int) -> CellOf:
    return lambda column: Sum(
        f"'{source.name}'!{xl_rowcol_to_cell(row, column.index)}", source.value(row, column.index)
    )


def _write_ratio(table: HorizonTable, row: int, label: str, numerator: int, denominator: int) -> None:
    table.sheet.text(row, 0, label)
    for column in table.columns:
        upper, lower = (table.sheet.value(one, column.index) for one in (numerator, denominator))
        above, below = (xl_rowcol_to_cell(one, column.index) for one in (numerator, denominator))
        value = upper / lower if lower > 0 else "n/m"
        table.sheet.formula(row, column.index, f'=IF({below}>0,{above}/{below},"n/m")', value, "percent")


def _message(pack: Pack) -> str:
    """Return the statement's most important figure, year to date, as a sentence."""
    subtotals = [one for one in pack.statement if one.is_subtotal]
    profits = [one for one in subtotals if one.label == "Operating profit"]
    row = next(iter(profits or subtotals), None)
    figure = pack.figure("year to date", pack.choice.reference, row.order) if row and pack.choice.reference else None
    if row is None or figure is None or figure.amount is None or figure.impact is None:
        return ""
    direction = "above" if figure.impact > 0 else "below"
    distance = f"{abs(figure.impact):,.0f} {direction}" if figure.impact else "equal to"
    against = f"{distance} {pack.choice.reference}"
    return f"{row.label} year to date is {figure.amount:,.0f} {pack.currency}, {against}"


def write_outlook(book: Book, sums: Sums, figures: WorkbookFigures, sheet: Sheet) -> None:
    """Write the statement of the fiscal year by month: actuals, then what is expected."""
    pack = book.pack
    months = _outlook_months(pack)
    sheet.set_width(0, _LABEL_WIDTH)
    for column in range(_FIRST, _FIRST + len(months) + 1):
        sheet.set_width(column, 11)
    names = {one.key: one for one in pack.scenarios}
    sheet.headers(HEADER_ROW + 1, 0, ["Month of the fiscal year"], 1)
    sheet.text(HEADER_ROW, 0, "Source", "quiet")
    for index, month in enumerate(months, _FIRST):
        sheet.text(HEADER_ROW - 1, index, month.name, "head")
        sheet.text(HEADER_ROW, index, names[pack.outlook[month.name]].name, "source")
        sheet.number(HEADER_ROW + 1, index, month.fiscal_period, "head")
    year = _FIRST + len(months)
    sheet.headers(HEADER_ROW + 1, year, ["Fiscal year"], 0)
    ids = IdColumn(sheet, HEADER_ROW + 1, year + 1)
    sheet.printed_columns = year + 1
    rows = {one.order: HEADER_ROW + 2 + index for index, one in enumerate(pack.statement)}
    for one in pack.statement:
        _write_outlook_row(sheet, sums, one, rows, (months, ids))
    if not pack.statement or not months:
        sheet.text(HEADER_ROW + 2, 0, "There is neither a complete month nor a plan in the fiscal year.")
        return
    last = rows[pack.statement[-1].order]
    data = sums.outlook_profit(None, 0, "all", (), ())
    view = sum(figures.outlook.values(), Decimal("0.00"))
    book.check(sheet, "Profit after unclassified, fiscal year", last, year, (data, view, "Outlook"))


def _outlook_months(pack: Pack) -> list[PackPeriod]:
    year = pack.period.fiscal_year if pack.period else None
    known = {one.key for one in pack.scenarios}
    return [one for one in pack.periods if one.fiscal_year == year and pack.outlook.get(one.name) in known]


def _write_outlook_row(
    sheet: Sheet, sums: Sums, line: StatementRow, rows: dict[int, int], of: tuple[Sequence[PackPeriod], IdColumn]
) -> None:
    months, ids = of
    row, suffix = rows[line.order], " total" if line.is_subtotal else ""
    sheet.text(row, 0, line.label, "total label" if line.is_subtotal else "")
    place = "" if line.is_subtotal else ids.write(row, line.order)
    parts = [(rows[order], factor) for order, factor in line.parts]
    for index, month in enumerate(months, _FIRST):
        name = xl_col_to_name(index)
        if line.is_subtotal:
            value = sum((factor * sheet.value(part, index) for part, factor in parts), Decimal("0.00"))
            cell = Sum(signed_ranges(parts, name), value)
        else:
            of_month = (f"{name}${HEADER_ROW + 2}", month.fiscal_period)
            cell = sums.outlook_profit(*of_month, "line", [place], (line.order,))
            cell = cell if line.sign > 0 else Sum(f"-{cell.formula}", -cell.value)
        sheet.formula(row, index, f"={cell.formula}", cell.value, f"money{suffix}")
    year = _FIRST + len(months)
    values = (sheet.value(row, index) for index in range(_FIRST, year))
    name, last = xl_col_to_name(_FIRST), xl_col_to_name(year - 1)
    if months:
        total = f"=SUM({name}{row + 1}:{last}{row + 1})"
        sheet.formula(row, year, total, sum(values, Decimal("0.00")), "money total" if suffix else "money")
