"""Budgets of whole calendar years in homes with other fiscal years."""

from __future__ import annotations

import pytest

from finance_platform.quality.plan_years import CalendarYearPlan, find_calendar_year_plans
from finance_platform.reports.status import StatusDetails
from finance_platform_tests.unit.factories import commit_of, delivered, in_period, state_of
from finance_platform_tests.unit.printed_text import status


def months(year: int, first: int = 1, count: int = 12) -> list[str]:
    numbers = range(year * 12 + first - 1, year * 12 + first - 1 + count)
    return [f"{number // 12}-{number % 12 + 1:02d}" for number in numbers]


def found(periods: list[str], scenario: str = "Budget", first_month: int = 7, files: int = 1) -> list[CalendarYearPlan]:
    pairs = []
    for place in range(files):
        event = delivered(f"plan{place}.csv", feed="budget")
        pairs.append((event, commit_of(event, *(in_period(period, scenario) for period in periods[place::files]))))
    return [*find_calendar_year_plans(state_of(*pairs), first_month)]


@pytest.mark.parametrize("files", [1, 2])
def test_a_budget_of_a_calendar_year_is_named_where_fiscal_years_begin_in_july(files: int):
    (plan,) = found(months(2025), files=files)
    assert plan.warning == (
        "Budget has lines in each month from 2025-01 to 2025-12, which are whole calendar years, while fiscal years "
        "begin in month 7: its periods may be numbers of periods of a fiscal year, and 2025-01 would be in month 7"
    )
    assert status(details=StatusDetails(calendar_year_plans=[plan])).warnings == [
        {"file": plan.file, "kind": "calendar", "warning": plan.warning, "fix": plan.fix}
    ]


def test_two_calendar_years_are_named_once():
    assert len(found(months(2025, count=24))) == 1


@pytest.mark.parametrize(
    ("periods", "scenario", "first_month"),
    [
        (months(2025), "Budget", 1),
        (months(2024, first=7), "Budget", 7),
        (months(2024, first=7, count=24), "Budget", 7),
        (months(2024, first=4), "Budget", 4),
        (months(2025, count=11), "Budget", 7),
        (months(2025, count=18), "Budget", 7),
        (months(2024, first=7, count=18), "Budget", 7),
        (months(2025), "Forecast 2025-01", 7),
        (months(2025), "Actual", 7),
        ([], "Budget", 7),
    ],
)
def test_plans_of_fiscal_years_and_of_some_months_are_right(periods: list[str], scenario: str, first_month: int):
    assert not found(periods, scenario, first_month)
