"""The check of unusual amounts on a real warehouse.

Belongs here: the check with its SQL. Does not belong here: the statistics (see `unit/quality/test_anomalies`), the
months that are checked (see `unit/quality/test_account_months`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from finance_platform.contracts.star import DIM_DATE
from finance_platform.feeds.values.dates import periods_between
from finance_platform.quality.checks import AMOUNTS_ARE_USUAL, Outcome
from finance_platform.quality.published_figures import check_published_figures
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.load import publish
from finance_platform.warehouse.load_request import LoadRequest, SliceToLoad
from finance_platform.warehouse.statements import SqlFile, statement
from finance_platform_tests.warehouse.star_files import (
    ACTUAL,
    BUDGET,
    CASH,
    FORECAST,
    HEADS,
    LOADED_AT,
    RENT,
    REVENUE,
    SALES,
    WORKS,
    Fact,
    StarFiles,
    days,
    removed,
)

MONTHS = periods_between("2024-01", "2025-06")


def facts(period: str, rent: str = "100.00") -> list[Fact]:
    """A month of rent in two departments, and of other rows that are no expense."""
    return [
        Fact(f"{period}-10", SALES, RENT, ACTUAL, rent, "0.00"),
        Fact(f"{period}-20", WORKS, RENT, ACTUAL, "20.00"),
        Fact(f"{period}-05", SALES, REVENUE, ACTUAL, "500.00"),
        Fact(f"{period}-28", WORKS, CASH, ACTUAL, "5.00" if period == MONTHS[-1] else "9000.00"),
        Fact(f"{period}-28", WORKS, HEADS, ACTUAL, "999.00" if period == MONTHS[-1] else "1.00"),
        Fact(f"{period}-01", SALES, RENT, FORECAST, "7777.00" if period == MONTHS[-1] else "100.00"),
    ]


def load_months(
    warehouse: DuckDBWarehouse, star_files: StarFiles, slices: Iterable[SliceToLoad], at: datetime = LOADED_AT
) -> None:
    others = [target for target in star_files.dimensions() if target.contract_name != DIM_DATE.name]
    dates = star_files.dimension(DIM_DATE, [day for year in (2024, 2025) for day in days(year)])
    publish(warehouse, LoadRequest([dates, *others, *slices], run_id="run", loaded_at=at))


def check_amounts(warehouse: DuckDBWarehouse, actuals_through: str | None = None) -> Outcome:
    outcomes = check_published_figures(warehouse, actuals_through=actuals_through)
    (outcome,) = [outcome for outcome in outcomes if outcome.check is AMOUNTS_ARE_USUAL]
    return outcome


@pytest.fixture(scope="module")
def _steady_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("steady_once")
    star_files, path = StarFiles(folder / "processed"), folder / "warehouse.duckdb"
    load_months(DuckDBWarehouse(path), star_files, [star_files.facts(period, "v1", facts(period)) for period in MONTHS])
    return path


@pytest.fixture
def steady(warehouse: DuckDBWarehouse, path: Path, _steady_template: Path) -> DuckDBWarehouse:
    """Eighteen months, all the same."""
    path.parent.mkdir()
    shutil.copy(_steady_template, path)
    return warehouse


def replace_month(
    warehouse: DuckDBWarehouse, star_files: StarFiles, period: str, rent: str, at: datetime = LOADED_AT
) -> None:
    load_months(warehouse, star_files, [star_files.facts(period, f"v-{rent}-{at}", facts(period, rent))], at)


def test_months_like_those_before_are_usual_even_if_headcount_balances_and_plans_differ(steady: DuckDBWarehouse):
    outcome = check_amounts(steady)
    assert outcome.passed
    assert outcome.summary == "no unusual amounts; 2 accounts evaluated in 2025-04, 2025-05, 2025-06"


def test_a_month_far_from_those_before_is_reported_with_the_usual_amount(
    steady: DuckDBWarehouse, star_files: StarFiles
):
    replace_month(steady, star_files, "2025-06", "900.00")
    outcome = check_amounts(steady)
    assert (outcome.passed, outcome.check.is_warning, outcome.check.is_blocking) == (False, True, False)
    assert outcome.summary == "1 unusual amount; 2 accounts evaluated in 2025-04, 2025-05, 2025-06"
    assert outcome.evidence == [
        {
            "what": "6000 Rent was 920.00 in 2025-06; in the 17 months before it was usually 120.00; "
            "loads have lately moved it by 800.00",
            "period": "2025-06",
            "account": "6000",
            "account_name": "Rent",
            "amount": "920.00",
            "usual_amount": "120.00",
            "usual_range": "120.00 to 120.00",
        }
    ]


class RowsAlone:
    """A warehouse that returns no columns, such as Redshift."""

    def __init__(self, warehouse: DuckDBWarehouse) -> None:
        self.query = warehouse.query


def test_a_warehouse_that_returns_rows_alone_gives_the_same_outcome(steady: DuckDBWarehouse, star_files: StarFiles):
    replace_month(steady, star_files, "2025-06", "900.00")
    by_row = check_published_figures(RowsAlone(steady), actuals_through=None)
    assert by_row == check_published_figures(steady, actuals_through=None)
    with steady.reading() as opened_once:
        assert by_row == check_published_figures(opened_once, actuals_through=None)


def test_a_repeated_check_gives_the_same_outcome(steady: DuckDBWarehouse, star_files: StarFiles):
    replace_month(steady, star_files, "2024-02", "900.00")
    replace_month(steady, star_files, "2025-02", "900.00")
    assert check_amounts(steady) == check_amounts(steady)


def test_an_old_month_is_checked_for_three_months_after_a_load_has_moved_it(
    steady: DuckDBWarehouse, star_files: StarFiles
):
    replace_month(steady, star_files, "2025-02", "900.00")
    assert [row["period"] for row in check_amounts(steady).evidence] == ["2025-02"]
    replace_month(steady, star_files, "2024-01", "110.00", LOADED_AT + timedelta(days=91))
    assert not check_amounts(steady).passed
    replace_month(steady, star_files, "2024-01", "120.00", LOADED_AT + timedelta(days=93))
    assert check_amounts(steady).passed


def test_a_restated_closed_month_is_checked_like_any_other(steady: DuckDBWarehouse, star_files: StarFiles):
    restated = star_files.facts("2025-02", "v2", facts("2025-02", "900.00"))
    publish(steady, LoadRequest([restated], run_id="run-2", loaded_at=LOADED_AT, closed_periods=["2025-02"]))
    assert [row["period"] for row in check_amounts(steady).evidence] == ["2025-02"]


def test_an_old_unusual_month_that_no_load_has_moved_is_not_reported(warehouse: DuckDBWarehouse, star_files: StarFiles):
    unusual = {"2025-02": "900.00"}
    load_months(
        warehouse,
        star_files,
        [star_files.facts(month, "v1", facts(month, unusual.get(month, "100.00"))) for month in MONTHS],
    )
    assert check_amounts(warehouse).passed


def test_a_restatement_that_was_reverted_is_not_reported(steady: DuckDBWarehouse, star_files: StarFiles):
    replace_month(steady, star_files, "2025-02", "900.00")
    replace_month(steady, star_files, "2025-02", "100.00")
    assert check_amounts(steady).passed


def test_an_account_that_a_load_empties_in_an_old_month_is_reported(steady: DuckDBWarehouse, star_files: StarFiles):
    load_months(
        steady,
        star_files,
        [star_files.facts("2025-02", "v2", [fact for fact in facts("2025-02") if fact.account != RENT])],
    )
    assert [(row["period"], row["amount"]) for row in check_amounts(steady).evidence] == [("2025-02", "0.00")]


def test_a_removed_period_is_a_gap_and_not_a_month_with_amount_zero(steady: DuckDBWarehouse, star_files: StarFiles):
    load_months(steady, star_files, [removed("2025-05")])
    outcome = check_amounts(steady)
    assert (outcome.passed, outcome.summary[-25:]) == (True, "2025-03, 2025-04, 2025-06")


def test_a_budgeted_month_without_lines_is_not_a_month_of_actual(steady: DuckDBWarehouse, star_files: StarFiles):
    covered = Fact("2025-07-01", SALES, RENT, ACTUAL, "0.00", "100.00", transaction_count=0)
    load_months(steady, star_files, [star_files.facts("2025-07", "v1", [covered])])
    assert check_amounts(steady).summary.endswith("2025-06")


def test_the_first_actual_of_a_period_that_had_a_budget_is_not_a_movement(
    warehouse: DuckDBWarehouse, star_files: StarFiles
):
    plan = Fact("2025-06-01", SALES, RENT, BUDGET, "100.00", "100.00")
    load_months(warehouse, star_files, [star_files.facts("2025-06", "b1", [plan])])
    load_months(warehouse, star_files, [star_files.facts("2025-06", "v1", [plan, *facts("2025-06")])])
    rows = warehouse.query(statement(SqlFile.ACTUAL_BY_ACCOUNT_AND_PERIOD), {"actuals_through": "9999-12"}).rows
    assert rows == [
        ("2025-06", "4000", "Revenue", Decimal("500.00"), 1, Decimal("0.00"), 1, Decimal("0.00")),
        ("2025-06", "6000", "Rent", Decimal("120.00"), 2, Decimal("0.00"), -1, Decimal("0.00")),
    ]


def test_entries_of_a_year_end_close_are_reported_although_the_year_is_the_first(
    warehouse: DuckDBWarehouse, star_files: StarFiles
):
    """Cash is no account of profit and loss, and is not zero."""
    year = MONTHS[:12]
    closing = [
        Fact("2024-12-31", SALES, RENT, ACTUAL, "-1440.00"),
        Fact("2024-12-31", SALES, REVENUE, ACTUAL, "-6000.00"),
    ]
    slices = [star_files.facts(period, "v1", facts(period) + closing * (period == year[-1])) for period in year]
    load_months(warehouse, star_files, slices)
    outcome = check_amounts(warehouse)
    assert outcome.summary == (
        "entries of a year-end close in 2024-12; no account has a year of Actual to be evaluated"
    )
    (row,) = outcome.evidence
    assert row["what"] == (
        "2 of 2 accounts of profit and loss add up to 0.00 from 2024-01 to 2024-12, after 6,820.00 gross before it, "
        "as if entries of a year-end close counted as revenue and costs"
    )


def history_with_a_close(star_files: StarFiles) -> list[SliceToLoad]:
    """Eighteen months whose first year has entries of its close."""
    closing = [
        Fact("2024-12-31", SALES, RENT, ACTUAL, "-1440.00"),
        Fact("2024-12-31", SALES, REVENUE, ACTUAL, "-6000.00"),
    ]
    return [star_files.facts(period, "v1", facts(period) + closing * (period == "2024-12")) for period in MONTHS]


def test_the_first_load_of_a_history_is_searched_for_what_is_wrong_with_whole_periods(
    warehouse: DuckDBWarehouse, star_files: StarFiles
):
    load_months(warehouse, star_files, history_with_a_close(star_files))
    outcome = check_amounts(warehouse)
    assert outcome.summary.startswith("entries of a year-end close in 2024-12; ")
    assert [row["period"] for row in outcome.evidence if "fix" in row] == ["2024-12"]


def test_a_history_that_was_published_three_months_before_the_last_load_is_not_searched_again(
    warehouse: DuckDBWarehouse, star_files: StarFiles
):
    load_months(warehouse, star_files, history_with_a_close(star_files))
    later = [star_files.facts("2025-07", "v1", facts("2025-07"))]
    load_months(warehouse, star_files, later, at=LOADED_AT + timedelta(days=93))
    assert not [row for row in check_amounts(warehouse).evidence if "fix" in row]


def test_a_summary_of_many_periods_names_the_first_and_the_last(warehouse: DuckDBWarehouse, star_files: StarFiles):
    lines = {period: [*facts(period), Fact(f"{period}-05", WORKS, REVENUE, ACTUAL, "-900.00")] for period in MONTHS}
    load_months(warehouse, star_files, [star_files.facts(period, "v1", of_month) for period, of_month in lines.items()])
    outcome = check_amounts(warehouse)
    assert outcome.summary.startswith("signs that contradict the types of accounts in 18 periods from 2024-01 to ")
    assert len([row for row in outcome.evidence if "fix" in row]) == len(MONTHS)


def test_months_after_the_last_that_actual_covers_are_not_checked(steady: DuckDBWarehouse, star_files: StarFiles):
    replace_month(steady, star_files, "2025-06", "900.00")
    outcome = check_amounts(steady, "2025-05")
    assert (outcome.passed, outcome.summary[-7:]) == (True, "2025-05")


@pytest.mark.parametrize("scenario", [BUDGET, FORECAST])
def test_a_home_with_only_plans_has_nothing_to_check(warehouse: DuckDBWarehouse, star_files: StarFiles, scenario: int):
    plans = [star_files.facts(month, "v1", [Fact(f"{month}-01", SALES, RENT, scenario, "100.00")]) for month in MONTHS]
    load_months(warehouse, star_files, plans)
    outcome = check_amounts(warehouse)
    assert (outcome.passed, outcome.summary) == (True, "no account has a year of Actual to be evaluated")


def test_an_empty_warehouse_has_nothing_to_check(warehouse: DuckDBWarehouse):
    warehouse.prepare()
    assert check_amounts(warehouse).passed


def test_revenue_and_a_budget_of_it_that_are_negative_are_named(warehouse: DuckDBWarehouse, star_files: StarFiles):
    month = [
        Fact("2025-06-10", SALES, RENT, ACTUAL, "100.00", "0.00"),
        Fact("2025-06-05", SALES, REVENUE, ACTUAL, "-500.00", "-450.00"),
        Fact("2025-06-05", WORKS, REVENUE, ACTUAL, "100.00", "0.00"),
        Fact("2025-06-28", WORKS, CASH, ACTUAL, "-9000.00"),
    ]
    load_months(warehouse, star_files, [star_files.facts("2025-06", "v1", month)])
    outcome = check_amounts(warehouse)
    assert [row["what"] for row in outcome.evidence] == [
        f"revenue is {figure} of 2025-06: the only account is negative, although revenue earned is positive"
        for figure in ("-400.00 in Actual", "-450.00 in the budget")
    ]
    assert outcome.summary.startswith("signs that contradict the types of accounts in 2025-06; ")
    assert not outcome.passed
    for row in outcome.evidence:
        assert row["fix"].startswith(
            "if the amounts are debit less credit, write sign: debit_positive in the descriptor"
        )
