"""Tests of `dim_date`: every column against Python's own calendar."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from typing import Any

import pytest

from finance_platform.contracts.schemas import arrow_schema
from finance_platform.contracts.star import DIM_DATE
from finance_platform.transforms.dim_date import dim_date

FIRST, LAST = 1999, 2030


def calendar_day(day: date, fiscal_start: int) -> dict[str, Any]:
    """Return a day by Python's datetime and calendar modules."""
    iso = day.isocalendar()
    # Counted in months from the start of the fiscal year that the day is in.
    start = date(day.year if day.month >= fiscal_start else day.year - 1, fiscal_start, 1)
    end = date(start.year + 1, fiscal_start, 1) - timedelta(days=1)
    month_of_year = (day.year - start.year) * 12 + day.month - start.month + 1
    return {
        "date_key": int(day.strftime("%Y%m%d")),
        "full_date": day,
        "year": day.year,
        "quarter": {1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 2, 7: 3, 8: 3, 9: 3, 10: 4, 11: 4, 12: 4}[day.month],
        "month": day.month,
        "day": day.day,
        "week_of_year": iso.week,
        "day_of_week": calendar.day_name[day.weekday()],
        "iso_year": iso.year,
        "month_name": calendar.month_name[day.month],
        "year_month": day.isoformat()[:7],
        "fiscal_year": end.year,
        "fiscal_quarter": (month_of_year + 2) // 3,
        "fiscal_period": month_of_year,
        "is_month_end": day.day == calendar.monthrange(day.year, day.month)[1],
    }


def days_of(first: int, last: int, fiscal_start: int = 1) -> list[dict[str, Any]]:
    """Return the calendar's rows by day."""
    result = dim_date(first, last, fiscal_start)
    assert result.schema == arrow_schema(DIM_DATE.columns)
    return list(result.to_pylist())


@pytest.mark.parametrize("fiscal_start", [1, 4, 7, 12])
def test_every_column_of_every_day_agrees_with_the_calendar(fiscal_start: int) -> None:
    """32 years with leap years and the turn of a century; no gap, no day twice."""
    expected = []
    day = date(FIRST, 1, 1)
    while day.year <= LAST:
        expected.append(calendar_day(day, fiscal_start))
        day += timedelta(days=1)
    days = days_of(FIRST, LAST, fiscal_start)
    assert len(days) == len(expected) == 11_688
    assert [(a, b) for a, b in zip(days, expected, strict=True) if a != b] == []


def test_a_fiscal_year_is_named_by_the_year_in_which_it_ends() -> None:
    """A year from April: 31 March 2025 closes period 12 of 2025, 1 April opens period 1 of 2026."""
    days = {row["date_key"]: row for row in days_of(2025, 2025, fiscal_start=4)}
    shown = ("fiscal_year", "fiscal_quarter", "fiscal_period")
    assert tuple(days[20250331][name] for name in shown) == (2025, 4, 12)
    assert tuple(days[20250401][name] for name in shown) == (2026, 1, 1)


def test_a_fiscal_year_from_january_is_the_calendar_year() -> None:
    """Every quarter and month agree."""
    for row in days_of(2024, 2025):
        assert (row["fiscal_year"], row["fiscal_quarter"], row["fiscal_period"]) == (
            row["year"],
            row["quarter"],
            row["month"],
        )


@pytest.mark.parametrize(
    ("day", "iso_year", "week"),
    [
        (20210103, 2020, 53),  # a Sunday: still week 53 of the year before
        (20210104, 2021, 1),
        (20241229, 2024, 52),
        (20241230, 2025, 1),  # a Monday of December in week 1 of the next year
    ],
)
def test_weeks_at_the_turn_of_the_year_belong_to_the_year_of_their_thursday(day: int, iso_year: int, week: int) -> None:
    """WeekOfYear has a meaning only together with IsoYear."""
    year = day // 10_000
    days = {row["date_key"]: row for row in days_of(year, year)}[day]
    assert (days["iso_year"], days["week_of_year"]) == (iso_year, week)


def test_the_29th_of_february_is_a_day_and_a_month_end_in_leap_years_only() -> None:
    """2000 was a leap year although a century."""
    days = {row["date_key"]: row["is_month_end"] for row in days_of(2000, 2001)}
    assert days[20000229]
    assert not days[20000228]
    assert days[20010228]
    assert 20010229 not in days


def test_a_home_with_data_of_one_year_has_whole_calendar_years_only() -> None:
    """From 1 January to 31 December."""
    days = [row["full_date"] for row in days_of(2023, 2023)]
    assert (days[0], days[-1], len(days)) == (date(2023, 1, 1), date(2023, 12, 31), 365)
