"""Counts as text."""

from __future__ import annotations

from finance_platform.count_text import list_periods, pluralize


def test_a_count_agrees_with_its_noun():
    assert pluralize(1, "period") == "1 period"
    assert pluralize(2000, "period") == "2,000 periods"
    assert pluralize(0, "key collides", "keys collide") == "0 keys collide"


def test_periods_that_follow_each_other_are_a_span():
    assert list_periods([]) == ""
    assert list_periods(["2025-03"]) == "2025-03"
    assert list_periods(["2025-06", "2024-12", "2025-01", "2024-11"]) == "2024-11 … 2025-01, 2025-06"
    assert list_periods({"2024-01": 1, "2025-01": 2}) == "2024-01, 2025-01"
