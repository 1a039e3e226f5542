"""Results of the view and of the report's query.

Belongs here: `sql/views` and `sql/reporting`, on a star small enough to compute the results by hand.
Does not belong here: the checks (see `test_quality_queries`).
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from finance_platform.contracts.star import DIM_ACCOUNT, FEED_PERIOD, SIGNED_CLOSE
from finance_platform.reports.variance import variance_rows
from finance_platform.warehouse.load import publish
from finance_platform.warehouse.load_request import LoadRequest
from finance_platform.warehouse.period_status import update_statuses
from finance_platform.warehouse.port import Warehouse
from finance_platform.warehouse.statements import SqlFile, insert, statement
from finance_platform_tests.warehouse.engines import EVERY_ENGINE
from finance_platform_tests.warehouse.report_star import signed_close
from finance_platform_tests.warehouse.star_files import (
    ACTUAL,
    BUDGET,
    HEADS,
    LOADED_AT,
    RENT,
    REVENUE,
    SALES,
    TRUCKS,
    Fact,
    StarFiles,
    accounts,
    january,
    removed,
)

ENGINES = EVERY_ENGINE
ONE_CASE_ON_REDSHIFT = True
ON_REDSHIFT_BY_DAY = (
    "test_the_view_has_one_row_per_period_department_and_account_with_the_budget_counted_once",
    "test_a_year_may_have_more_money_than_a_cell",
    "test_money_in_the_view_keeps_its_type",
)


def cells(warehouse: Warehouse, columns: str, where: str = "1 = 1") -> list[tuple[object, ...]]:
    view = f"SELECT {columns} FROM ActualVsBudget WHERE {where} ORDER BY Period, DepartmentCode, AccountNumber"
    return warehouse.query(view).rows


def test_the_view_has_one_row_per_period_department_and_account_with_the_budget_counted_once(
    loaded: Warehouse,
) -> None:
    assert cells(loaded, "Period, DepartmentCode, AccountNumber, Actual, Budget, Variance", "HasBudget") == [
        ("2025-01", "0010", "4000", Decimal("1000.00"), Decimal("900.00"), Decimal("100.00")),
        ("2025-01", "0010", "6000", Decimal("250.50"), Decimal("200.00"), Decimal("50.50")),
        ("2025-01", "0020", "1500", Decimal("80.00"), Decimal("100.00"), Decimal("-20.00")),
    ]


def test_a_period_without_lines_of_the_baseline_has_no_budget_rather_than_a_budget_of_zero(
    loaded: Warehouse,
) -> None:
    assert cells(loaded, "Actual, Budget, Variance, FavourableVariance, HasBudget", "Period = '2025-02'") == [
        (Decimal("1100.00"), None, None, None, False),
        (Decimal("250.50"), None, None, None, False),
    ]


def test_a_period_has_a_budget_if_any_cell_of_the_baseline_is_in_it(loaded: Warehouse, star_files: StarFiles) -> None:
    facts = [
        Fact("2025-02-10", SALES, REVENUE, ACTUAL, "1100.00"),
        Fact("2025-02-01", SALES, HEADS, ACTUAL, "0.00", "3.00"),
        Fact("2025-02-01", SALES, HEADS, BUDGET, "3.00", "3.00"),
    ]
    publish(loaded, LoadRequest([star_files.facts("2025-02", "f2", facts)], run_id="run-2", loaded_at=LOADED_AT))

    assert cells(loaded, "Actual, Budget, Variance, HasBudget", "Period = '2025-02'") == [
        (Decimal("1100.00"), Decimal("0.00"), Decimal("1100.00"), True)
    ]


def test_a_budget_of_zeros_is_a_budget_of_zero(loaded: Warehouse, star_files: StarFiles) -> None:
    facts = [
        Fact("2025-02-10", SALES, REVENUE, ACTUAL, "1100.00"),
        Fact("2025-02-01", SALES, REVENUE, BUDGET, "0.00"),
    ]
    publish(loaded, LoadRequest([star_files.facts("2025-02", "f2", facts)], run_id="run-2", loaded_at=LOADED_AT))

    assert cells(loaded, "Actual, Budget, Variance, HasBudget", "Period = '2025-02'") == [
        (Decimal("1100.00"), Decimal("0.00"), Decimal("1100.00"), True)
    ]


def test_a_period_that_actual_does_not_cover_has_no_budget(loaded: Warehouse, star_files: StarFiles) -> None:
    facts = [
        Fact("2025-02-10", SALES, REVENUE, ACTUAL, "1100.00"),
        Fact("2025-02-01", SALES, REVENUE, BUDGET, "900.00", "900.00"),
    ]
    publish(loaded, LoadRequest([star_files.facts("2025-02", "f2", facts)], run_id="run-2", loaded_at=LOADED_AT))

    assert cells(loaded, "Actual, Budget, Variance, HasBudget", "Period = '2025-02'") == [
        (Decimal("1100.00"), None, None, False)
    ]


def test_more_revenue_and_less_expense_are_favourable_and_other_accounts_are_neither(loaded: Warehouse) -> None:
    assert cells(loaded, "AccountType, FavourableVariance", "HasBudget") == [
        ("Revenue", Decimal("100.00")),
        ("Expense", Decimal("-50.50")),
        ("Asset", None),
    ]


def test_balances_and_statistics_are_not_in_the_view(loaded: Warehouse) -> None:
    rows = loaded.query("SELECT DISTINCT AccountName FROM ActualVsBudget ORDER BY AccountName").rows

    assert rows == [("Rent",), ("Revenue",), ("Trucks",)]


def test_a_budgeted_cell_without_actuals_is_in_the_view(loaded: Warehouse, star_files: StarFiles) -> None:
    facts = [
        Fact("2025-02-01", SALES, RENT, ACTUAL, "0.00", "70.00"),
        Fact("2025-02-01", SALES, RENT, BUDGET, "70.00", "70.00"),
    ]
    publish(loaded, LoadRequest([star_files.facts("2025-02", "f2", facts)], run_id="run-2", loaded_at=LOADED_AT))

    assert cells(loaded, "Actual, Budget, FavourableVariance", "Period = '2025-02'") == [
        (Decimal("0.00"), Decimal("70.00"), Decimal("70.00"))
    ]


@pytest.mark.parametrize(
    ("lines", "usual", "is_as_usual"),
    [(5, 10, True), (4, 10, False), (1, None, True), (0, None, False), (0, 0, False)],
)
def test_a_feed_delivered_as_usual_if_it_has_half_of_its_usual_lines(
    loaded: Warehouse, lines: int, usual: int | None, *, is_as_usual: bool
) -> None:
    row = {"feed": "ledger", "period": "2025-01", "file_count": 1, "line_count": lines, "usual_line_count": usual}
    with loaded.transaction() as connection:
        insert(connection, FEED_PERIOD, [row])

    assert loaded.query("SELECT IsAsUsual FROM FeedCompleteness").rows == [(is_as_usual,)]


def test_a_signed_amount_stays_when_its_cell_is_moved_and_reclassified_by_one_load(
    loaded: Warehouse, star_files: StarFiles
) -> None:
    with loaded.transaction() as connection:
        insert(connection, SIGNED_CLOSE, [signed_close("2025-01")])
    signed = "SELECT SignedAmount, PublishedAmount FROM SignedAmount WHERE AccountNumber = '6000' "
    signed += "AND ScenarioName = 'Actual' AND Measure = 'Amount'"
    assert loaded.query(signed).rows == [(Decimal("250.50"), Decimal("250.50"))]

    is_rent = {(SALES, RENT, ACTUAL)}
    facts = [one._replace(amount="260.00") if one[1:4] in is_rent else one for one in january()]
    rows = [account | ({"category": "Rooms"} if account["account_key"] == RENT else {}) for account in accounts()]
    slices = [star_files.facts("2025-01", "j2", facts), star_files.dimension(DIM_ACCOUNT, rows, "d2")]
    publish(loaded, LoadRequest(slices, run_id="run-2", loaded_at=LOADED_AT))

    assert loaded.query(signed).rows == [(Decimal("250.50"), Decimal("260.00"))]


@pytest.mark.parametrize(("category", "count"), [("CapEx", 1), ("capex", 1), ("Deposits", 0)])
def test_assets_of_the_category_capex_alone_are_compared_with_their_plan(
    loaded: Warehouse, star_files: StarFiles, category: str, count: int
) -> None:
    rows = [account | ({"category": category} if account["account_key"] == TRUCKS else {}) for account in accounts()]
    assets = star_files.dimension(DIM_ACCOUNT, rows, "d2")
    publish(loaded, LoadRequest([assets], run_id="run-2", loaded_at=LOADED_AT))

    compared = loaded.query("SELECT DISTINCT AccountNumber FROM CapExVsPlan").rows
    assert compared == [("1500",)] * count


def test_the_report_reads_each_period_by_account_type_and_other_types_than_profit_by_category(
    loaded: Warehouse,
) -> None:
    result = loaded.query(statement(SqlFile.VARIANCE_BY_PERIOD))

    assert result.columns == [
        "FiscalYear",
        "Period",
        "IsComplete",
        "HasBudget",
        "AccountType",
        "Category",
        "ProfitSign",
        "Actual",
        "Budget",
        "Variance",
        "HasNonOperating",
    ]
    assert [tuple(map(str, row[:-1])) for row in result.rows] == [
        ("2025", "2025-01", "True", "True", "Asset", "CapEx", "0", "80.00", "100.00", "-20.00"),
        ("2025", "2025-01", "True", "True", "Expense", "", "-1", "250.50", "200.00", "50.50"),
        ("2025", "2025-02", "True", "False", "Expense", "", "-1", "250.50", "None", "None"),
        ("2025", "2025-01", "True", "True", "Revenue", "", "1", "1000.00", "900.00", "100.00"),
        ("2025", "2025-02", "True", "False", "Revenue", "", "1", "1100.00", "None", "None"),
    ]


def test_a_year_without_any_budget_has_null_for_it(loaded: Warehouse) -> None:
    publish(loaded, LoadRequest([removed("2025-01")], run_id="run-2", loaded_at=LOADED_AT))

    assert loaded.query(statement(SqlFile.VARIANCE_BY_PERIOD)).rows == [
        (2025, "2025-02", True, False, "Expense", "", -1, Decimal("250.50"), None, None, False),
        (2025, "2025-02", True, False, "Revenue", "", 1, Decimal("1100.00"), None, None, False),
    ]


def test_an_incomplete_period_is_marked_in_the_view_and_in_the_report(loaded: Warehouse) -> None:
    update_statuses(loaded, (), "2025-01")

    marks = loaded.query("SELECT DISTINCT Period, IsComplete, HasBudget FROM ActualVsBudget ORDER BY Period").rows
    rows = loaded.query(statement(SqlFile.VARIANCE_BY_PERIOD)).rows

    assert marks == [("2025-01", True, True), ("2025-02", False, False)]
    assert cells(loaded, "Actual", "Period = '2025-02'") == [(Decimal("1100.00"),), (Decimal("250.50"),)]
    assert {(row[1], row[2], row[3]) for row in rows} == set(marks)


def test_a_period_without_a_status_is_incomplete_and_no_row_is_lost(loaded: Warehouse) -> None:
    before = cells(loaded, "Period, Actual, Budget")
    with loaded.transaction() as connection:
        connection.execute("DELETE FROM PeriodStatus")

    assert cells(loaded, "Period, Actual, Budget") == before
    assert loaded.query("SELECT DISTINCT IsComplete FROM ActualVsBudget").rows == [(False,)]


def test_a_year_may_have_more_money_than_a_cell(loaded: Warehouse, star_files: StarFiles) -> None:
    most = "9999999999999999.99"
    periods = [
        star_files.facts(f"2025-0{month}", "f", [Fact(f"2025-0{month}-01", SALES, RENT, ACTUAL, most)])
        for month in (3, 4)
    ]
    publish(loaded, LoadRequest(periods, run_id="run-2", loaded_at=LOADED_AT))

    of_year = {row.line: row.actual for row in variance_rows(loaded)}
    assert of_year["Expense"] == 2 * Decimal(most) + Decimal("501.00")


@pytest.mark.parametrize("column", ["Actual", "Budget", "Variance", "FavourableVariance"])
def test_money_in_the_view_keeps_its_type(loaded: Warehouse, column: str) -> None:
    kinds = loaded.query(
        "SELECT numeric_precision, numeric_scale FROM information_schema.columns "
        "WHERE table_schema = 'finance' AND LOWER(table_name) = 'actualvsbudget' AND LOWER(column_name) = :column",
        {"column": column.lower()},
    ).rows

    assert kinds == [(18, 2)]
