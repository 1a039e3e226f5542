"""Counts and lists of periods as text.

Belongs here: how they are written for a person. Does not belong here: money (see `money_text`). A file of its own,
because every room writes counts.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import groupby


def pluralize(count: int, singular: str, plural: str = "") -> str:
    """Return a count with its noun, such as `1 period` or `2,000 periods`; `plural` is for irregular nouns."""
    return f"{count:,} {singular if count == 1 else plural or f'{singular}s'}"


def list_periods(periods: Collection[str]) -> str:
    """Return periods in order, those that follow each other as a span: `2024-11 … 2025-03, 2025-06`."""
    ordered = sorted(periods)
    months = [int(period[:4]) * 12 + int(period[5:]) for period in ordered]
    spans = []
    for _, places in groupby(range(len(ordered)), lambda place: months[place] - place):
        first, *others = places
        spans.append(f"{ordered[first]} … {ordered[others[-1]]}" if others else ordered[first])
    return ", ".join(spans)
