"""The variance report: Actual against Budget by year and account type.

Belongs here: `reports.variance`. Does not belong here: the view ActualVsBudget (see `warehouse/test_views`).
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from finance_platform.reports.variance import NO_BUDGET, VarianceRow, as_csv, variance_rows
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.load import publish
from finance_platform_tests.warehouse.star_files import LOADED_AT, StarFiles, february, january


@pytest.fixture(scope="module")
def warehouse_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A year with a budget in January only."""
    folder = tmp_path_factory.mktemp("variance")
    star = StarFiles(folder / "processed")
    slices = [*star.dimensions(), star.facts("2025-01", "j1", january()), star.facts("2025-02", "f1", february())]
    publish(DuckDBWarehouse(folder / "warehouse.duckdb"), slices, run_id="run-1", loaded_at=LOADED_AT)
    return folder / "warehouse.duckdb"


def amounts(*texts: str | None) -> list[Decimal | None]:
    return [None if text is None else Decimal(text) for text in texts]


def test_variance_compares_the_periods_with_a_budget_and_shows_the_whole_year_beside(warehouse_file: Path):
    rows = variance_rows(DuckDBWarehouse(warehouse_file))
    assert [(row.year, row.account_type) for row in rows] == [(2025, "Asset"), (2025, "Expense"), (2025, "Revenue")]
    assert [[row.actual, row.actual_with_budget, row.budget, row.variance] for row in rows] == [
        amounts("80.00", "80.00", "100.00", "-20.00"),
        amounts("501.00", "250.50", "200.00", "50.50"),
        amounts("2100.00", "1000.00", "900.00", "100.00"),
    ]


def test_a_year_without_a_budget_has_no_variance(warehouse_file: Path, tmp_path: Path):
    path = tmp_path / "february.duckdb"
    path.write_bytes(warehouse_file.read_bytes())
    with duckdb.connect(str(path)) as connection:
        connection.execute("DELETE FROM finance.FactFinancials WHERE DateKey < 20250200")
    rows = variance_rows(DuckDBWarehouse(path))
    assert [[row.actual, row.actual_with_budget, row.budget, row.variance] for row in rows] == [
        amounts("250.50", None, None, None),
        amounts("1100.00", None, None, None),
    ]
    assert as_csv(rows).splitlines()[1] == "2025,Expense,250.50,no budget,no budget,no budget"


def test_the_report_is_csv_with_a_header_and_two_decimals():
    row = VarianceRow(2025, "Revenue", Decimal("2100"), Decimal("1000.5"), Decimal("0"), Decimal("1000.5"))
    assert as_csv([row]) == (
        "Year,AccountType,Actual,ActualWithBudget,Budget,Variance\n2025,Revenue,2100.00,1000.50,0.00,1000.50\n"
    )


def test_a_budget_of_zero_is_a_budget():
    none, zero = (
        VarianceRow(2025, "Revenue", Decimal(0), budget, budget, budget).cells() for budget in (None, Decimal(0))
    )
    assert (none["Budget"], zero["Budget"]) == (NO_BUDGET, "0.00")


def test_a_report_without_rows_is_only_a_header():
    assert as_csv([]) == "Year,AccountType,Actual,ActualWithBudget,Budget,Variance\n"
