"""Versions of a plan: what each load left of it.

Belongs here: the view PlanVersion over several loads. Does not belong here: the other views (see `test_report_views`).
"""

from __future__ import annotations

from datetime import timedelta

from finance_platform.warehouse.load import publish
from finance_platform.warehouse.load_request import LoadRequest
from finance_platform.warehouse.port import Warehouse
from finance_platform_tests.warehouse.engines import EVERY_ENGINE
from finance_platform_tests.warehouse.star_files import (
    ACTUAL,
    BUDGET,
    LOADED_AT,
    RENT,
    REVENUE,
    SALES,
    WORKS,
    Fact,
    StarFiles,
    february,
    january,
    removed,
)

ENGINES = EVERY_ENGINE
ON_REDSHIFT_BY_DAY: tuple[str, ...] = ()


def test_a_replaced_plan_stays_as_a_version_beside_the_current_one(loaded: Warehouse, star_files: StarFiles) -> None:
    """Load 2 revises January's budget and adds one for February, load 3 changes actuals only, load 4 adds March."""
    revised = [fact for fact in january() if (fact.account, fact.scenario) != (RENT, BUDGET)]
    revised.append(Fact("2025-01-01", WORKS, REVENUE, BUDGET, "75.00", "75.00"))
    more = [*february(), Fact("2025-02-01", SALES, RENT, BUDGET, "210.00", "210.00")]
    actuals = [*more, Fact("2025-02-11", SALES, RENT, ACTUAL, "1.00")]
    march = [Fact("2025-03-01", SALES, RENT, BUDGET, "220.00", "220.00")]
    loads = [
        [star_files.facts("2025-01", "j2", revised), star_files.facts("2025-02", "f2", more)],
        [star_files.facts("2025-02", "f3", actuals)],
        [star_files.facts("2025-03", "m1", march)],
    ]
    for number, slices in enumerate(loads, 2):
        publish(loaded, LoadRequest(slices, run_id=f"run-{number}", loaded_at=LOADED_AT))

    rows = loaded.query(
        "SELECT VersionNumber, LoadNumber, IsOriginal, IsCurrent, Period, DepartmentCode, AccountNumber, Amount "
        "FROM PlanVersion WHERE ScenarioName = 'Budget' ORDER BY VersionNumber, Period, DepartmentCode, AccountNumber"
    ).rows

    original = [("2025-01", "0010", "4000", "900.00"), ("2025-01", "0010", "6000", "200.00")]
    capex = ("2025-01", "0020", "1500", "100.00")
    second = [original[0], capex, ("2025-01", "0020", "4000", "75.00"), ("2025-02", "0010", "6000", "210.00")]
    third = [*second, ("2025-03", "0010", "6000", "220.00")]
    assert [(*row[:4], *row[4:7], str(row[7])) for row in rows] == [
        *((1, 1, True, False, *cell) for cell in [*original, capex]),
        *((2, 2, False, False, *cell) for cell in second),
        *((3, 4, False, True, *cell) for cell in third),
    ]


def test_another_budget_is_no_version_of_the_forecast_beside_it(loaded: Warehouse, star_files: StarFiles) -> None:
    facts = [
        fact._replace(budget="210.00", amount="210.00" if fact.scenario == BUDGET else fact.amount)
        if fact.account == RENT
        else fact
        for fact in january()
    ]
    publish(loaded, LoadRequest([star_files.facts("2025-01", "j2", facts)], run_id="run-2", loaded_at=LOADED_AT))

    rows = loaded.query("SELECT LoadNumber, IsCurrent, Amount FROM PlanVersion WHERE ScenarioName = 'Forecast'").rows

    assert [(load, is_current, str(amount)) for load, is_current, amount in rows] == [(1, True, "240.00")]


def test_a_removed_period_is_in_the_versions_before_and_again_when_it_comes_back(
    loaded: Warehouse, star_files: StarFiles
) -> None:
    publish(loaded, LoadRequest([removed("2025-01")], run_id="run-2", loaded_at=LOADED_AT))
    again = [Fact("2025-01-01", SALES, RENT, BUDGET, "333.00", "333.00")]
    publish(loaded, LoadRequest([star_files.facts("2025-01", "j9", again)], run_id="run-3", loaded_at=LOADED_AT))

    rows = loaded.query(
        "SELECT LoadNumber, SUM(Amount) FROM PlanVersion WHERE ScenarioName = 'Budget' GROUP BY LoadNumber"
    ).rows

    assert sorted((load, str(amount)) for load, amount in rows) == [(1, "1200.00"), (3, "333.00")]


def test_the_original_of_a_plan_stays_when_a_later_one_has_none_of_its_months(
    loaded: Warehouse, star_files: StarFiles
) -> None:
    actuals = [fact for fact in january() if fact.scenario == ACTUAL]
    march = [Fact("2025-03-01", SALES, RENT, BUDGET, "220.00", "220.00")]
    slices = [star_files.facts("2025-01", "j2", actuals), star_files.facts("2025-03", "m1", march)]
    publish(loaded, LoadRequest(slices, run_id="run-2", loaded_at=LOADED_AT))

    rows = loaded.query(
        "SELECT LoadNumber, VersionNumber, IsOriginal, IsCurrent, SUM(Amount) FROM PlanVersion "
        "WHERE ScenarioName = 'Budget' GROUP BY LoadNumber, VersionNumber, IsOriginal, IsCurrent ORDER BY LoadNumber"
    ).rows

    assert [(*row[:4], str(row[4])) for row in rows] == [(1, 1, True, False, "1200.00"), (2, 2, False, True, "220.00")]


def test_actuals_that_come_before_the_plan_of_their_month_are_no_version_of_it(
    loaded: Warehouse, star_files: StarFiles
) -> None:
    actuals = [Fact("2025-03-09", SALES, RENT, ACTUAL, "212.00")]
    planned = [*actuals, Fact("2025-03-01", SALES, RENT, BUDGET, "220.00", "220.00")]
    for number, facts in enumerate((actuals, planned), 2):
        slices = [star_files.facts("2025-03", f"m{number}", facts)]
        publish(loaded, LoadRequest(slices, run_id=f"run-{number}", loaded_at=LOADED_AT))

    rows = loaded.query(
        "SELECT LoadNumber, VersionNumber, SUM(Amount) FROM PlanVersion "
        "WHERE ScenarioName = 'Budget' GROUP BY LoadNumber, VersionNumber ORDER BY LoadNumber"
    ).rows

    assert [(*row[:2], str(row[2])) for row in rows] == [(1, 1, "1200.00"), (3, 2, "1420.00")]


def test_a_version_counts_once_and_keeps_its_date_if_a_clock_goes_back(
    loaded: Warehouse, star_files: StarFiles
) -> None:
    """Two months come in load 2; load 3, by a clock that is behind, corrects one of them."""
    plans = [Fact(f"2025-{month}-01", SALES, RENT, BUDGET, "10.00", "10.00") for month in ("03", "04")]
    first = [star_files.facts(plan.day[:7], "p1", [plan]) for plan in plans]
    publish(loaded, LoadRequest(first, run_id="run-2", loaded_at=LOADED_AT))
    corrected = [plans[0]._replace(amount="11.00", budget="11.00")]
    earlier = LOADED_AT - timedelta(days=10)
    correction = LoadRequest([star_files.facts("2025-03", "p2", corrected)], run_id="run-3", loaded_at=earlier)
    publish(loaded, correction)

    rows = loaded.query(
        "SELECT LoadNumber, LoadedAt, SUM(Amount) FROM PlanVersion "
        "WHERE ScenarioName = 'Budget' AND Period >= '2025-03' GROUP BY LoadNumber, LoadedAt ORDER BY LoadNumber"
    ).rows

    moments = {2: LOADED_AT, 3: earlier}
    assert [(load, str(amount)) for load, _, amount in rows] == [(2, "20.00"), (3, "21.00")]
    assert [at.replace(tzinfo=None) for _, at, _ in rows] == [moments[one[0]].replace(tzinfo=None) for one in rows]
