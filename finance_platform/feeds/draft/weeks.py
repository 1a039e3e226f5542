"""Weeks of ISO 8601, such as 2025-W03: which texts name one, and the pattern that reads it.

Belongs here: finding them. Does not belong here: weeks without a year or a letter, which may be counted in another way,
as in years of 4, 4 and 5 weeks; a person decides about these.

A week may lie in two months, so no pattern reads one without a day. The draft adds Thursday, which is in the month
that has most of the week's days, and by which ISO 8601 counts the weeks of a year.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from finance_platform.feeds.values.dates import parse_date

OF_WEEKS = (
    "decide: a week counts on its Thursday, in the month that has most of its days; write 1 for Monday or 7 for Sunday "
    "in place of 4. Months of whole weeks, such as 4, 4 and 5, need formats: [yyyy-MM] and a map from each week to its "
    "month instead"
)
_WEEK = "(?P<word>w|kw|cw)(?P<space>[ .-]?)(?P<week>[0-9]{1,2})"
_FORMS = (
    re.compile(f"(?P<year>20[0-9]{{2}})(?P<mark>[ /._-]?){_WEEK}", re.I),
    re.compile(f"{_WEEK}(?P<mark>[ /._-])(?P<year>20[0-9]{{2}})", re.I),
)
_ALONE = re.compile(_WEEK, re.I)
THURSDAY = "-4"
"""What is written behind a week: the day that it counts on."""


def week_pattern(texts: Sequence[str]) -> str:
    """Return the pattern that reads every text with `THURSDAY` behind it; empty if one of them is no week of a year."""
    for form in _FORMS:
        match = form.fullmatch(texts[0]) if texts else None
        if match is None:
            continue
        week = f"'{match['word']}'{match['space']}"
        for number in ("ww", "w"):
            parts = ("YYYY", week + number) if match.start("year") == 0 else (week + number, "YYYY")
            pattern = f"{match['mark'].join(parts)}-e"
            if all(parse_date(text + THURSDAY, (pattern,)) for text in texts):
                return pattern
    return ""


def week_beside_year_pattern(years: Sequence[str], weeks: Sequence[str]) -> str:
    """Return the pattern that reads each year, a hyphen, its week and `THURSDAY`; empty if one of them is no week."""
    match = _ALONE.fullmatch(weeks[0]) if weeks else None
    if match is None:
        return ""
    pairs = [f"{year}-{week}" for year, week in zip(years, weeks, strict=True)]
    return week_pattern(pairs)
