"""The workbook of a pack: its sums are live and right, its texts are data, its comments can be read back."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pytest

from finance_platform.errors import WorkbookSizeError
from finance_platform.feeds.files.tables import open_tables
from finance_platform.feeds.lines import report_rows
from finance_platform.feeds.lines.report_rows import ReportRows
from finance_platform.feeds.row_marks import RowMarker
from finance_platform.refresh.report_pack import write_report_pack
from finance_platform.reports.pack.model import Cell, Movement, Pack
from finance_platform.reports.pack.workbook import data_sheet, detail_sheets, size
from finance_platform.reports.pack.workbook.data_sheet import content_of
from finance_platform.reports.pack.workbook.figures import Sides, WorkbookFigures
from finance_platform.reports.pack.workbook.size import foreseen_size_error
from finance_platform.reports.pack.workbook.statement_sheets import signed_ranges
from finance_platform.reports.pack.workbook.sums import Sums
from finance_platform.reports.pack.workbook.write import workbook_bytes
from finance_platform.reports.pack.written import WrittenFile
from finance_platform.storage.factory import open_store
from finance_platform_tests.report_pack.made_figures import made_figures, with_statement
from finance_platform_tests.report_pack.made_packs import (
    ACTUAL,
    MONTHS,
    REVENUE,
    SALES,
    SALES_UNIT,
    WORKS,
    WORKS_UNIT,
    WRITTEN_AT,
    made_pack,
    named,
)
from finance_platform_tests.report_pack.workbook_formulas import Cell as SheetCell
from finance_platform_tests.report_pack.workbook_formulas import WorkbookFormulas
from finance_platform_tests.unit.factories import feed

SHEETS = [
    *("Summary", "P&L", "Units", "Departments", "Top", "CapEx", "Outlook", "Restatements", "Data", "Checks"),
]
HOSTILE = ["=1+1", "-1", "=cmd|' /C calc'!A0", "https://example.com", "{=1}", "<b>&\x1b[31m"]


@pytest.fixture(scope="module")
def pack() -> Pack:
    moved = Movement(3, "2025-02", "changed", "Actual", "flow", 2, Decimal("1.50"), Decimal("4.50"), False, "a.csv")
    return with_statement(made_pack(movements=(moved, replace(moved, period="2025-03", cells=1))))


@pytest.fixture(scope="module")
def figures(pack: Pack) -> WorkbookFigures:
    return made_figures(pack)


@pytest.fixture(scope="module")
def workbook(pack: Pack, figures: WorkbookFigures) -> WorkbookFormulas:
    return WorkbookFormulas(workbook_bytes(pack, figures))


def texts(content: bytes) -> str:
    """Return everything that is in a workbook."""
    with zipfile.ZipFile(BytesIO(content)) as package:
        return "".join(package.read(name).decode() for name in package.namelist())


def decimal(cell: SheetCell) -> Decimal:
    assert isinstance(cell.value, Decimal)
    return cell.value


def checks(workbook: WorkbookFormulas) -> list[bool]:
    cells = [row["G"].value for row in workbook.rows("Checks") if "G" in row]
    return [value for value in cells if isinstance(value, bool)]


def test_the_sheets_are_those_of_the_design(workbook: WorkbookFormulas):
    assert list(workbook.sheets) == SHEETS


def test_every_sum_has_the_result_that_data_gives(workbook: WorkbookFormulas):
    found = list(workbook.sums())
    assert {sheet for sheet, _, _ in found} == set(SHEETS)
    assert len(found) > 300
    wrong = [
        (sheet, place, cell)
        for sheet, place, cell in found
        if abs(workbook.result(sheet, cell.formula) - decimal(cell)) > Decimal("0.000001")
    ]
    assert wrong == []


def test_every_check_is_true_and_each_sheet_shows_its_own(workbook: WorkbookFormulas):
    assert len(checks(workbook)) > 30
    assert all(checks(workbook))
    for name in SHEETS[:-1]:
        assert workbook.sheets[name]["B", 3].value is True, name
        assert workbook.sheets[name]["B", 3].formula.startswith("AND(Checks!$G$"), name


def changed_by_a_cent(pack: Pack, figures: WorkbookFigures, view: str) -> tuple[Pack, WorkbookFigures]:
    """Return pack and figures of which one figure of a view is a cent more."""
    cent = Decimal("0.01")
    more = Sides(Decimal(7) + cent, Decimal(0))
    last, first = pack.profit_and_loss[-1], figures.variances[0]
    of_profit = figures.profit[4, SALES_UNIT]
    assert last.reference is not None
    assert first.impact is not None
    assert of_profit.amount is not None
    if view == "statement":
        changed = replace(last, reference=last.reference + cent)
        return replace(pack, profit_and_loss=(*pack.profit_and_loss[:-1], changed)), figures
    return pack, {
        "variances": replace(figures, variances=(replace(first, impact=first.impact + cent), *figures.variances[1:])),
        "total": replace(figures, total=figures.total + cent),
        "outlook": replace(figures, outlook={"2025": figures.outlook["2025"] + cent}),
        "capex": replace(figures, capex={**figures.capex, (4, WORKS_UNIT): more}),
        "profit": replace(
            figures, profit={**figures.profit, (4, SALES_UNIT): replace(of_profit, amount=of_profit.amount + cent)}
        ),
    }[view]


@pytest.mark.parametrize("view", ["total", "profit", "capex", "outlook", "statement", "variances"])
def test_a_figure_of_a_view_that_differs_by_a_cent_makes_a_check_false(pack: Pack, figures: WorkbookFigures, view: str):
    pack, figures = changed_by_a_cent(pack, figures, view)
    assert False in checks(WorkbookFormulas(workbook_bytes(pack, figures)))


def test_the_same_pack_gives_the_same_bytes(pack: Pack, figures: WorkbookFigures):
    assert workbook_bytes(pack, figures) == workbook_bytes(pack, figures)


def test_a_result_of_zero_has_no_sign(pack: Pack):
    """Viewers that do not compute show what a file has: a difference of costs that were as planned was -0.0."""
    zero = replace(pack, cells=tuple(cell._replace(amount=Decimal("-0.00")) for cell in pack.cells))
    written = texts(workbook_bytes(zero, made_figures(zero)))
    assert "<v>0</v>" in written
    assert not re.search(r"<v>-0(\.0+)?</v>", written)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_from_a_file_is_never_a_formula(pack: Pack, workbook: WorkbookFormulas, text: str):
    hostile = with_statement(named(department=text, account=text, unit=text, line=text))
    hostile = replace(hostile, movements=tuple(replace(one, cause=text) for one in pack.movements))
    found = WorkbookFormulas(workbook_bytes(hostile, made_figures(hostile)))
    formulas = [[place for place, cell in cells.items() if cell.formula] for cells in found.sheets.values()]
    assert [len(one) for one in formulas] == [
        len([cell for cell in cells.values() if cell.formula]) for cells in workbook.sheets.values()
    ]
    shown = text.replace("\x1b", "\\x1b")
    for sheet in ("P&L", "Units", "Departments", "Top", "Restatements", "Data"):
        assert shown in [cell.value for cell in found.sheets[sheet].values()], sheet
    assert all(checks(found))


def test_the_workbook_of_one_unit_has_nothing_of_another(pack: Pack, figures: WorkbookFigures):
    departments = tuple(one for one in pack.departments if one.unit == WORKS_UNIT)
    cells = tuple(cell for cell in pack.cells if cell.department == WORKS)
    variances = tuple(one for one in figures.variances if one.department == WORKS)
    choice = replace(pack.choice, unit=WORKS_UNIT)
    own = with_statement(replace(pack, departments=departments, cells=cells, choice=choice, reliability=None))
    content = workbook_bytes(own, made_figures(own, variances=variances))
    assert WORKS_UNIT in texts(content)
    assert not [name for name in (SALES_UNIT, "Selling") if name in texts(content)]
    assert all(checks(WorkbookFormulas(content)))


def test_a_home_without_amounts_has_a_workbook():
    empty = replace(
        made_pack(), periods=(), scenarios=(), departments=(), accounts=(), statement=(), cells=(), outlook={},
        profit_and_loss=(), choice=replace(made_pack().choice, period="", scenario="", reference=""),
    )  # fmt: skip
    figures = WorkbookFigures((), (), 0, Decimal(0), {}, {}, {}, {})
    found = WorkbookFormulas(workbook_bytes(empty, figures))
    assert list(found.sheets) == SHEETS
    assert all(checks(found))


def test_a_reference_with_fewer_months_has_columns_of_the_months_in_both(pack: Pack, figures: WorkbookFigures):
    horizons = tuple(
        replace(one, reference=None, is_compared=False)
        if one.period == "2025-01" and one.reference_name == "Budget"
        else one
        for one in figures.horizons
    )
    found = WorkbookFormulas(workbook_bytes(pack, replace(figures, horizons=horizons)))
    headers = [str(cell.value) for cell in found.rows("P&L")[4].values()]
    assert headers.count("Actual of months in both") == 2
    row = next(row for row in found.rows("P&L") if "A" in row and row["A"].value == "Goods")
    values = [cell.value for cell in row.values()]
    assert Decimal("200.2") in values
    assert Decimal("-19.8") in values


def test_departments_and_capex_compare_the_months_that_both_sides_have(pack: Pack, figures: WorkbookFigures):
    """Costs of a month without a plan are no variance: the sheets have the effects of Units and Summary."""
    horizons = tuple(
        replace(one, reference=None, is_compared=False)
        if one.period == "2025-02" and one.reference_name == "Budget"
        else one
        for one in figures.horizons
    )
    found = WorkbookFormulas(workbook_bytes(pack, replace(figures, horizons=horizons)))
    departments = table(found, "Departments")
    total = departments[-1]
    costs = total["Costs year to date"] - total["Budget costs year to date"]
    both = [total[f"{name} year to date of months in both"] for name in ("Costs", "Budget costs")]
    assert total["Effect of costs on profit"] == both[1] - both[0] != -costs
    units = {str(row["A"].value): row for row in found.rows("Units") if "A" in row}
    compared = [cell.value for cell in units["Costs, total"].values()]
    assert {*both, total["Effect of costs on profit"]} <= set(compared)
    assert sum(row["Effect of costs on profit"] for row in departments[:-1]) == total["Effect of costs on profit"]

    capex = table(found, "CapEx")[-1]
    summary = next(row for row in found.rows("Summary") if "A" in row and row["A"].value == "CapEx")
    for horizon in ("year to date", "full year"):
        assert capex[f"Under plan {horizon}"] in [cell.value for cell in summary.values()]
    assert capex["Under plan year to date"] != capex["Budget year to date"] - capex["Actual year to date"]


def table(workbook: WorkbookFormulas, sheet: str) -> list[dict[str, Decimal]]:
    """Return the figures of the rows below the header, by header; the last row is the total."""
    rows = workbook.rows(sheet)
    start = next(nth for nth, row in enumerate(rows) if len(row) > 8)
    headers = {column: str(cell.value) for column, cell in rows[start].items()}
    found = []
    for row in rows[start + 1 :]:
        found.append({headers[column]: cell.value for column, cell in row.items() if isinstance(cell.value, Decimal)})
        if row["A"].value == "Total":
            return found
    raise AssertionError(f"{sheet} has no total")


def test_years_that_no_sheet_needs_are_left_out_of_a_large_workbook(pack: Pack, figures: WorkbookFigures):
    older = replace(pack.periods[0], name="2023-01", fiscal_year=2023)
    cells = (Cell(ACTUAL, SALES, REVENUE, "2023-01", Decimal(1)), *pack.cells)
    larger = replace(pack, periods=(older, *pack.periods), cells=cells)
    sums = Sums(larger, figures)
    assert content_of(larger, sums).left_out == ()
    content = content_of(larger, sums, max_amounts=10)
    assert (list(content.left_out), len(content.cells)) == (["2023-01"], len(pack.cells))


def test_more_amounts_than_a_sheet_holds_are_refused_with_what_helps(
    pack: Pack, figures: WorkbookFigures, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(size, "MAX_SHEET_ROWS", 90)
    with pytest.raises(WorkbookSizeError, match="would have 119 amounts; a sheet has at most 85") as error:
        content_of(pack, Sums(pack, figures), max_amounts=10)
    assert error.value.fix.startswith("`finance-platform report --unit 'Sales unit'` writes page and workbook of one")
    assert "each of 2 business units fits" in error.value.fix
    assert "Period BETWEEN '2025-01' AND '2025-03'" in error.value.fix


def test_only_a_business_unit_that_fits_is_named_as_what_helps(
    pack: Pack, figures: WorkbookFigures, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(size, "MAX_SHEET_ROWS", 50)
    with pytest.raises(WorkbookSizeError) as error:
        content_of(pack, Sums(pack, figures), max_amounts=10)
    assert "--unit 'Works unit'" in error.value.fix
    assert "1 business unit of 2 can be written" in error.value.fix


@pytest.mark.parametrize(("unit", "rows"), [(SALES_UNIT, 90), ("", 40)])
def test_a_business_unit_is_no_help_if_it_was_asked_for_or_none_fits(
    pack: Pack, figures: WorkbookFigures, monkeypatch: pytest.MonkeyPatch, unit: str, rows: int
):
    monkeypatch.setattr(size, "MAX_SHEET_ROWS", rows)
    of_unit = replace(pack, choice=replace(pack.choice, unit=unit))
    with pytest.raises(WorkbookSizeError) as error:
        content_of(of_unit, Sums(of_unit, figures), max_amounts=10)
    assert "--unit" not in error.value.fix
    assert error.value.fix.startswith("`finance-platform query ")


def test_a_pack_that_no_workbook_holds_has_its_page_and_no_earlier_workbook(
    pack: Pack, figures: WorkbookFigures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    reports = open_store(str(tmp_path))
    assert isinstance(write_report_pack(pack, figures, reports, at=WRITTEN_AT).workbook, WrittenFile)
    monkeypatch.setattr(size, "MAX_SHEET_ROWS", 50)
    monkeypatch.setattr(data_sheet, "MAX_AMOUNTS", 10)
    written = write_report_pack(pack, figures, reports, at=WRITTEN_AT)
    assert isinstance(written.workbook, WorkbookSizeError)
    assert [path.name for path in tmp_path.iterdir()] == ["report_pack.html"]


def test_a_run_does_not_name_a_command_for_a_workbook_that_no_command_can_write(
    pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    reports = open_store(str(tmp_path))
    assert "`finance-platform report` writes it" in str(write_report_pack(pack, None, reports, at=WRITTEN_AT).workbook)
    monkeypatch.setattr(size, "MAX_SHEET_ROWS", 90)
    of_run = str(write_report_pack(pack, None, reports, at=WRITTEN_AT).workbook)
    assert "would have 119 amounts" in of_run
    assert "--unit" in of_run
    assert "`finance-platform report` writes it" not in of_run


def test_years_that_the_workbook_leaves_out_do_not_count_against_the_sheet(pack: Pack, monkeypatch: pytest.MonkeyPatch):
    """Actual of the year before is beside that of the choice's; a scenario without lines there needs no such year."""
    monkeypatch.setattr(size, "MAX_SHEET_ROWS", 90)
    assert foreseen_size_error(pack) is not None
    this_year = [replace(one, covered=frozenset(MONTHS[12:15])) for one in pack.scenarios if one.name == "Actual"]
    assert foreseen_size_error(replace(pack, scenarios=tuple(this_year))) is None


def test_a_pack_without_figures_for_a_workbook_has_its_page_and_no_earlier_workbook(
    pack: Pack, figures: WorkbookFigures, tmp_path: Path
):
    reports = open_store(str(tmp_path))
    write_report_pack(pack, figures, reports, at=WRITTEN_AT)
    written = write_report_pack(pack, None, reports, at=WRITTEN_AT)
    assert "there are 119" in str(written.workbook)
    assert [path.name for path in tmp_path.iterdir()] == ["report_pack.html"]


def test_a_home_with_nothing_to_compare_has_no_differences(pack: Pack, figures: WorkbookFigures):
    alone = replace(pack, choice=replace(pack.choice, reference=""))
    horizons = tuple(
        replace(one, reference=None, is_compared=False)
        for one in figures.horizons
        if one.reference_name == "Prior Year"
    )
    own = replace(figures, horizons=horizons, variances=())
    found = WorkbookFormulas(workbook_bytes(alone, own))
    assert all(checks(found))
    for sheet in ("P&L", "Departments", "CapEx"):
        headers = {str(cell.value): column for (column, row), cell in found.sheets[sheet].items() if row in (5, 6)}
        columns = [column for name, column in headers.items() if "ffect" in name or "nder plan" in name]
        rows = [place for place in found.sheets[sheet] if place[0] in columns and place[1] > 6]
        assert rows == [], sheet


def test_amounts_that_a_spreadsheet_rounds_are_counted_on_the_sheet(pack: Pack):
    large = Cell(ACTUAL, SALES, REVENUE, MONTHS[0], Decimal("10000000000000.01"))
    bigger = replace(pack, cells=(*pack.cells, large))
    found = WorkbookFormulas(workbook_bytes(bigger, made_figures(bigger)))
    assert "have more than 15 digits: 1 amounts" in str(found.sheets["Data"]["A", 4].value)
    assert decimal(found.sheets["Checks"]["E", 3]) > 1


def test_ranges_of_a_subtotal_are_as_few_as_possible():
    assert signed_ranges([(4, 1), (5, 1), (7, -1), (8, -1), (9, 1)], "C") == "SUM(C5:C6)-SUM(C8:C9)+SUM(C10:C10)"
    assert signed_ranges([(4, -1)], "C") == "-SUM(C5:C5)"
    assert signed_ranges([], "C") == "0"


def comments_read_from(content: bytes) -> list[tuple[object, ...]]:
    """Return outcome and content of each row that the shipped feed reads from a workbook."""
    descriptor = (Path(report_rows.__file__).parents[1] / "builtin" / "pack_comments.yaml").read_text(encoding="utf-8")
    resolved = feed(descriptor)
    names = ("outcome", "period", "department_code", "account_number", "owner", "comment", "nature")
    rows: list[tuple[object, ...]] = []
    for table in open_tables(lambda: BytesIO(content), "report_pack.xlsx", resolved.rules):
        reader = ReportRows(resolved, table.header, "report_pack.xlsx", table.sheet)
        marker = RowMarker(resolved.rules, table.header)
        for batch in table.batches():
            typed = reader.type_batch(marker.mark(batch))
            rows += zip(*(typed[name].to_pylist() for name in names), strict=True)
    return rows


def test_a_material_variance_is_listed_whatever_its_rank(
    pack: Pack, figures: WorkbookFigures, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(detail_sheets, "MAX_VARIANCES", 1)
    first, second, third, last = figures.variances
    variances = (first, replace(second, is_material=False), replace(third, is_material=False), last)
    found = WorkbookFormulas(workbook_bytes(pack, replace(figures, variances=variances)))
    assert [row["E"].value for row in found.rows("Top")[4:]] == ["0400", "9999"]
    assert "2 more are not material" in str(found.sheets["Top"]["D", 3].value)
    assert all(checks(found))


def test_comments_on_the_sheet_of_variances_are_read_back(pack: Pack, figures: WorkbookFigures):
    texts = ("Ann Lee", "=late invoice; see https://example.com", "timing")
    first, second, *others = figures.variances
    commented = replace(first, owner=texts[0], comment=texts[1], nature=texts[2])
    variances = (commented, replace(second, owner="Bo"), *others)
    rows = comments_read_from(workbook_bytes(pack, replace(figures, variances=variances)))
    assert rows[0] == ("accepted", "2025-03", "D2", "0400", *texts)
    assert rows[1] == ("accepted", "2025-03", "D1", "4000", "Bo", None, None)
    assert {row[0] for row in rows[2:]} == {"skipped"}
