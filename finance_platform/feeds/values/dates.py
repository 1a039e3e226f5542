"""Dates and periods: parses text under the patterns of a descriptor.

Belongs here: the pattern language (`yyyy-MM-dd`, after CLDR) and its exact, engine-independent parsing; arithmetic of
periods.
Does not belong here: the accepted range, rejecting rows (see `ledger_lines`).

A change that gives other lines needs a higher version (see `reader_versions`), or files are not read again.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from itertools import islice

from finance_platform.feeds.values.month_names import LONG_NAMES, SHORT_NAMES, month_number

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
# Digits are ASCII: `\d` would take other scripts' too.
_TOKENS = {
    "yyyy": r"(?P<year>[0-9]{4})",
    "yy": r"(?P<short_year>[0-9]{2})",
    "FFFF": r"(?P<fiscal_year>[0-9]{4})",
    "FF": r"(?P<short_fiscal_year>[0-9]{2})",
    "GGGG": r"(?P<first_year>[0-9]{4})",
    "GG": r"(?P<short_first_year>[0-9]{2})",
    "YYYY": r"(?P<week_year>[0-9]{4})",
    "ww": r"(?P<week>[0-9]{2})",
    "w": r"(?P<week>[0-9]{1,2})",
    "e": r"(?P<day>[1-7])",
    "PPP": r"(?P<fiscal_period>[0-9]{3})",
    "PP": r"(?P<fiscal_period>[0-9]{2})",
    "P": r"(?P<fiscal_period>[0-9]{1,2})",
    "QQQ": r"Q(?P<quarter>[1-4])",
    "QQ": r"0(?P<quarter>[1-4])",
    "Q": r"(?P<quarter>[1-4])",
    "MMMM": f"(?P<month_name>{LONG_NAMES})",
    "MMM": f"(?P<month_short>{SHORT_NAMES})",
    "MM": r"(?P<month>[0-9]{2})",
    "M": r"(?P<month>[0-9]{1,2})",
    "dd": r"(?P<day>[0-9]{2})",
    "d": r"(?P<day>[0-9]{1,2})",
    "HH": r"(?:[01][0-9]|2[0-3])",
    "H": r"(?:[01]?[0-9]|2[0-3])",
    "hh": r"(?:0[1-9]|1[0-2])",
    "h": r"(?:0?[1-9]|1[0-2])",
    "mm": r"[0-5][0-9]",
    "m": r"[0-5]?[0-9]",
    "ss": r"[0-5][0-9]",
    "s": r"[0-5]?[0-9]",
    "SSS": r"[0-9]{3}",
    "S": r"[0-9]{1,9}",
    "a": r"[ap](?:m|\.m\.)",
}
_OF_THE_CLOCK = {"HH", "H", "hh", "h", "mm", "m", "ss", "s", "SSS", "S", "a"}
_WIDTHS = {
    "yyyy": 4,
    "yy": 2,
    "FFFF": 4,
    "FF": 2,
    "GGGG": 4,
    "GG": 2,
    "YYYY": 4,
    "ww": 2,
    "w": 2,
    "e": 1,
    "PPP": 3,
    "PP": 2,
    "P": 2,
    "QQ": 2,
    "Q": 1,
    "MM": 2,
    "M": 2,
    "dd": 2,
    "d": 2,
}
"""The most digits of the parts that are digits alone."""

EXCEL_SERIAL = "excel_serial"
"""The format of a day as a spreadsheet counts it, 45658 for 2025-01-01."""

_SERIAL = re.compile(r"([0-9]{1,7})(?:\.[0-9]{1,20})?")
_SERIAL_DIGITS = 7
_SERIAL_YEARS = range(1990, 2060)
"""Years of numbers that may be days of a spreadsheet; others are codes."""
_LEAP_DAY_OF_1900 = 60
"""The number of a day that spreadsheets have and the calendar has not, 29 February 1900."""

_MOMENTS = (
    *("yyyy-MM-ddTHH:mm:ss", "yyyy-MM-ddTHH:mm:ss.SSS", "yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd HH:mm"),
    *("yyyy-MM-ddTHH:mm", "yyyy-MM-ddTHH:mm:ss.S", "yyyy-MM-dd HH:mm:ss.S"),
)
_ZONE = re.compile(r"(?P<moment>.*[0-9])(?P<zone> ?(?:Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}))")
_MAX_ZONES = 4
"""A country has two, of summer and of winter."""

_MIDNIGHT = r"(?:(?:T| +)00:00:00(?:\.0{1,9})?)?"
_TOKEN = re.compile(r"'(?:[^']|'')*'|(?P<letter>[A-Za-z])(?P=letter)*|.", re.DOTALL)
_FISCAL_YEARS = {"fiscal_year", "short_fiscal_year"}
_FIRST_YEARS = {"first_year", "short_first_year"}
_YEARS, _MONTHS_OF_YEAR = {"year", "short_year"} | _FISCAL_YEARS, {"month", "month_name", "month_short"}
_WEEKS = {"week_year", "week", "day"}
_PARTS_OF_YEAR = {"quarter", "fiscal_period"}
_PERIODS, _QUARTER, _CENTURY, _SHORT_YEAR = 12, 3, 100, 2
_PERIOD = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return the regular expression of a date pattern.

    Args:
        pattern: of the parts in `_TOKENS` and punctuation, as in CLDR; `T` and `Z` match themselves, and so do letters
            between apostrophes; two apostrophes are one. After a day without a time, midnight may follow.

    Raises:
        ValueError: the pattern has an unknown letter or an apostrophe without a second one, names a part twice, or
            lacks a year, or has a day without a month, a week without its year and its day, or the first year of a
            fiscal year without the last one.
    """
    tokens = _tokens(pattern)
    parts = [_part(token, pattern) for token in tokens]
    try:
        # ASCII, because İ and ſ would otherwise match the i and s of month names.
        compiled = re.compile("".join(parts), re.IGNORECASE | re.ASCII)
    except re.error:
        raise ValueError(f"date pattern {pattern!r} names a part twice") from None
    _check_parts(set(compiled.groupindex), pattern)
    if "day" in compiled.groupindex and not _OF_THE_CLOCK & set(tokens):
        compiled = re.compile("".join(parts) + _MIDNIGHT, re.IGNORECASE | re.ASCII)
    return compiled


def _tokens(pattern: str) -> list[str]:
    """Return a pattern's parts: words in apostrophes, each letter as often as it is repeated, other characters."""
    return [match[0] for match in _TOKEN.finditer(pattern)]


def _part(token: str, pattern: str) -> str:
    if token in _TOKENS:
        return _TOKENS[token]
    if token.startswith("'"):
        if len(token) == 1:
            raise ValueError(f"date pattern {pattern!r}: an apostrophe lacks the second one; write 'Q' for a letter")
        return re.escape(token[1:-1].replace("''", "'") or "'")
    if token.isascii() and token.isalpha() and token not in {"T", "Z"}:
        allowed = ", ".join(_TOKENS)
        raise ValueError(f"date pattern {pattern!r}: {token!r} is not one of {allowed}; words stand in apostrophes")
    return re.escape(token)


def _check_parts(names: set[str], pattern: str) -> None:
    if names & (_WEEKS - {"day"}):
        if "week" not in names:
            raise ValueError(f"date pattern {pattern!r}: YYYY is the year of weeks (ww); that of months is yyyy")
        if names != _WEEKS:
            raise ValueError(f"date pattern {pattern!r}: a week (ww) needs its year (YYYY) and a day (e), 1 for Monday")
        return
    if names & _FIRST_YEARS and (names >= _FIRST_YEARS or not names & _FISCAL_YEARS):
        raise ValueError(f"date pattern {pattern!r}: GG or GGGG is the first year of a fiscal year, beside FF or FFFF")
    if any(len(names & alternatives) > 1 for alternatives in (_YEARS, _MONTHS_OF_YEAR | _PARTS_OF_YEAR)):
        raise ValueError(f"date pattern {pattern!r} names a part twice")
    if not names & _YEARS or ("day" in names and not names & _MONTHS_OF_YEAR):
        raise ValueError(f"date pattern {pattern!r} needs a year (yyyy), and beside a day (dd) a month (MM)")


def check_formats(formats: Sequence[str]) -> None:
    """Check the formats of one field.

    Raises:
        ValueError: one is not valid, or digits alone could be a day as a spreadsheet counts it and a date as well.
    """
    for pattern in formats:
        if pattern == EXCEL_SERIAL:
            continue
        compile_pattern(pattern)
        tokens = _tokens(pattern)
        is_digits = all(token in _WIDTHS for token in tokens)
        if EXCEL_SERIAL in formats and is_digits and sum(_WIDTHS[token] for token in tokens) <= _SERIAL_DIGITS:
            raise ValueError(f"{EXCEL_SERIAL} and {pattern!r} could both be meant by the same digits; keep one of them")


@lru_cache(maxsize=256)
def date_parts(pattern: str) -> tuple[str, ...]:
    """Return the parts of a day that a pattern writes as digits, in its order, without those of the clock."""
    if pattern == EXCEL_SERIAL:
        return ("day",)
    return tuple(name for name in compile_pattern(pattern).groupindex if not name.startswith("month_"))


def is_fiscal_part(pattern: str) -> bool:
    """Return whether a fiscal calendar changes the day of a pattern: it has a fiscal year, or a year and no month."""
    if pattern == EXCEL_SERIAL:
        return False
    names = set(compile_pattern(pattern).groupindex)
    return bool(names & _FISCAL_YEARS) or not names & (_MONTHS_OF_YEAR | _WEEKS)


def names_no_month(pattern: str) -> bool:
    """Return whether a pattern names a year alone, without a month, quarter or period of it."""
    parts = _MONTHS_OF_YEAR | _PARTS_OF_YEAR | _WEEKS
    return pattern != EXCEL_SERIAL and not set(compile_pattern(pattern).groupindex) & parts


def names_part_of_year(pattern: str) -> bool:
    """Return whether a pattern names a quarter, without a month."""
    if pattern == EXCEL_SERIAL:
        return False
    names = set(compile_pattern(pattern).groupindex)
    return "quarter" in names and not names & _MONTHS_OF_YEAR


def needs_fiscal_calendar(pattern: str) -> bool:
    """Return whether a pattern has a part that only a fiscal calendar gives a meaning."""
    return bool({"FFFF", "FF", "PPP", "PP", "P"} & set(_tokens(pattern))) and pattern != EXCEL_SERIAL


def names_two_years(pattern: str) -> bool:
    """Return whether a pattern names a fiscal year by the two calendar years that it lies in, such as 2024/25."""
    return pattern != EXCEL_SERIAL and bool(_FIRST_YEARS & set(compile_pattern(pattern).groupindex))


def parse_date(
    text: str, patterns: Sequence[str], fiscal_year_start_month: int = 1, *, is_1904: bool = False
) -> date | None:
    """Return the day that `text` names under the first pattern that gives one, or None.

    A pattern without a day gives the first day of its month, period, quarter or year. A two-digit year is of this
    century.
    A calendar day that does not exist (2025-02-30) gives None, never the day after. So does a week that does not
    exist, and a fiscal year of two calendar years (`GGGG/FF`) that do not follow each other, or if fiscal years begin
    in January, because each is then one calendar year.

    Args:
        text: such as a cell's.
        patterns: see `compile_pattern`; or `EXCEL_SERIAL`.
        fiscal_year_start_month: of fiscal years (`FFFF`), and of the years, quarters and periods of patterns without a
            month; a fiscal year is named by the calendar year in which it ends.
        is_1904: whether a spreadsheet counts its days from 1904-01-01, which is then day 0.
    """
    return _parse(text, tuple(patterns), fiscal_year_start_month, is_1904)


@lru_cache(maxsize=1 << 14)
def _parse(text: str, patterns: tuple[str, ...], fiscal_year_start_month: int, is_1904: bool) -> date | None:
    for pattern in patterns:
        day = (
            _serial_day(text, is_1904=is_1904)
            if pattern == EXCEL_SERIAL
            else _pattern_day(text, pattern, fiscal_year_start_month)
        )
        if day:
            return day
    return None


def format_date(day: date, pattern: str) -> str | None:
    """Return a day as a pattern writes it; None if its text is not read as the same day again.

    Args:
        day: the day.
        pattern: see `compile_pattern`.
    """
    parts = {
        "yyyy": f"{day.year:04d}",
        "yy": f"{day.year % 100:02d}",
        "MMMM": _MONTH_NAMES[day.month - 1].capitalize(),
        "MMM": _MONTHS[day.month - 1].capitalize(),
        "MM": f"{day.month:02d}",
        "M": str(day.month),
        "dd": f"{day.day:02d}",
        "d": str(day.day),
    }
    if pattern == EXCEL_SERIAL:
        return None
    text = "".join(
        token[1:-1].replace("''", "'") or "'" if token.startswith("'") else parts.get(token, token)
        for token in _tokens(pattern)
    )
    return text if parse_date(text, (pattern,)) == day else None


def patterns_with_zones(texts: Sequence[str]) -> list[str]:
    """Return the patterns of moments with a time zone, one for each zone; none if a text is no such moment.

    No part of a pattern is a zone, because a time never moves a line to another day: the zone is a word of the pattern.
    """
    matches = [_ZONE.fullmatch(" ".join(text.split())) for text in texts]
    moments = [match["moment"] for match in matches if match]
    zones = sorted({match["zone"] for match in matches if match})
    if len(moments) < len(texts) or len(zones) > _MAX_ZONES:
        return []
    fitting = (one for one in _MOMENTS if all(parse_date(moment, (one,)) for moment in moments))
    return [f"{pattern}'{zone}'" for pattern in islice(fitting, 1) for zone in zones]


def likely_serial_day(text: str, *, is_1904: bool = False) -> date | None:
    """Return the day of a number that a spreadsheet may have for a day; None of other texts."""
    day = _serial_day(text, is_1904=is_1904)
    return day if day is not None and day.year in _SERIAL_YEARS else None


def _serial_day(text: str, *, is_1904: bool) -> date | None:
    match = _SERIAL.fullmatch(text)
    if match is None:
        return None
    number, first = int(match[1]), date(1904, 1, 1)
    if not is_1904:
        if number in {0, _LEAP_DAY_OF_1900}:
            return None
        first = date(1899, 12, 31 if number < _LEAP_DAY_OF_1900 else 30)
    last = date.max.toordinal() - first.toordinal()
    return first + timedelta(number) if number <= last else None


def _pattern_day(text: str, pattern: str, fiscal_year_start_month: int) -> date | None:
    match = compile_pattern(pattern).fullmatch(text)
    if match is None:
        return None
    parts = match.groupdict()
    full, short = (parts.get(f"{name}year") or parts.get(f"{name}fiscal_year") for name in ("", "short_"))
    year = int(full or 2000 + int(short or 0))
    if parts.get("week"):
        return _day_of_week(*(int(str(parts[name])) for name in ("week_year", "week", "day")))
    first = parts.get("first_year") or parts.get("short_first_year")
    if first and not _lies_in_both(first, year, fiscal_year_start_month):
        return None
    month = _written_month(parts)
    if month is None:
        place = int(parts.get("fiscal_period") or _QUARTER * (int(parts.get("quarter") or 1) - 1) + 1)
        if not 1 <= place <= _PERIODS:
            return None
        year, month = _month_of_year(year, place, fiscal_year_start_month)
        return date(year, month, 1) if year > 0 else None
    if _FISCAL_YEARS & parts.keys() and 1 < fiscal_year_start_month <= month:
        year -= 1
    try:
        return date(year, month, int(parts.get("day") or 1))
    except ValueError:
        return None


def _written_month(parts: Mapping[str, str | None]) -> int | None:
    """Return the month that the parts of a day name; None if they name none."""
    if name := parts.get("month_name") or parts.get("month_short"):
        return month_number(name)
    number = parts.get("month")
    return int(number) if number else None


def _lies_in_both(first: str, last: int, fiscal_year_start_month: int) -> bool:
    """Return whether a fiscal year may lie in these two calendar years, of which the first may have two digits."""
    distance = last - int(first) - 1
    is_next = not (distance % _CENTURY if len(first) == _SHORT_YEAR else distance)
    return is_next and fiscal_year_start_month > 1


def _day_of_week(year: int, week: int, day: int) -> date | None:
    """Return a day of a week of ISO 8601; None if the year has no such week."""
    try:
        return date.fromisocalendar(year, week, day)
    except ValueError:
        return None


def _month_of_year(year: int, place: int, fiscal_year_start_month: int) -> tuple[int, int]:
    """Return the calendar year and month of a period of a fiscal year, the first of which has place 1."""
    months = year * 12 + fiscal_year_start_month - 1 + place - 1 - (12 if fiscal_year_start_month > 1 else 0)
    return months // 12, months % 12 + 1


def is_valid_period(text: str) -> bool:
    """Return whether a text is a period, YYYY-MM in digits of ASCII."""
    return _PERIOD.fullmatch(text) is not None


def period_number(period: str) -> int:
    """Return a period as a number, such as 202506."""
    return int(period.replace("-", ""))


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


def next_period(period: str) -> str:
    """Return the period after one."""
    year, month = int(period[:4]), int(period[5:])
    return f"{year + month // 12:04d}-{month % 12 + 1:02d}"


def period_before(period: str) -> str:
    """Return the period before one."""
    year, month = int(period[:4]), int(period[5:])
    return f"{year - (month == 1):04d}-{month - 1 or 12:02d}"


def periods_of_year(period: str, first_month: int, months: int = 12) -> list[str]:
    """Return the twelve periods of the fiscal year that a period belongs to, or those of its quarter or half.

    Args:
        period: YYYY-MM.
        first_month: the first month of the fiscal year, 1 to 12.
        months: how many periods the year or the part of it has: 12, 6 or 3.
    """
    month = int(period[:4]) * 12 + int(period[5:]) - 1
    begin = month - (month - first_month + 1) % months
    return [f"{one // 12:04d}-{one % 12 + 1:02d}" for one in range(begin, begin + months)]
