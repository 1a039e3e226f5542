"""Counts as text."""

from __future__ import annotations

from finance_platform.count_text import pluralize


def test_a_count_agrees_with_its_noun():
    assert pluralize(1, "period") == "1 period"
    assert pluralize(2000, "period") == "2,000 periods"
    assert pluralize(0, "key collides", "keys collide") == "0 keys collide"
