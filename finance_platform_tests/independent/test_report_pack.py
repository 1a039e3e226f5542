"""Page, workbook and views of the sample have one profit and loss, which is also that of a second computation.

Belongs here: the statement year to date, from the raw files by `csv` and Decimal, and in each of these places.
"""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from decimal import Decimal
from html import unescape
from pathlib import Path

import pytest

from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.sample_home import refresh_sample_once
from finance_platform_tests.independent.recompute import Results, fold
from finance_platform_tests.independent.recomputed_sample import recompute_sample_once
from finance_platform_tests.report_pack.workbook_formulas import WorkbookFormulas

pytestmark = pytest.mark.end_to_end

MONTHS = {f"2025{month:02d}" for month in range(1, 10)}
SUBTOTALS = {
    "Revenue, net": (Decimal("34780985.04"), Decimal("35628870.00")),
    "Operating profit": (Decimal("2444051.93"), Decimal("2927680.00")),
    "Profit after unclassified": (Decimal("2433129.23"), Decimal("2927680.00")),
}
QUERY = """
SELECT Line, SUM(Amount) AS Amount, SUM(ReferenceAmount) AS ReferenceAmount
FROM ProfitAndLossByHorizon
WHERE AsOfPeriod = '2025-09' AND Horizon = 'year to date' AND ScenarioName = 'Actual' AND ReferenceName = 'Budget'
GROUP BY Line
"""

Statement = dict[str, tuple[Decimal, Decimal]]
"""Actual and budget year to date, by line."""


@dataclass(frozen=True)
class Report:
    """A home and the text of its page and its workbook."""

    home: Home
    page: str
    workbook: WorkbookFormulas


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    home, folder = Home(refresh_sample_once(tmp_path_factory).path), tmp_path_factory.mktemp("report")
    ended = home.command("report", "--period", "2025-09", "--reference", "Budget", "--out", str(folder))
    assert ended.returncode == 0, ended.stderr
    (page,), (workbook,) = folder.glob("*.html"), folder.glob("*.xlsx")
    return Report(home, page.read_text(encoding="utf-8"), WorkbookFormulas(workbook.read_bytes()))


def of_raw_files(raw: Path, results: Results) -> Statement:
    """Return the lines without subtotals, and the subtotals of which this test knows how they are made."""
    with (raw / "accounts.csv").open(encoding="utf-8-sig", newline="") as file:
        accounts = {fold(row["account_number"]): row for row in csv.DictReader(file)}
    statement: dict[str, list[Decimal]] = {}
    for (day, _, account, scenario), (_, amount, *_) in results.cells.items():
        kind = accounts.get(account, {}).get("account_type", "")
        line = accounts[account]["category"] if account in accounts else "Unclassified"
        if day[:6] in MONTHS and scenario in ("Actual", "Budget") and kind in ("Revenue", "Expense", ""):
            revenue, is_budget = kind == "Revenue", scenario == "Budget"
            effect = amount if revenue else -amount
            subtotals = ["Profit after unclassified"] + ["Operating profit"] * bool(kind) + ["Revenue, net"] * revenue
            for name, value in [(line, amount), *((subtotal, effect) for subtotal in subtotals)]:
                statement.setdefault(name, [Decimal("0.00")] * 2)[is_budget] += value
    return {name: (actual, budget) for name, (actual, budget) in statement.items()}


def of_page(page: str) -> Statement:
    table = re.search(r'<table id="exact".*?</table>', page, re.DOTALL)
    assert table
    statement = {}
    for row in re.findall(r"<tr>(.*?)</tr>", table[0], re.DOTALL)[1:]:
        label, *amounts = (unescape(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL))
        statement[label] = (of_text(amounts[3]), of_text(amounts[4]))
    return statement


def of_text(text: str) -> Decimal:
    plain = text.replace(",", "")
    return -Decimal(plain.strip("()")) if plain.startswith("(") else Decimal(plain.replace("\u2212", "-"))


def of_workbook(workbook: WorkbookFormulas) -> Statement:
    cells = workbook.sheets["P&L"]
    first = next(column for (column, row), cell in cells.items() if (row, cell.value) == (5, "Year to date"))
    columns = [column for (column, row) in sorted(cells) if row == 6]
    headers = {str(cells[column, 6].value): column for column in reversed(columns) if column >= first}
    statement = {}
    for row in range(7, 1 + max(row for _, row in cells)):
        actual, budget = (cells.get((headers[name], row)) for name in ("Actual", "Budget"))
        if actual and budget:
            values = [round(Decimal(str(cell.value)), 2) for cell in (actual, budget)]
            statement[str(cells["A", row].value)] = (values[0], values[1])
    return statement


def of_view(home: Home) -> Statement:
    ended = home.command("query", QUERY, "--format", "json")
    assert ended.returncode == 0, ended.stderr
    rows = [{name.lower(): value for name, value in row.items()} for row in json.loads(ended.stdout)]
    return {row["line"]: (Decimal(str(row["amount"])), Decimal(str(row["referenceamount"]))) for row in rows}


def test_page_workbook_view_and_raw_files_have_one_profit_and_loss(
    report: Report, tmp_path_factory: pytest.TempPathFactory
):
    of_views = of_view(report.home)
    assert {name: of_views[name] for name in SUBTOTALS} == SUBTOTALS
    assert of_page(report.page) == of_views
    assert of_workbook(report.workbook) == of_views
    recomputed = of_raw_files(report.home.path / "raw", recompute_sample_once(tmp_path_factory))
    assert {**of_views, **recomputed} == of_views
    assert of_views.keys() - recomputed.keys() == {"Gross profit"}


def test_every_sum_of_the_sample_s_workbook_follows_from_its_data(report: Report):
    workbook = report.workbook
    checks = [cell.value for row in workbook.rows("Checks") if (cell := row.get("G")) and cell.formula]
    assert len(checks) > 40
    assert set(checks) == {True}
    sums = [one for one in workbook.sums() if one[0] in ("Summary", "P&L", "Units", "Outlook")]
    for sheet, place, cell in sums[::25]:
        assert isinstance(cell.value, Decimal)
        assert abs(workbook.result(sheet, cell.formula) - cell.value) < Decimal("0.000001"), (sheet, place)
