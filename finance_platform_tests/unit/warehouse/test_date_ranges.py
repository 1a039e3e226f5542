"""Ranges of days that cover periods.

Belongs here: `warehouse.date_ranges`. Does not belong here: the statements that bind them.
"""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from finance_platform.warehouse.date_ranges import EVERY_DAY, MOST_RANGES, covering_ranges, exact_ranges

periods = st.builds(lambda year, month: f"{year}-{month:02d}", st.integers(1999, 2030), st.integers(1, 12))


def test_neighbours_are_one_range_also_across_a_year():
    assert exact_ranges(["2025-01", "2024-12", "2025-03"]) == [(20241201, 20250131), (20250301, 20250331)]


def test_no_period_has_no_range():
    assert exact_ranges([]) == covering_ranges([]) == []


@given(st.sets(periods, max_size=20), periods)
def test_exact_ranges_cover_their_periods_and_no_other(wanted: set[str], other: str):
    covered = any(days.covers(other) for days in exact_ranges(wanted))
    assert covered == (other in wanted)


@given(st.sets(periods, max_size=20))
def test_covering_ranges_are_few_in_order_and_cover_every_period_once(wanted: set[str]):
    ranges = covering_ranges(wanted)
    assert len(ranges) <= MOST_RANGES
    assert all(one.last < next_.first for one, next_ in pairwise(ranges))
    assert all(sum(days.covers(period) for days in ranges) == 1 for period in wanted)


def test_the_smallest_gaps_are_read_with_what_is_between():
    ranges = covering_ranges(["2020-01", "2021-01", "2022-01", "2022-03", "2024-01"])
    assert (20220101, 20220331) in ranges


def test_every_day_covers_every_period():
    assert EVERY_DAY.covers("0001-01")
    assert EVERY_DAY.covers("9999-12")
