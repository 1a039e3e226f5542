"""When deliveries are due: by a working day of each month."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.feeds.expectations import last_due_days, working_day


@pytest.mark.parametrize(
    ("today", "due_before", "due"),
    [
        # Working day 3: 2025-06-04, 2025-07-03, 2025-08-05.
        (date(2025, 7, 3), date(2025, 5, 5), date(2025, 6, 4)),
        (date(2025, 7, 4), date(2025, 6, 4), date(2025, 7, 3)),
        (date(2025, 8, 5), date(2025, 6, 4), date(2025, 7, 3)),
        (date(2025, 8, 6), date(2025, 7, 3), date(2025, 8, 5)),
    ],
)
def test_a_delivery_may_come_until_the_end_of_its_working_day(today: date, due_before: date, due: date):
    assert last_due_days(today, 3) == (due_before, due)


def test_a_holiday_moves_the_day():
    assert last_due_days(date(2025, 7, 8), 3, {date(2025, 7, 1)}) == (date(2025, 6, 4), date(2025, 7, 4))


@given(st.dates(date(2000, 3, 1), date(2049, 12, 31)), st.integers(1, 20))
def test_both_days_are_that_working_day_of_consecutive_months(today: date, number: int):
    due_before, due = last_due_days(today, number)
    assert working_day(due_before) == working_day(due) == number
    assert due_before < due < today
    assert (due.replace(day=1) - timedelta(days=1)).replace(day=1) == due_before.replace(day=1)
