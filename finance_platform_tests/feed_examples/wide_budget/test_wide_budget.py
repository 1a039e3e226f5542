"""A wide budget workbook: title rows, a header of two rows, twelve months, subtotals and a grand total.

Belongs here: what is published and held of such files. Does not belong here: single cells (see
`unit/feeds/test_shapes`).
"""

from __future__ import annotations

import io
import shutil
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
import xlsxwriter
from pyspark.sql import SparkSession

from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refreshed, Refresher

pytestmark = pytest.mark.end_to_end

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DIVISIONS = {"North": ("N1", "N2", "N3"), "South": ("S1", "S2")}
ACCOUNTS = ("6000", "6100", "7000")
CELLS, PRINTED_TOTAL = 162, Decimal("1642616.52")
Cells = dict[tuple[str, str, int], Decimal]


def budget() -> Cells:
    """Return the amount by cost centre, account and month; one cell in ten is blank."""
    random = Random(3)
    keys = [(c, a, m) for centres in DIVISIONS.values() for c in centres for a in ACCOUNTS for m in range(12)]
    return {key: Decimal(random.randint(-5_000, 2_000_000)) / 100 for key in keys if random.random() > 0.1}


def workbook(cells: Cells, printed: Decimal) -> bytes:
    """Return the file; the grand total of December is as much too high as `printed` is."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Budget")
        sheet.merge_range("A1:N1", "Budget 2025")
        sheet.write("A2", "Draft of the finance department")
        sheet.write_row(3, 0, ["Cost Centre", "Account", *MONTHS, "Total"])
        sheet.write_row(4, 0, ["Code", "Number", *[2025] * 12, "of the year"])
        row = 5

        def write(label: str, account: str, chosen: Cells, excess: Decimal = Decimal(0)) -> None:
            nonlocal row
            sheet.write_row(row, 0, [label, account])
            for month in range(12):
                amounts = [amount for (*_, of), amount in chosen.items() if of == month]
                if amounts:
                    sheet.write_number(row, 2 + month, float(sum(amounts) + (excess if month == 11 else 0)))
            sheet.write_number(row, 14, float(sum(chosen.values()) + excess))
            row += 1

        for division, centres in DIVISIONS.items():
            sheet.write(row, 0, f"Division {division}")
            row += 1
            for centre in centres:
                for account in ACCOUNTS:
                    write(centre, account, {key: value for key, value in cells.items() if key[:2] == (centre, account)})
            write(f"Subtotal {division}", "", {key: value for key, value in cells.items() if key[0] in centres})
        write("Grand total", "", cells, printed - sum(cells.values()))
    return buffer.getvalue()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    shutil.copytree(Path(__file__).parent / "feeds", home.path / "feeds")
    return home


def published(home: Home) -> dict[tuple[str, str, str], Decimal]:
    rows = home.select(
        "SELECT DepartmentCode, AccountNumber, CAST(Month AS VARCHAR), Amount FROM FactFinancials "
        "INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey "
        "INNER JOIN DimDepartment ON DimDepartment.DepartmentKey = FactFinancials.DepartmentKey "
        "INNER JOIN DimAccount ON DimAccount.AccountKey = FactFinancials.AccountKey"
    )
    return {(department, account, month): amount for department, account, month, amount in rows}


def is_explained(refreshed: Refreshed) -> bool:
    return all(line.difference.is_zero for line in refreshed.status.reconciliation.lines)


def test_each_month_is_published_and_the_totals_tie_column_by_column(home: Home, spark: SparkSession) -> None:
    cells = budget()
    assert (len(cells), sum(cells.values())) == (CELLS, PRINTED_TOTAL)
    home.write("raw/budget/wide_2025.xlsx", workbook(cells, PRINTED_TOTAL))
    refreshed = Refresher(spark)(home)
    (row,) = refreshed.status.deliveries
    assert (row["state"], row["reason"], row["warnings"]) == ("live", "", [])
    assert published(home) == {(c, a, str(month + 1)): amount for (c, a, month), amount in cells.items()}
    assert (row["control_totals"]["checked"], row["control_totals"]["tied"]) == (36, 36)
    assert row["rules"]["heading"] == 2
    assert is_explained(refreshed)


def test_a_grand_total_that_one_column_misses_holds_the_file(home: Home, spark: SparkSession) -> None:
    cells = budget()
    home.write("raw/budget/wide_2025.xlsx", workbook(cells, PRINTED_TOTAL + 100))
    refreshed = Refresher(spark)(home)
    reason = refreshed.held()["budget/wide_2025.xlsx"]
    assert "Dec 2025" in reason
    assert is_explained(refreshed)
