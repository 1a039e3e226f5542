"""Figures in thousands with S and H, fiscal quarters, apostrophes between thousands, and codes that lost their zeros.

Belongs here: the whole way to the warehouse. Does not belong here: each rule of values (see
`unit/feeds/test_value_rules.py`).
"""

from __future__ import annotations

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher

FILE = """\
Quarter;Unit;Account;Amount (k);S/H
Q1 2025;10;6100;1'234.5;S
q2 2025;10.0;6100;0.0005;S
Q1 2025;0010;4000;2’000;h
FY2025;20;4000;1.234567;H
Q3 2025;20;6200;12.5;X
"""
# As a printed report shows it: expenses 1,234,500.50, revenue 2,001,234.57 (of 1,234.567 a cent is rounded), and a line
# of 12,500.00 whose side is not known.
TOTALS = {"Expense": Decimal("1234500.50"), "Revenue": Decimal("2001234.57")}

pytestmark = pytest.mark.end_to_end


def test_figures_in_thousands_are_published_in_full_by_type_and_fiscal_quarter(spark: SparkSession, tmp_path: Path):
    home = Home(tmp_path)
    shutil.copytree(Path(__file__).parent / "feeds", home.path / "feeds")
    (home.path / "raw").mkdir()
    (home.path / "raw" / "figures_2025.csv").write_text(FILE, encoding="utf-8")
    feed = home.path / "feeds" / "figures.yaml"
    feed.write_text(feed.read_text(encoding="utf-8") + "tolerance: {rejected_rows: 0.2}\n", encoding="utf-8")
    refreshed = Refresher(spark)(home, FINANCE_PLATFORM_FISCAL_YEAR_START_MONTH="7")
    assert refreshed.held() == {}
    lines = home.warehouse.query(
        """
        SELECT FullDate, DepartmentCode, AccountNumber, AccountType, Amount
        FROM FactFinancials
        INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey
        INNER JOIN DimDepartment ON DimDepartment.DepartmentKey = FactFinancials.DepartmentKey
        INNER JOIN DimAccount ON DimAccount.AccountKey = FactFinancials.AccountKey
        ORDER BY FullDate, DepartmentCode, AccountNumber
        """
    ).rows
    assert [(str(day)[:10], *rest) for day, *rest in lines] == [
        (date(2024, 7, 1).isoformat(), "0010", "4000", "Revenue", Decimal("2000000.00")),
        (date(2024, 7, 1).isoformat(), "0010", "6100", "Expense", Decimal("1234500.00")),
        (date(2024, 7, 1).isoformat(), "0020", "4000", "Revenue", Decimal("1234.57")),
        (date(2024, 10, 1).isoformat(), "0010", "6100", "Expense", Decimal("0.50")),
    ]
    totals = {kind: sum(row[4] for row in lines if row[3] == kind) for kind in TOTALS}
    assert totals == TOTALS
    assert sum(row["rejected"] for row in refreshed.status.deliveries) == 1
