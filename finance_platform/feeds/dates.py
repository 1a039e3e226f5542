"""Dates and periods: parses text under the patterns of a descriptor.

Belongs here: the pattern language (`yyyy-MM-dd`) and its exact, engine-independent parsing; arithmetic of periods.
Does not belong here: the accepted range, rejecting rows (see `ledger_lines`).

A change that gives other lines needs a higher `READER_VERSION` (see `resolved`), or files are not read again.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from datetime import date
from functools import lru_cache

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAMES = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
# Longest first, so that MMMM is not read as MM twice. Digits are ASCII: `\d` would take other scripts' too.
_TOKENS = {
    "yyyy": r"(?P<year>[0-9]{4})",
    "yy": r"(?P<short_year>[0-9]{2})",
    "MMMM": f"(?P<month_name>{'|'.join(_MONTH_NAMES)})",
    "MMM": f"(?P<month_short>{'|'.join(_MONTHS)})",
    "MM": r"(?P<month>[0-9]{2})",
    "M": r"(?P<month>[0-9]{1,2})",
    "dd": r"(?P<day>[0-9]{2})",
    "d": r"(?P<day>[0-9]{1,2})",
    "HH": r"(?:[01][0-9]|2[0-3])",
    "mm": r"[0-5][0-9]",
    "ss": r"[0-5][0-9]",
    "SSS": r"[0-9]{3}",
}
# T and Z come before other letters, otherwise the THH of an ISO time would be one unknown token.
_TOKEN = re.compile("|".join(sorted(_TOKENS, key=len, reverse=True)) + "|[TZ]|[A-Za-z]+|.", re.DOTALL)
_ONE_OF_EACH = ({"year", "short_year"}, {"month", "month_name", "month_short"})


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return the regular expression of a date pattern.

    Args:
        pattern: of yyyy, yy, MMMM, MMM, MM, M, dd, d, HH, mm, ss, SSS and punctuation; `T` and `Z` match
            themselves.

    Raises:
        ValueError: the pattern has an unknown letter, names a part twice, or lacks a year or a month.
    """
    parts = []
    for token in _TOKEN.findall(pattern):
        if token in _TOKENS:
            parts.append(_TOKENS[token])
        elif token.isascii() and token.isalpha() and token not in {"T", "Z"}:
            raise ValueError(f"date pattern {pattern!r}: {token!r} is not one of {', '.join(_TOKENS)}")
        else:
            parts.append(re.escape(token))
    try:
        # ASCII, because İ and ſ would otherwise match the i and s of month names.
        compiled = re.compile("".join(parts), re.IGNORECASE | re.ASCII)
    except re.error:
        raise ValueError(f"date pattern {pattern!r} names a part twice") from None
    names = set(compiled.groupindex)
    if any(len(names & alternatives) > 1 for alternatives in _ONE_OF_EACH):
        raise ValueError(f"date pattern {pattern!r} names a part twice")
    if not all(names & alternatives for alternatives in _ONE_OF_EACH):
        raise ValueError(f"date pattern {pattern!r} needs a year (yyyy) and a month (MM)")
    return compiled


def parse_date(text: str, patterns: Sequence[str]) -> date | None:
    """Return the day that `text` names under the first pattern that gives one, or None.

    A pattern without a day gives the period's first day. A two-digit year is of this century.
    A calendar day that does not exist (2025-02-30) gives None, never the day after.
    """
    for pattern in patterns:
        match = compile_pattern(pattern).fullmatch(text)
        day = _day(match.groupdict()) if match else None
        if day:
            return day
    return None


def _day(parts: dict[str, str | None]) -> date | None:
    year = int(parts.get("year") or 2000 + int(parts.get("short_year") or 0))
    if parts.get("month_name"):
        month = _MONTH_NAMES.index(str(parts["month_name"]).lower()) + 1
    elif parts.get("month_short"):
        month = _MONTHS.index(str(parts["month_short"]).lower()) + 1
    else:
        month = int(parts["month"] or 0)
    try:
        return date(year, month, int(parts.get("day") or 1))
    except ValueError:
        return None


def period_of(day: date) -> str:
    """Return the accounting period of a day, YYYY-MM."""
    return f"{day.year:04d}-{day.month:02d}"


def first_day(period: str) -> date:
    """Return the first day of a period."""
    return date(int(period[:4]), int(period[5:7]), 1)


def last_day(period: str) -> date:
    """Return the last day of a period."""
    year, month = int(period[:4]), int(period[5:7])
    return date(year, month, calendar.monthrange(year, month)[1])


def clamp_to_period(day: date, period: str) -> date:
    """Return `day` if it lies in `period`, else the period's first or last day, whichever is closer."""
    return min(max(day, first_day(period)), last_day(period))


def periods_between(first: str, last: str) -> list[str]:
    """Return every period from the first through the last; none if the last is before the first."""
    begin, end = (int(period[:4]) * 12 + int(period[5:]) - 1 for period in (first, last))
    return [f"{month // 12:04d}-{month % 12 + 1:02d}" for month in range(begin, end + 1)]
