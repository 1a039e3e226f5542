"""Weeks of ISO 8601, such as 2025-W03: which texts name one, and the pattern that reads it.

Belongs here: finding them. Does not belong here: weeks without a year or a letter, which may be counted in another way,
as in years of 4, 4 and 5 weeks; a person decides about these.

A week may lie in two months, so no pattern reads one without a day. The draft adds Thursday, which is in the month
that has most of the week's days, and by which ISO 8601 counts the weeks of a year.
"""

from __future__ import annotations

import json
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
_LONE = re.compile("(?P<word>week|woche|wk|w|kw|cw)(?P<space>[ .-]?)(?P<week>[0-9]{1,2})", re.I)
_ANY_YEAR, _LONG_YEAR = "2025", "2026"
"""A year that an example has, and one of 53 weeks."""

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


def lone_week_pattern(texts: Sequence[str]) -> str:
    """Return the pattern that reads each text behind a year of its own, such as 2025-W3-4; empty if one is none."""
    match = _LONE.fullmatch(texts[0]) if texts else None
    if match is None:
        return ""
    for number in ("ww", "w"):
        pattern = f"YYYY-'{match['word']}{match['space']}'{number}-e"
        if all(parse_date(f"{_LONG_YEAR}-{text}{THURSDAY}", (pattern,)) for text in texts):
            return pattern
    return ""


def describe_lone_weeks(name: str, texts: Sequence[str], year: str) -> str:
    """Return what a person decides about weeks without a year, which may be counted in another way than ISO 8601 does.

    Args:
        name: the header of the column.
        texts: its texts.
        year: the year that the file's name or a title says; empty if none does.
    """
    written = year or _ANY_YEAR
    source = json.dumps(f"{written}-{{{name}}}{THURSDAY}", ensure_ascii=False)
    formats, first = json.dumps([lone_week_pattern(texts)]), json.dumps({texts[0]: f"{written}-01"}, ensure_ascii=False)
    return (
        f"{name!r} has weeks without a year, such as {texts[0]!r}. If they are weeks of ISO 8601 of {written}, write "
        f"columns.date: {{from: {source}, formats: {formats}}}, which counts each in the month of its Thursday. If "
        "months have 4, 4 and 5 weeks, or the year begins in another month, give each its month: "
        f"columns.date: {{from: {json.dumps(name, ensure_ascii=False)}, formats: [yyyy-MM], map: {first}}}."
    )


def week_beside_year_pattern(years: Sequence[str], weeks: Sequence[str]) -> str:
    """Return the pattern that reads each year, a hyphen, its week and `THURSDAY`; empty if one of them is no week."""
    match = _ALONE.fullmatch(weeks[0]) if weeks else None
    if match is None:
        return ""
    pairs = [f"{year}-{week}" for year, week in zip(years, weeks, strict=True)]
    return week_pattern(pairs)
