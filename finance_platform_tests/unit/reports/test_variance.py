"""The variance report: Actual against Budget by fiscal year.

Belongs here: `reports.variance`. Does not belong here: the view ActualVsBudget (see `warehouse/test_views`), which
periods are complete (see `test_completeness`).
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from finance_platform.reports.variance import VarianceRow, as_csv, published_variance, variance_rows
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.load import publish
from finance_platform.warehouse.load_request import LoadRequest
from finance_platform.warehouse.period_status import update_statuses
from finance_platform.warehouse.port import NO_PARAMETERS, Parameters, QueryResult
from finance_platform_tests.warehouse.star_files import LOADED_AT, StarFiles, february, january

HEADER = (
    "FiscalYear,Months,Line,AccountType,Actual,ActualWithBudget,Budget,Variance,VariancePercent,Effect,"
    "IncompletePeriods,ActualIncomplete"
)


@pytest.fixture(scope="module")
def warehouse_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A year with a budget in January only."""
    folder = tmp_path_factory.mktemp("variance")
    star = StarFiles(folder / "processed")
    slices = [*star.dimensions(), star.facts("2025-01", "j1", january()), star.facts("2025-02", "f1", february())]
    publish(DuckDBWarehouse(folder / "warehouse.duckdb"), LoadRequest(slices, run_id="run-1", loaded_at=LOADED_AT))
    return folder / "warehouse.duckdb"


@pytest.fixture
def path(warehouse_file: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    copy = tmp_path / "warehouse.duckdb"
    copy.write_bytes(warehouse_file.read_bytes())
    return copy


def change(path: Path, *statements: str) -> DuckDBWarehouse:
    """Run statements on a warehouse's file."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET schema = 'finance'")
        for statement in statements:
            connection.execute(statement)
    return DuckDBWarehouse(path)


def texts(*amounts: str | None) -> list[Decimal | None]:
    return [None if text is None else Decimal(text) for text in amounts]


def lines(rows: list[VarianceRow]) -> dict[str, list[Decimal | None]]:
    return {row.line: [row.actual, row.actual_with_budget, row.budget, row.variance] for row in rows}


def row(variance: str | None, sign: int = 1, budget: str | None = "100", actual: str = "150") -> VarianceRow:
    with_budget = None if budget is None else Decimal(actual)
    planned, difference = (None if text is None else Decimal(text) for text in (budget, variance))
    return VarianceRow(2025, 12, "Revenue", "Revenue", Decimal(actual), with_budget, planned, difference, sign)


# Lines and totals


def test_variance_compares_the_periods_with_a_budget_and_shows_the_whole_year_beside(warehouse_file: Path):
    assert lines(variance_rows(DuckDBWarehouse(warehouse_file))) == {
        "Revenue": texts("2100.00", "1000.00", "900.00", "100.00"),
        "Expense": texts("501.00", "250.50", "200.00", "50.50"),
        "Operating profit": texts("1599.00", "749.50", "700.00", "49.50"),
        "CapEx (Asset)": texts("80.00", "80.00", "100.00", "-20.00"),
    }


def test_unclassified_money_is_a_line_and_a_cost_of_the_last_total_only(path: Path):
    warehouse = change(
        path, "UPDATE DimAccount SET AccountType = 'Unknown', ProfitSign = 0, Category = '' WHERE AccountName = 'Rent'"
    )
    rows = variance_rows(warehouse)
    assert lines(rows) == {
        "Revenue": texts("2100.00", "1000.00", "900.00", "100.00"),
        "Operating profit": texts("2100.00", "1000.00", "900.00", "100.00"),
        "Unclassified": texts("501.00", "250.50", "200.00", "50.50"),
        "Profit after unclassified": texts("1599.00", "749.50", "700.00", "49.50"),
        "CapEx (Asset)": texts("80.00", "80.00", "100.00", "-20.00"),
    }
    assert [(row.line, row.account_type, row.effect) for row in rows][1:4] == [
        ("Operating profit", "", "favourable"),
        ("Unclassified", "Unknown", ""),
        ("Profit after unclassified", "", "favourable"),
    ]


def test_profit_has_the_name_that_the_statement_gives_it(path: Path):
    """With a line below operating profit, all revenue less all expense is not operating profit."""
    rent = "(SELECT AccountKey FROM DimAccount WHERE AccountName = 'Rent')"
    warehouse = change(path, f"INSERT INTO StatementMapping VALUES ({rent}, NULL, 'Non-operating', 'Estate', 1)")
    profits = dict(
        warehouse.query(
            "SELECT Line, SUM(Amount) FROM ProfitAndLoss WHERE IsSubtotal AND ScenarioName = 'Actual' GROUP BY Line"
        ).rows
    )
    report = {row.line: row.actual for row in variance_rows(warehouse)}
    assert profits["Operating profit"] != profits["Net profit"]
    assert {line: report[line] for line in profits if line in report} == {"Net profit": profits["Net profit"]}


def test_without_classified_money_there_is_no_operating_profit(path: Path):
    warehouse = change(
        path,
        "UPDATE DimAccount SET AccountType = 'Unknown', ProfitSign = 0 WHERE AccountType IN ('Revenue', 'Expense')",
    )
    assert list(lines(variance_rows(warehouse))) == ["Unclassified", "Profit after unclassified", "CapEx (Asset)"]


def test_accounts_outside_of_profit_are_lines_by_category(path: Path):
    warehouse = change(
        path,
        "UPDATE DimAccount SET AccountType = 'Liability', ProfitSign = 0, Category = 'Loans'"
        " WHERE AccountName = 'Rent'",
        "UPDATE DimAccount SET AccountType = 'Liability', ProfitSign = 0, Category = 'Deferred income'"
        " WHERE AccountName = 'Revenue'",
    )
    rows = variance_rows(warehouse)
    assert [row.line for row in rows] == ["CapEx (Asset)", "Deferred income (Liability)", "Loans (Liability)"]
    assert [row.effect for row in rows] == ["favourable", "", ""]


@pytest.mark.parametrize("category", ["", "Unknown"])
def test_an_account_without_a_category_is_not_lost(path: Path, category: str):
    warehouse = change(path, f"UPDATE DimAccount SET Category = '{category}' WHERE AccountName = 'Trucks'")
    rows = variance_rows(warehouse)
    assert (rows[-1].line, rows[-1].actual, rows[-1].effect) == ("Asset without a category", Decimal("80.00"), "")


def test_the_money_of_all_lines_but_totals_is_that_of_the_view(path: Path):
    warehouse = DuckDBWarehouse(path)
    update_statuses(warehouse, (), "2025-01")
    ((actual, budget),) = warehouse.query("SELECT SUM(Actual), SUM(Budget) FROM ActualVsBudget").rows
    rows = [row for row in variance_rows(warehouse) if row.account_type]
    assert sum((row.actual or 0) + row.actual_incomplete for row in rows) == actual
    assert sum(row.budget or 0 for row in rows) == budget


# Years and periods


def test_a_year_is_the_fiscal_year(path: Path):
    warehouse = change(path, "UPDATE DimDate SET FiscalYear = 2026 WHERE Month = 2")
    rows = variance_rows(warehouse)
    assert [(row.fiscal_year, row.months, row.actual) for row in rows if row.line == "Revenue"] == [
        (2025, 1, Decimal("1000.00")),
        (2026, 1, Decimal("1100.00")),
    ]


def test_an_incomplete_period_is_left_out_and_named(path: Path):
    warehouse = DuckDBWarehouse(path)
    update_statuses(warehouse, (), "2025-01")
    rows = variance_rows(warehouse)
    assert lines(rows)["Operating profit"] == texts("749.50", "749.50", "700.00", "49.50")
    assert {(row.months, row.incomplete_periods) for row in rows} == {(1, ("2025-02",))}
    assert {row.line: row.actual_incomplete for row in rows} == {
        "Revenue": Decimal("1100.00"),
        "Expense": Decimal("250.50"),
        "Operating profit": Decimal("849.50"),
        "CapEx (Asset)": Decimal("0.00"),
    }


def test_a_year_without_a_complete_period_has_no_figures_but_those_left_out(path: Path):
    warehouse = DuckDBWarehouse(path)
    update_statuses(warehouse, (), "2024-12")
    revenue = variance_rows(warehouse)[0]
    assert list(revenue.cells().values()) == [
        *("2025", "0", "Revenue", "Revenue"),
        *4 * ["incomplete"],
        *("", "", "2025-01 2025-02", "2100.00"),
    ]


def test_a_line_of_incomplete_periods_only_is_zero_in_a_year_that_has_complete_ones(path: Path):
    warehouse = change(path, "DELETE FROM FactFinancials WHERE DateKey < 20250200 AND AccountKey = 22")
    update_statuses(warehouse, (), "2025-01")
    assert lines(variance_rows(warehouse))["Expense"] == texts("0.00", "0.00", "0.00", "0.00")


def test_a_year_without_a_budget_has_no_variance(path: Path):
    rows = variance_rows(change(path, "DELETE FROM FactFinancials WHERE DateKey < 20250200"))
    assert lines(rows) == {
        "Revenue": texts("1100.00", None, None, None),
        "Expense": texts("250.50", None, None, None),
        "Operating profit": texts("849.50", None, None, None),
    }
    assert as_csv(rows).splitlines()[1] == "2025,1,Revenue,Revenue,1100.00,no budget,no budget,no budget,,,,0.00"


# Percentages and effects


@pytest.mark.parametrize(
    ("variance", "budget", "actual", "percent"),
    [
        ("50", "100", "150", "+50.0"),
        ("-50", "100", "50", "-50.0"),
        ("-50", "-100", "-150", "-50.0"),
        ("0", "100", "100", "0.0"),
        ("12.25", "100", "112.25", "+12.3"),
        ("-12.25", "100", "87.75", "-12.3"),
        ("150", "0", "150", "n/m"),
        ("0", "0", "0", "n/m"),
        ("250", "-100", "150", "n/m"),
        ("-250", "100", "-150", "n/m"),
        ("-100", "100", "0", "-100.0"),
        (None, None, "150", ""),
    ],
)
def test_a_percentage_is_of_the_budget_and_means_nothing_without_one_or_across_signs(
    variance: str | None, budget: str | None, actual: str, percent: str
):
    assert row(variance, budget=budget, actual=actual).variance_percent == percent


def test_a_percentage_has_grouped_digits_for_people_and_none_in_a_document():
    large = row("2460", budget="100", actual="2560")
    assert (large.grouped_percent, large.variance_percent) == ("+2,460.0", "+2460.0")


@pytest.mark.parametrize(
    ("variance", "sign", "effect"),
    [
        ("1", 1, "favourable"),
        ("-1", 1, "unfavourable"),
        ("1", -1, "unfavourable"),
        ("-1", -1, "favourable"),
        ("0", 1, "as planned"),
        ("1", 0, ""),
        (None, 1, ""),
    ],
)
def test_an_effect_is_that_on_profit(variance: str | None, sign: int, effect: str):
    assert row(variance, sign).effect == effect


@pytest.mark.parametrize("category", ["CapEx", "Capex"])
def test_capex_over_plan_is_unfavourable(path: Path, category: str):
    warehouse = change(
        path,
        f"UPDATE DimAccount SET Category = '{category}' WHERE AccountName = 'Trucks'",
        "UPDATE FactFinancials SET Amount = Amount + 50, Variance = Variance + 50"
        " WHERE AccountKey = 23 AND ScenarioKey = 31",
    )
    capex = variance_rows(warehouse)[-1]
    assert (capex.variance, capex.variance_percent, capex.effect) == (Decimal("30.00"), "+30.0", "unfavourable")


# The file


def test_the_report_is_csv_with_a_header_and_two_decimals():
    actual, with_budget, budget, variance = map(Decimal, ("2100", "1000.5", "900", "100.5"))
    whole = VarianceRow(
        2025,
        11,
        "Revenue",
        "Revenue",
        actual,
        with_budget,
        budget,
        variance,
        1,
        incomplete_periods=("2025-11", "2025-12"),
        actual_incomplete=Decimal("7"),
    )
    assert as_csv([whole]) == (
        f"{HEADER}\n2025,11,Revenue,Revenue,2100.00,1000.50,900.00,100.50,+11.2,favourable,2025-11 2025-12,7.00\n"
    )


def test_a_budget_of_zero_is_a_budget():
    assert [row("150", budget=budget).cells()["Budget"] for budget in (None, "0")] == ["no budget", "0.00"]


def test_a_report_without_rows_is_only_a_header():
    assert as_csv([]) == f"{HEADER}\n"


# Once for a state of the warehouse


class CountedWarehouse(DuckDBWarehouse):
    """Counts the queries that it answers."""

    count = 0
    has_version = True

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        self.count += 1
        return super().query(sql, parameters)

    def content_version(self) -> str:
        return super().content_version() if self.has_version else ""


def test_periods_and_amounts_are_one_answer_of_the_warehouse(path: Path):
    warehouse = CountedWarehouse(path)
    assert variance_rows(warehouse)
    assert warehouse.count == 1


def test_the_same_state_of_a_warehouse_is_added_up_once(path: Path):
    first, again = CountedWarehouse(path), CountedWarehouse(path)
    assert published_variance(first) == published_variance(again) == variance_rows(DuckDBWarehouse(path))
    assert (first.count > 0, again.count) == (True, 0)


def test_rows_of_the_report_follow_every_change_of_the_warehouse(path: Path):
    warehouse = DuckDBWarehouse(path)
    before = published_variance(warehouse)
    with warehouse.transaction() as connection:
        connection.execute("DELETE FROM FactFinancials WHERE DateKey < 20250200")
    assert published_variance(warehouse) == variance_rows(warehouse) != before


def test_who_changes_the_rows_of_the_report_changes_no_later_ones(path: Path):
    published_variance(DuckDBWarehouse(path)).clear()
    assert published_variance(DuckDBWarehouse(path)) == variance_rows(DuckDBWarehouse(path))


def test_a_warehouse_without_a_version_is_added_up_each_time(path: Path):
    warehouse = CountedWarehouse(path)
    warehouse.has_version = False
    published_variance(warehouse)
    count = warehouse.count
    published_variance(warehouse)
    assert warehouse.count == 2 * count > 0
