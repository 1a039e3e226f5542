"""Periods with few lines of Actual, far from all others: the year of a date was mistyped.

Belongs here: which periods they are, pure. Does not belong here: the check, and the files that have the lines (see
`deliveries`).

Each period between them and the others has no line. Named one by one, as files that may be missing, these would hide
the one line that is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from finance_platform.feeds.values.dates import periods_between

_FAR = 6
"""Periods without a line that are between; the dates of a year ahead are eleven from the last period, or fewer."""

_FEW = 20
"""How many times the lines of the other periods are, at least."""


class StrayPeriods(NamedTuple):
    """Periods that follow each other, far from those that have most lines.

    Attributes:
        periods: those with lines, in order.
        lines: how many lines they have.
        empty: the periods without lines that are between them and the others.
        is_later: whether they are after the others.
    """

    periods: tuple[str, ...]
    lines: int
    empty: tuple[str, ...]
    is_later: bool


def find_stray_periods(lines: Mapping[str, int]) -> list[StrayPeriods]:
    """Return the periods with few lines that are far from those with most.

    Args:
        lines: of Actual, by period; a period without any is missing.
    """
    groups = _groups(sorted(lines))
    if len(groups) < 2:
        return []
    counts = [sum(lines[period] for period in group) for group in groups]
    main = counts.index(max(counts))
    stray = []
    for place, group in enumerate(groups):
        if place == main or _FEW * counts[place] > counts[main]:
            continue
        nearer = groups[place - 1] if place > main else groups[place + 1]
        ends = (nearer[-1], group[0]) if place > main else (group[-1], nearer[0])
        stray.append(StrayPeriods(tuple(group), counts[place], tuple(periods_between(*ends))[1:-1], place > main))
    return stray


def _groups(periods: Sequence[str]) -> list[list[str]]:
    """Return periods, divided wherever many are missing."""
    groups: list[list[str]] = []
    for period in periods:
        if groups and len(periods_between(groups[-1][-1], period)) - 2 < _FAR:
            groups[-1].append(period)
        else:
            groups.append([period])
    return groups
