"""Counts and lists of periods as text.

Belongs here: how they are written for a person. Does not belong here: money (see `money_text`). A file of its own,
because every room writes counts.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import groupby

_LEAST_SPAN = 4


def pluralize(count: int, singular: str, plural: str = "") -> str:
    """Return a count with its noun, such as `1 period` or `2,000 periods`; `plural` is for irregular nouns."""
    return f"{count:,} {singular if count == 1 else plural or f'{singular}s'}"


def list_periods(periods: Collection[str]) -> str:
    """Return periods in order; see `period_spans`."""
    return ", ".join(period_spans(periods))


def period_spans(periods: Collection[str]) -> list[str]:
    """Return periods in order, of which four or more in a row are one text: `2026-01 to 2026-09`."""
    ordered = sorted(periods)
    months = [int(period[:4]) * 12 + int(period[5:]) for period in ordered]
    spans: list[str] = []
    for _, places in groupby(range(len(ordered)), lambda place: months[place] - place):
        names = [ordered[place] for place in places]
        spans += [f"{names[0]} to {names[-1]}"] if len(names) >= _LEAST_SPAN else names
    return spans
