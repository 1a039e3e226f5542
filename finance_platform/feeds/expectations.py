"""When a delivery of a feed is due: working days, and the key `expect` of a descriptor.

Belongs here: the calendar of expectations, pure. Does not belong here: what came (see `deliveries`), alerts (see
`orchestration.sensors.alerts`), whether a period may be closed (see `quality.gates`).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

_SATURDAY = 5


def working_day(day: date, holidays: Collection[date] = ()) -> int | None:
    """Return the number of a day among the working days of its month, from 1; None if it is not a working day.

    Args:
        day: the day.
        holidays: days that are not working days, besides Saturdays and Sundays.
    """
    month = [day.replace(day=1) + timedelta(days=offset) for offset in range(day.day)]
    working = [date_ for date_ in month if date_.weekday() < _SATURDAY and date_ not in holidays]
    return len(working) if working and working[-1] == day else None


def last_due_days(day: date, number: int, holidays: Collection[date] = ()) -> tuple[date, date]:
    """Return the last two days on which a delivery was due that is due on one working day of each month.

    A delivery after the first of the two, and until the second, was on time for the second.

    Args:
        day: today; a delivery that is due today may still come.
        number: the number of the working day, from 1.
        holidays: days that are not working days, besides Saturdays and Sundays.
    """
    due: list[date] = []
    month = day.replace(day=1)
    while len(due) < 2:
        due_day = _nth_working_day(month, number, holidays)
        if due_day < day:
            due.append(due_day)
        month = (month - timedelta(days=1)).replace(day=1)
    return due[1], due[0]


def next_due_day(day: date, number: int, holidays: Collection[date] = ()) -> date:
    """Return the next day, today included, on which a delivery is due that is due on one working day of each month.

    Args:
        day: today.
        number: the number of the working day, from 1.
        holidays: days that are not working days, besides Saturdays and Sundays.
    """
    of_this_month = _nth_working_day(day.replace(day=1), number, holidays)
    if of_this_month >= day:
        return of_this_month
    return _nth_working_day((day.replace(day=28) + timedelta(days=4)).replace(day=1), number, holidays)


def due_day(period: str, number: int, holidays: Collection[date] = ()) -> date:
    """Return the day until which the lines of a period are due: a working day of the month after it.

    Args:
        period: YYYY-MM.
        number: the number of the working day, from 1.
        holidays: days that are not working days, besides Saturdays and Sundays.
    """
    month = (date.fromisoformat(f"{period}-28") + timedelta(days=4)).replace(day=1)
    return _nth_working_day(month, number, holidays)


def _nth_working_day(month: date, number: int, holidays: Collection[date]) -> date:
    """Return a working day of a month; in a month with fewer of them its last day."""
    day = month
    while working_day(day, holidays) != number:
        following = day + timedelta(days=1)
        if following.month != month.month:
            return day
        day = following
    return day
