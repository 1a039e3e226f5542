"""Counts as text."""

from __future__ import annotations

from finance_platform.count_text import list_periods, period_spans, pluralize


def test_a_count_agrees_with_its_noun():
    assert pluralize(1, "period") == "1 period"
    assert pluralize(2000, "period") == "2,000 periods"
    assert pluralize(0, "key collides", "keys collide") == "0 keys collide"


def test_many_periods_in_a_row_are_a_span():
    year = [f"2025-{month:02}" for month in range(1, 13)]
    assert list_periods([]) == ""
    assert list_periods(["2025-03", "2025-01", "2025-02"]) == "2025-01, 2025-02, 2025-03"
    assert list_periods({*year, "2024-12", "2024-10"}) == "2024-10, 2024-12 to 2025-12"
    assert period_spans(["2024-10", *year[:4], "2025-06"]) == ["2024-10", "2025-01 to 2025-04", "2025-06"]
