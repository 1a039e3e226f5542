"""The check of unusual amounts on a real warehouse: what it is asked, what counts as a month, when it speaks.

Belongs here: the check with its SQL. Does not belong here: the statistics (see `unit/test_anomalies`), which months are
judged (see `unit/test_account_months`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from finance_platform.contracts.star import DIM_DATE
from finance_platform.feeds.dates import periods_between
from finance_platform.quality.checks import AMOUNTS_ARE_USUAL, Outcome
from finance_platform.quality.warehouse import Audit
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.load import publish
from finance_platform.warehouse.load_request import SliceToLoad
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
from finance_platform_tests.warehouse.test_audit import lake_with

MONTHS = periods_between("2024-01", "2025-06")


def facts(period: str, rent: str = "100.00") -> list[Fact]:
    """A month of rent in two departments, and of whatever else must not be mistaken for money spent."""
    return [
        Fact(f"{period}-10", SALES, RENT, ACTUAL, rent, "0.00"),
        Fact(f"{period}-20", WORKS, RENT, ACTUAL, "20.00"),
        Fact(f"{period}-05", SALES, REVENUE, ACTUAL, "500.00"),
        Fact(f"{period}-28", WORKS, CASH, ACTUAL, "5.00" if period == MONTHS[-1] else "9000.00"),
        Fact(f"{period}-28", WORKS, HEADS, ACTUAL, "999.00" if period == MONTHS[-1] else "1.00"),
        Fact(f"{period}-01", SALES, RENT, FORECAST, "7777.00" if period == MONTHS[-1] else "100.00"),
    ]


def load_months(
    warehouse: DuckDBWarehouse, lake: StarFiles, slices: Iterable[SliceToLoad], at: datetime = LOADED_AT
) -> None:
    others = [one for one in lake.dimensions() if one.contract_name != DIM_DATE.name]
    dates = lake.dimension(DIM_DATE, [day for year in (2024, 2025) for day in days(year)])
    publish(warehouse, [dates, *others, *slices], run_id="run", loaded_at=at)


def amounts_checked(warehouse: DuckDBWarehouse, actuals_through: str | None = None) -> Outcome:
    audit = Audit(lake_with(), actuals_through=actuals_through)
    audit(warehouse)
    (outcome,) = [one for one in audit.outcomes or () if one.check is AMOUNTS_ARE_USUAL]
    return outcome


@pytest.fixture(scope="module")
def _steady_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("steady_once")
    lake, path = StarFiles(folder / "processed"), folder / "warehouse.duckdb"
    load_months(DuckDBWarehouse(path), lake, [lake.facts(period, "v1", facts(period)) for period in MONTHS])
    return path


@pytest.fixture
def steady(warehouse: DuckDBWarehouse, path: Path, _steady_once: Path) -> DuckDBWarehouse:
    """Eighteen months, all the same."""
    path.parent.mkdir()
    shutil.copy(_steady_once, path)
    return warehouse


def replaced(warehouse: DuckDBWarehouse, lake: StarFiles, period: str, rent: str, at: datetime = LOADED_AT) -> None:
    load_months(warehouse, lake, [lake.facts(period, f"v-{rent}-{at}", facts(period, rent))], at)


def test_months_like_those_before_are_usual_whatever_heads_balances_and_plans_do(steady: DuckDBWarehouse):
    outcome = amounts_checked(steady)
    assert outcome.passed
    assert outcome.summary == "no unusual amounts; 2 accounts judged in 2025-04, 2025-05, 2025-06"


def test_a_month_far_from_those_before_is_named_with_what_is_usual(steady: DuckDBWarehouse, lake: StarFiles):
    replaced(steady, lake, "2025-06", "900.00")
    outcome = amounts_checked(steady)
    assert (outcome.passed, outcome.check.is_warning, outcome.check.is_blocking) == (False, True, False)
    assert outcome.summary == "1 unusual amounts; 2 accounts judged in 2025-04, 2025-05, 2025-06"
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


def test_asking_again_gives_the_same_answer(steady: DuckDBWarehouse, lake: StarFiles):
    replaced(steady, lake, "2024-02", "900.00")
    replaced(steady, lake, "2025-02", "900.00")
    assert amounts_checked(steady) == amounts_checked(steady)


def test_an_old_month_is_judged_for_three_months_after_a_load_has_moved_it(steady: DuckDBWarehouse, lake: StarFiles):
    replaced(steady, lake, "2025-02", "900.00")
    assert [row["period"] for row in amounts_checked(steady).evidence] == ["2025-02"]
    replaced(steady, lake, "2024-01", "110.00", LOADED_AT + timedelta(days=91))
    assert not amounts_checked(steady).passed
    replaced(steady, lake, "2024-01", "120.00", LOADED_AT + timedelta(days=93))
    assert amounts_checked(steady).passed


def test_a_closed_month_that_is_restated_is_judged_like_any_other(steady: DuckDBWarehouse, lake: StarFiles):
    restated = lake.facts("2025-02", "v2", facts("2025-02", "900.00"))
    publish(steady, [restated], run_id="run-2", loaded_at=LOADED_AT, closed_periods=["2025-02"])
    assert [row["period"] for row in amounts_checked(steady).evidence] == ["2025-02"]


def test_an_old_oddity_that_no_load_has_moved_is_not_told(warehouse: DuckDBWarehouse, lake: StarFiles):
    odd = {"2025-02": "900.00"}
    load_months(warehouse, lake, [lake.facts(one, "v1", facts(one, odd.get(one, "100.00"))) for one in MONTHS])
    assert amounts_checked(warehouse).passed


def test_a_restated_month_that_was_sent_back_is_as_it_was(steady: DuckDBWarehouse, lake: StarFiles):
    replaced(steady, lake, "2025-02", "900.00")
    replaced(steady, lake, "2025-02", "100.00")
    assert amounts_checked(steady).passed


def test_an_account_that_a_load_empties_in_an_old_month_is_named(steady: DuckDBWarehouse, lake: StarFiles):
    load_months(steady, lake, [lake.facts("2025-02", "v2", [one for one in facts("2025-02") if one.account != RENT])])
    assert [(row["period"], row["amount"]) for row in amounts_checked(steady).evidence] == [("2025-02", "0.00")]


def test_a_period_that_is_taken_out_is_a_gap_and_no_month_of_nothing(steady: DuckDBWarehouse, lake: StarFiles):
    load_months(steady, lake, [removed("2025-05")])
    outcome = amounts_checked(steady)
    assert (outcome.passed, outcome.summary[-25:]) == (True, "2025-03, 2025-04, 2025-06")


def test_a_budgeted_month_without_lines_is_no_month_of_actual(steady: DuckDBWarehouse, lake: StarFiles):
    covered = Fact("2025-07-01", SALES, RENT, ACTUAL, "0.00", "100.00", transaction_count=0)
    load_months(steady, lake, [lake.facts("2025-07", "v1", [covered])])
    assert amounts_checked(steady).summary.endswith("2025-06")


def test_a_first_month_of_actual_in_a_period_that_had_a_budget_is_not_taken_for_moved(
    warehouse: DuckDBWarehouse, lake: StarFiles
):
    plan = Fact("2025-06-01", SALES, RENT, BUDGET, "100.00", "100.00")
    load_months(warehouse, lake, [lake.facts("2025-06", "b1", [plan])])
    load_months(warehouse, lake, [lake.facts("2025-06", "v1", [plan, *facts("2025-06")])])
    rows = warehouse.query(statement(SqlFile.ACTUAL_BY_ACCOUNT_AND_PERIOD), {"actuals_through": "9999-12"}).rows
    assert rows == [
        ("2025-06", "4000", "Revenue", Decimal("500.00"), 1, Decimal("0.00")),
        ("2025-06", "6000", "Rent", Decimal("120.00"), 2, Decimal("0.00")),
    ]


def test_months_after_the_last_that_actual_covers_are_not_judged(steady: DuckDBWarehouse, lake: StarFiles):
    replaced(steady, lake, "2025-06", "900.00")
    outcome = amounts_checked(steady, "2025-05")
    assert (outcome.passed, outcome.summary[-7:]) == (True, "2025-05")


@pytest.mark.parametrize("scenario", [BUDGET, FORECAST])
def test_a_home_with_plans_alone_has_nothing_to_judge(warehouse: DuckDBWarehouse, lake: StarFiles, scenario: int):
    plans = [lake.facts(one, "v1", [Fact(f"{one}-01", SALES, RENT, scenario, "100.00")]) for one in MONTHS]
    load_months(warehouse, lake, plans)
    outcome = amounts_checked(warehouse)
    assert (outcome.passed, outcome.summary) == (True, "no account has a year of Actual to be judged by")


def test_an_empty_warehouse_has_nothing_to_judge(warehouse: DuckDBWarehouse):
    warehouse.prepare()
    assert amounts_checked(warehouse).passed
