"""The table PeriodStatus: stored with each load, and by itself when only a decision or a setting changed.

Belongs here: `warehouse.period_status` on both warehouses. Does not belong here: the rule (see
`unit/slices/test_completeness`), the views that join the table (see `test_views`).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from finance_platform.slices.completeness import PeriodStatus
from finance_platform.warehouse.load import AuditFailedError, publish
from finance_platform.warehouse.load_request import LoadRequest, SliceToLoad
from finance_platform.warehouse.period_status import stored_statuses, update_statuses
from finance_platform.warehouse.port import Queryable, Warehouse
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
    removed,
)

ENGINES = EVERY_ENGINE
ON_REDSHIFT_BY_DAY = (
    "test_a_load_stores_the_status_of_each_period_of_the_fact_table",
    "test_a_warehouse_of_an_older_release_gets_its_statuses_without_a_load",
)


def month(star_files: StarFiles, period: str, sales: int, works: int, version: str = "v1") -> SliceToLoad:
    """Return a month with so many lines of each department, and a budget."""
    facts = [
        Fact(f"{period}-01", SALES, REVENUE, ACTUAL, "100.00", "900.00", transaction_count=sales),
        Fact(f"{period}-02", WORKS, RENT, ACTUAL, "70.00", transaction_count=works),
        Fact(f"{period}-01", SALES, REVENUE, BUDGET, "900.00", "900.00", transaction_count=50),
    ]
    return star_files.facts(period, version, facts)


def four_months(star_files: StarFiles, sales: int, works: int) -> list[SliceToLoad]:
    """Return three usual months and a fourth with so many lines."""
    usual = [month(star_files, f"2025-0{number}", 20, 6) for number in (3, 4, 5)]
    return [removed("2025-01"), removed("2025-02"), *usual, month(star_files, "2025-06", sales, works)]


def load(
    warehouse: Warehouse, *slices: SliceToLoad, audit: Callable[[Queryable], bool] | None = None, **values: Any
) -> None:
    publish(warehouse, LoadRequest(slices, run_id="run-2", loaded_at=LOADED_AT, **values), audit=audit)


def complete_periods(warehouse: Warehouse) -> list[str]:
    return [status.period for status in stored_statuses(warehouse) if status.is_complete]


def test_a_load_stores_the_status_of_each_period_of_the_fact_table(loaded: Warehouse, star_files: StarFiles) -> None:
    load(loaded, *four_months(star_files, sales=20, works=2), closed_periods=["2025-04"])

    assert stored_statuses(loaded) == [
        PeriodStatus("2025-03", True, False, 26, 0, 0),
        PeriodStatus("2025-04", True, True, 26, 0, 0),
        PeriodStatus("2025-05", True, False, 26, 0, 0),
        PeriodStatus("2025-06", False, False, 22, 2, 1),
    ]


def test_a_period_that_becomes_complete_changes_only_marks(loaded: Warehouse, star_files: StarFiles) -> None:
    load(loaded, *four_months(star_files, sales=20, works=2))
    before = loaded.query("SELECT * FROM FactFinancials ORDER BY DateKey, AccountKey, ScenarioKey").rows
    loads = loaded.query("SELECT COUNT(*) FROM LoadLedger").rows
    assert complete_periods(loaded) == ["2025-03", "2025-04", "2025-05"]

    update_statuses(loaded, ["2025-06"], None)

    assert complete_periods(loaded) == ["2025-03", "2025-04", "2025-05", "2025-06"]
    assert loaded.query("SELECT * FROM FactFinancials ORDER BY DateKey, AccountKey, ScenarioKey").rows == before
    assert loaded.query("SELECT COUNT(*) FROM LoadLedger").rows == loads
    update_statuses(loaded, [], None)
    assert complete_periods(loaded) == ["2025-03", "2025-04", "2025-05"]


def test_later_lines_complete_a_period(loaded: Warehouse, star_files: StarFiles) -> None:
    load(loaded, *four_months(star_files, sales=20, works=2))
    load(loaded, month(star_files, "2025-06", sales=20, works=3, version="v2"))

    assert complete_periods(loaded) == ["2025-03", "2025-04", "2025-05", "2025-06"]


def test_lines_of_a_plan_do_not_count(loaded: Warehouse, star_files: StarFiles) -> None:
    load(loaded, *four_months(star_files, sales=20, works=6))
    load(loaded, star_files.facts("2025-07", "v1", [Fact("2025-07-01", SALES, REVENUE, BUDGET, "900.00", "900.00")]))

    assert stored_statuses(loaded)[-1] == PeriodStatus("2025-07", False, False, 0, 2, 2)


def test_a_removed_period_has_no_status(loaded: Warehouse, star_files: StarFiles) -> None:
    load(loaded, *four_months(star_files, sales=20, works=6))
    load(loaded, removed("2025-06"))

    assert [status.period for status in stored_statuses(loaded)] == ["2025-03", "2025-04", "2025-05"]


def test_a_setting_overrides_the_rule(loaded: Warehouse, star_files: StarFiles) -> None:
    load(loaded, *four_months(star_files, sales=20, works=2), actuals_through="2025-06")
    assert complete_periods(loaded) == ["2025-03", "2025-04", "2025-05", "2025-06"]

    update_statuses(loaded, [], "2025-04")

    assert complete_periods(loaded) == ["2025-03", "2025-04"]


def test_a_gap_that_a_setting_covers_is_compared_alike_in_every_view(loaded: Warehouse, star_files: StarFiles) -> None:
    """Budget is booked on Actual in the gap, May 2025, as the job books it under the setting."""
    gap = [
        Fact("2025-05-01", SALES, REVENUE, ACTUAL, "0.00", "900.00", transaction_count=0),
        Fact("2025-05-01", SALES, REVENUE, BUDGET, "900.00", "900.00"),
    ]
    months = [month(star_files, f"2025-0{number}", 20, 6) for number in (3, 4, 6)]
    slices = [removed("2025-01"), removed("2025-02"), *months, star_files.facts("2025-05", "v1", gap)]
    compared = "AccountType = 'Revenue' AND ScenarioName = 'Actual' AND ReferenceName = 'Budget'"
    to_date = "AND AsOfPeriod = '2025-06' AND Horizon = 'year to date'"
    by_view = (
        "SELECT SUM(Budget), SUM(Variance) FROM ActualVsBudget WHERE AccountType = 'Revenue' AND IsComplete",
        f"SELECT SUM(ReferenceAmount), SUM(Variance) FROM ScenarioComparison WHERE {compared} AND IsComplete",
        f"SELECT SUM(ComparedReference), SUM(Variance) FROM VarianceByHorizon WHERE {compared} {to_date}",
    )

    load(loaded, *slices, actuals_through="2025-06")

    assert [loaded.query(sql).rows for sql in by_view] == [[(Decimal("3600.00"), Decimal("-3300.00"))]] * 3
    update_statuses(loaded, [], None)
    assert [loaded.query(sql).rows for sql in by_view[1:]] == [[(Decimal("2700.00"), Decimal("-2400.00"))]] * 2


def test_a_load_that_the_audit_rejects_changes_no_status(loaded: Warehouse, star_files: StarFiles) -> None:
    before = stored_statuses(loaded)

    with pytest.raises(AuditFailedError):
        load(loaded, *four_months(star_files, sales=1, works=1), audit=lambda _: False)

    assert stored_statuses(loaded) == before


def test_unchanged_statuses_are_not_written(loaded: Warehouse, state_of: Callable[[Warehouse], object]) -> None:
    before = state_of(loaded)

    update_statuses(loaded, (), None)

    assert state_of(loaded) == before


def test_a_warehouse_of_an_older_release_gets_its_statuses_without_a_load(loaded: Warehouse) -> None:
    with loaded.transaction() as connection:
        connection.execute("DELETE FROM PeriodStatus")

    update_statuses(loaded, (), None)

    assert complete_periods(loaded) == ["2025-01", "2025-02"]
    assert loaded.query("SELECT SUM(Actual) FROM ActualVsBudget WHERE IsComplete").rows == [(Decimal("2681.00"),)]
