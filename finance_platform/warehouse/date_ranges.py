"""Ranges of days that cover periods, as predicates that an engine finds the blocks of a table by.

Belongs here: joining periods to ranges of DateKey. Does not belong here: the statements that take them (see `sql/`).

FactFinancials is sorted by DateKey on Redshift, and DuckDB keeps the lowest and the highest value of each block: a
comparison with bound values reads few blocks, a join with a table of periods reads all.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from finance_platform.warehouse.port import Parameters

MOST_RANGES = 4
"""Statements that read one range each: periods far apart are read with what is between, rather than one by one."""


class DateRange(NamedTuple):
    """Days, as the lowest and the highest possible DateKey; both belong to the range."""

    first: int
    last: int

    @property
    def parameters(self) -> Parameters:
        """The values that a statement of one range binds."""
        return {"first_date_key": self.first, "last_date_key": self.last}

    def covers(self, period: str) -> bool:
        """Return whether all days of a period are in the range."""
        days = _days(period)
        return self.first <= days.first and days.last <= self.last


EVERY_DAY = DateRange(-(2**31), 2**31 - 1)
"""Every value that DateKey can have, so that a row with an impossible date is read too."""


def exact_ranges(periods: Iterable[str]) -> list[DateRange]:
    """Return the days of some periods, neighbours in one range; no other period is in any of them."""
    ranges: list[DateRange] = []
    months: list[int] = []
    for period in sorted(set(periods)):
        month, days = _month_number(period), _days(period)
        if months and month == months[-1] + 1:
            ranges[-1] = DateRange(ranges[-1].first, days.last)
        else:
            ranges.append(days)
        months.append(month)
    return ranges


def covering_ranges(periods: Iterable[str]) -> list[DateRange]:
    """Return at most `MOST_RANGES` ranges that cover some periods, and as little else as possible."""
    ranges = exact_ranges(periods)
    while len(ranges) > MOST_RANGES:
        gaps = [_months_between(one, next_) for one, next_ in pairwise(ranges)]
        index = gaps.index(min(gaps))
        ranges[index : index + 2] = [DateRange(ranges[index].first, ranges[index + 1].last)]
    return ranges


def _days(period: str) -> DateRange:
    month = int(period.replace("-", "")) * 100
    return DateRange(month + 1, month + 31)


def _month_number(period: str) -> int:
    year, month = period.split("-")
    return int(year) * 12 + int(month)


def _months_between(one: DateRange, next_: DateRange) -> int:
    end, begin = one.last // 100, next_.first // 100
    return (begin // 100 - end // 100) * 12 + begin % 100 - end % 100
