"""Dates that are a part of a year: a month or a quarter beside it, a half of it, a period of a fiscal or ended year.

Belongs here: their patterns and texts, and what a person decides about them. Does not belong here: which column has
them (see `dates_of_lines`), patterns of whole dates (see `values`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from finance_platform.feeds.descriptor import UNDECIDED
from finance_platform.feeds.draft.values import last_month, read_day
from finance_platform.feeds.draft.wide_periods import OF_QUARTERS
from finance_platform.feeds.values.codes import fold
from finance_platform.feeds.values.dates import date_parts, is_fiscal_part, names_two_years, needs_fiscal_calendar
from finance_platform.feeds.values.quarter_words import read_half

PARTS_OF_YEARS = {
    "period": (
        ("yyyy-MM", "{year}-{part}"),
        ("yyyy-M", "{year}-{part}"),
        *((f"yyyy {part}", "{year} {part}") for part in ("MMM", "MMMM", "QQQ", "'P'M", "'P'MM")),
        ("yyyy-PPP", "{year}-{part}"),
        *((f"'FY'{year} {part}", "{year} {part}") for year in ("FF", "FFFF") for part in ("MMM", "MMMM", "'P'PP", "P")),
    ),
    "quarter": (
        ("yyyy QQQ", "{year} {part}"),
        ("yyyy Q", "{year} {part}"),
        ("'FY'FF QQQ", "{year} {part}"),
        ("'FY'FFFF QQQ", "{year} {part}"),
    ),
}
"""Patterns of a year beside a month or a quarter, and the texts that they read, by the word for the part."""

_BESIDE_TWO_YEARS = {
    "period": ("MMM", "MMMM", "QQQ", "'P'PP", "'P'P", "P", "PPP"),
    "quarter": ("QQQ", "Q"),
}

_FISCAL_WORDS = ("fiscal", "financial")
_FISCAL_PARTS = {
    "yyyy-MM": "yyyy-PP", "yyyyMM": "yyyyPP", "MM/yyyy": "PP/yyyy", "MM.yyyy": "PP.yyyy", "yyyy/MM": "yyyy/PP",
    "yyyy-M": "yyyy-P", "yyyy 'P'M": "yyyy 'P'P", "yyyy 'P'MM": "yyyy 'P'PP", "MMM yyyy": "MMM FFFF",
    "MMMM yyyy": "MMMM FFFF", "MMM-yy": "MMM-FF", "MMM-yyyy": "MMM-FFFF", "yyyy MMM": "FFFF MMM",
    "yyyy MMMM": "FFFF MMMM", "yyyy'M'MM": "FFFF'M'PP",
    **{f"'M'MM{mark}yyyy": f"'M'PP{mark}FFFF" for mark in "/ .-"}, "yy-MMM": "FF-MMM", "yy MMM": "FF MMM",
}  # fmt: skip
"""Patterns of months, and those of the same texts if they are in a fiscal year: numbers are then its periods."""

FISCAL = "decide: calendar: fiscal means the home's fiscal years, named by the calendar year in which they end"
OF_YEAR_END = "decide: periods of the year-end count in the last month of their year"


def patterns_beside(years: Sequence[str], part: str) -> list[tuple[str, str]]:
    """Return the patterns of a part of a year beside a year of one of these forms, and the texts that they read.

    Args:
        years: patterns of the years.
        part: `period` or `quarter`.
    """
    of_two_years = [year for year in years if names_two_years(year)]
    beside = [(f"{year} {one}", "{year} {part}") for year in of_two_years for one in _BESIDE_TWO_YEARS[part]]
    return beside or list(PARTS_OF_YEARS[part])


def first_day(year: int | str, month: int) -> str:
    """Return the first day of a month; `UNDECIDED` without a year."""
    return f"{year}-{month:02d}-01" if year else UNDECIDED


def first_day_of_half(text: str) -> str:
    """Return the first day of half a year of the calendar; empty if a text names none."""
    half = read_half(text)
    return first_day(*half) if half and half[0] else ""


def map_year_end(texts: Iterable[str], formats: Sequence[str]) -> dict[str, str]:
    """Return periods 13 to 16 of texts that no format reads, and the text of the last month of each year."""
    if any("day" in date_parts(pattern) for pattern in formats):
        return {}
    twelfth = {text: last_month(text) for text in texts if not read_day(text, formats)}
    return {text: last for text, last in twelfth.items() if text != last and read_day(last, formats)}


def with_calendar(formats: Sequence[str], *names: str) -> tuple[list[str], dict[str, Any]]:
    """Return formats, and the key that makes them fiscal where the headers say so or the texts have such a part."""
    if any(word in fold(name) for name in names for word in _FISCAL_WORDS):
        fiscal = [_FISCAL_PARTS.get(pattern, pattern) for pattern in formats]
        return fiscal, {"calendar": "fiscal"} if any(map(is_fiscal_part, fiscal)) else {}
    return list(formats), {"calendar": "fiscal"} if any(map(needs_fiscal_calendar, formats)) else {}


def describe_fiscal(pattern: str) -> str:
    """Return what a person decides about a year beside a number, whose headers do not say which year it is."""
    if "Q" in pattern:
        return f"decide: {OF_QUARTERS}; calendar: fiscal means fiscal quarters"
    if pattern not in _FISCAL_PARTS:
        return ""
    return f"decide: formats: [{_FISCAL_PARTS[pattern]}] and calendar: fiscal if these are of a fiscal year"
