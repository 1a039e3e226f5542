"""The close calendar: the closing day of a month, and the run that starts on it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.feeds.expectations import working_day
from finance_platform.orchestration.jobs import AUDIT, REFRESH
from finance_platform.orchestration.schedules import close_calendar, nightly_audit
from finance_platform_tests.unit.factories import settings


def evaluate(day: datetime, home: Path, **values: object) -> dg.RunRequest | dg.SkipReason:
    (schedule,) = close_calendar(settings(home=home, **values))
    result = schedule(dg.build_schedule_context(scheduled_execution_time=day))
    assert isinstance(result, dg.RunRequest | dg.SkipReason)
    return result


@pytest.mark.parametrize(
    ("day", "number"),
    [
        ("2026-11-02", 1),  # a Monday; the month begins on a Sunday
        ("2026-11-01", None),
        ("2026-11-06", 5),
        ("2026-11-07", None),
        ("2026-11-09", 6),
        ("2026-10-01", 1),
    ],
)
def test_saturdays_and_sundays_are_not_working_days(day: str, number: int | None):
    assert working_day(date.fromisoformat(day)) == number


def test_a_holiday_moves_the_days_after_it():
    holidays = [date(2026, 11, 2)]
    assert working_day(date(2026, 11, 2), holidays) is None
    assert working_day(date(2026, 11, 3), holidays) == 1


@given(st.dates(date(2000, 1, 1), date(2049, 12, 1)), st.sets(st.dates(date(2000, 1, 1), date(2050, 1, 1)), max_size=9))
def test_the_working_days_of_a_month_are_numbered_without_a_gap(day: date, holidays: set[date]):
    first = day.replace(day=1)
    month = [first + timedelta(days=offset) for offset in range(31)]
    numbers = [working_day(date_, holidays) for date_ in month if date_.month == first.month]
    working = [number for number in numbers if number is not None]
    assert working == list(range(1, len(working) + 1))


def test_without_a_closing_day_there_is_no_schedule(tmp_path: Path):
    assert close_calendar(settings(home=tmp_path)) == []


def test_the_closing_day_starts_one_refresh_with_the_closed_month_as_tag(tmp_path: Path):
    request = evaluate(datetime(2026, 1, 8, 6, tzinfo=UTC), tmp_path, close_working_day=5, close_holidays="2026-01-01")
    assert isinstance(request, dg.RunRequest)
    assert (request.run_key, request.tags["finance_platform/closes"]) == ("close 2025-12", "2025-12")


def test_another_day_is_skipped_with_a_reason(tmp_path: Path):
    skip = evaluate(datetime(2026, 11, 9, 6, tzinfo=UTC), tmp_path, close_working_day=5)
    assert isinstance(skip, dg.SkipReason)
    assert skip.skip_message == "2026-11-09 is working day 6; the books close on working day 5"


def test_the_schedule_starts_the_refresh_and_is_on_only_if_refreshing_is_automatic(tmp_path: Path):
    (schedule,) = close_calendar(settings(home=tmp_path, close_working_day=3, auto_refresh=True))
    assert (schedule.job_name, schedule.default_status) == (REFRESH, dg.DefaultScheduleStatus.RUNNING)
    (schedule,) = close_calendar(settings(home=tmp_path, close_working_day=3))
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED


def test_every_slice_is_audited_each_night_where_refreshing_is_automatic(tmp_path: Path):
    schedule = nightly_audit(settings(home=tmp_path, auto_refresh=True))
    assert (schedule.job_name, schedule.cron_schedule, schedule.execution_timezone) == (AUDIT, "0 3 * * *", "UTC")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert nightly_audit(settings(home=tmp_path)).default_status == dg.DefaultScheduleStatus.STOPPED
