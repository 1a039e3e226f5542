"""What sampled texts may be: dates and their patterns, amounts and their marks, months in a header.

Belongs here: tests of single columns, by the functions that read them later. Does not belong here: names of columns
(see `feeds.values.header_words`, and `period_columns` for periods in a header).
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from finance_platform.feeds.draft.two_years import patterns_of, patterns_of_any
from finance_platform.feeds.values.amounts import read_amount
from finance_platform.feeds.values.codes import clean
from finance_platform.feeds.values.common_amounts import APOSTROPHES, SIDES
from finance_platform.feeds.values.dates import (
    date_parts,
    names_no_month,
    names_two_years,
    parse_date,
    patterns_with_zones,
)
from finance_platform.feeds.values.header_words import plain_name
from finance_platform.feeds.values.hidden_characters import clean_cell

FISCAL_PERIODS = (
    "'FY'FF-'P'PP", "'FY'FFFF-'P'PP", "FFFF-'P'PP", "FFFF'P'PP", "'P'PP FFFF", "'P'PP-FFFF", "PPP/yyyy", "PPP.yyyy",
    "yyyy/PPP", "yyyy.PPP", "yyyyPPP", "yyyy'M'MM", "'P'PP 'FY'FF", "'P'PP 'FY'FFFF", "'FY'FF 'P'PP",
    "'FY'FFFF 'P'PP", "'FY'FF'P'PP", "'FY'FFFF'P'PP", "'FY'FF-PP", "'FY'FFFF-PP", "'Period 'P / FFFF",
    "'Period 'P/FFFF", "'Period 'P FFFF", "'Period 'P, FFFF",
    "'AP 'PP/FFFF", "'AP'PP/FFFF", "'P'PP/FFFF", "MMM 'FY'FF", "MMM 'FY'FFFF", "MMM-'FY'FF", "'FY'FF MMM",
    "'FY'FFFF MMM",
)  # fmt: skip
"""Patterns of periods of fiscal years, in the order of trust."""

SHORT_FISCAL_PERIODS = (
    "FFFF 'P'P", "FFFF-'P'P", "FFFF'P'P", "'P'P FFFF", "'P'P/FFFF", "'P'P-FFFF", "'FY'FF 'P'P", "'FY'FF-'P'P",
    "'FY'FF'P'P", "'P'P 'FY'FF", "'Period 'P 'FY'FF", "'Period 'P 'FY'FFFF", "'Per 'P FFFF",
)  # fmt: skip
"""Patterns of periods of fiscal years whose numbers may have one digit."""

DATE_FORMATS = (
    "yyyy-MM-dd", "dd.MM.yyyy", "d.M.yyyy", "dd/MM/yyyy", "MM/dd/yyyy", "d/M/yyyy", "M/d/yyyy", "dd-MM-yyyy",
    "dd-MMM-yyyy", "d-MMM-yy", "d MMM yyyy", "MMM d, yyyy", "MMM d, yy", "yyyyMMdd", "yyyy/MM/dd",
    "yyyy-MM-ddTHH:mm:ss", "yyyy-MM-ddTHH:mm:ssZ", "yyyy-MM-dd HH:mm:ss", "dd/MM/yyyy HH:mm", "dd/MM/yyyy HH:mm:ss",
    "MM/dd/yyyy HH:mm:ss", "M/d/yyyy h:mm:ss a", "M/d/yyyy h:mm a", "d MMMM yyyy", "MMMM d, yyyy", "dd.MM.yy",
    "dd/MM/yy", "MM/dd/yy", "d.M.yy", "M/d/yy", "d/M/yy", "yyyy-MM", "yyyyMM", "MMM yyyy", "MMMM yyyy", "MMM-yy",
    "MMM yy", "MMM-yyyy", "MM/yyyy", "MM.yyyy", "yyyy/MM", "QQQ yyyy", "QQQ-yyyy", "QQQ/yyyy", "yyyy QQQ", "yyyy-QQQ",
    "yyyyQQQ", "yyyy/M/d", "yyyy-M-d", "yyyy.MM.dd", "yyyy年M月d日", "yyyy年M月",
    "d. MMMM yyyy", "d. MMM yyyy", "d-MMM-yyyy", *FISCAL_PERIODS,
    "QQQ 'FY'FF", "QQQ 'FY'FFFF", "'FY'FF QQQ", "'FY'FFFF QQQ", "'FY'FF-QQQ", "'FY'FFFF-QQQ",
)  # fmt: skip
"""Patterns in the order of trust: of those that read all samples, the first is proposed."""

MONTHS_ENDED = (
    "'Month Ended 'MMMM yyyy",
    "'Month Ended 'MMM yyyy",
    "'Month ended 'MMMM yyyy",
    "'Month ended 'MMM yyyy",
)
"""Patterns of months as Sage Intacct names them."""

PERIOD_FORMATS = (
    *DATE_FORMATS, "MM/yy", "MM-yy", "MMMyy", "MMMyyyy", "MMM''yy", "MMMM-yy", "MMMM yy", "yyyy MMM", "yyyy MMMM",
    "yyyy-MMM", "M/yyyy", "yyyy-M", "yyyy/M", "yyyy.MM", "yyyy_MM", "MM_yyyy", *SHORT_FISCAL_PERIODS,
    "QQQ/yy", "QQQ-yy", "Q'Q'yy", "Q'Q'yyyy", "Q'. Quartal 'yyyy", "'Quartal 'Q yyyy", "'Quarter 'Q yyyy",
    "'Quarter 'Q, yyyy", "'M'MM/yyyy", "'M'MM yyyy", "'M'MM.yyyy", "'M'MM-yyyy", *MONTHS_ENDED,
)  # fmt: skip
"""Patterns of columns that a name says are periods: elsewhere, 03/25 may be a part of a day, or a fraction."""

YEAR_FORMATS = ("yyyy", "'FY'yyyy", "'FY' yyyy", "'FY'yy")
"""Patterns of years, for columns that a name says are years: other numbers have four digits too."""

_CURRENCY_NAMES = {
    "us dollar": "USD", "us dollars": "USD", "usa": "USD", "canadian dollar": "CAD", "australian dollar": "AUD",
    "euro": "EUR", "euros": "EUR", "british pound": "GBP", "pound sterling": "GBP", "swiss franc": "CHF",
    "japanese yen": "JPY", "indian rupee": "INR", "new zealand dollar": "NZD", "singapore dollar": "SGD",
    "hong kong dollar": "HKD", "mexican peso": "MXN", "swedish krona": "SEK", "norwegian krone": "NOK",
    "danish krone": "DKK", "polish zloty": "PLN", "south african rand": "ZAR", "brazilian real": "BRL",
}  # fmt: skip
"""Currencies as NetSuite and others name them, and their codes."""

_MARKS: tuple[tuple[str, str | None], ...] = (
    (".", None),
    (".", ","),
    (",", "."),
    (",", None),
    (".", " "),
    (",", " "),
    (".", "'"),
    (",", "'"),
)
_SIDE = re.compile(rf"[0-9)]\s?(?i:dr|cr)\.?$|[.,][0-9]{{2}}\s?[{SIDES}]$")
"""How an amount ends that states its side, as in Tally: 1,200.00 Cr. Before a number, such letters may begin a code;
one letter may end a code such as 100D, but not behind cents: 1.234,56 D."""

_SIDES = ({"D", "C"}, {"D", "H"}, {"S", "H"})
"""Letters that are the two sides of one language."""

_YEARS_BEFORE_MONTHS = ("yy-MMM", "yy MMM", "yy-MMMM", "yy MMMM")
_CENTURY, _MONTHS = 100, 12
_YEAR_END = re.compile("(?:(?<![0-9])|(?<=20[0-9]{2}))(0?)1[3-6](?![0-9])")
_ENOUGH = 0.9
"""Share of the samples that a pattern or a list of them must read."""

_ZERO = re.compile("(?<![0-9:])0[1-9](?![0-9:])")
_PADDED = re.compile("(?<![dM])(dd|MM)(?![dM])")
_CLOCK = re.compile(
    r"(?P<mark>[ T])[0-9]{1,2}:[0-9]{2}(?P<seconds>:[0-9]{2}(?P<fraction>\.[0-9]{1,9})?)?(?P<half> ?[ap]m)?$",
    re.IGNORECASE,
)

_OTHER_MARKS, _THOUSAND = {",": ".", ".": ","}, 1_000

_FEW = 3
_MAX_FORMATS = 3
_OF_TWO_YEARS = 7
"""A first month of fiscal years that lie in two calendar years."""


@dataclass(frozen=True)
class DateGuess:
    """The patterns of a column of dates.

    Attributes:
        formats: the proposed patterns.
        other: a pattern that reads the samples of a proposed one too, and another day; empty if there is none.
        doubt: a sample that these two read as different days; empty if there is none.
        unread: a sample that no proposed pattern reads; empty if there is none.
        either: a sample that two of the proposed patterns read as different days; empty if there is none.
        has_zones: whether the patterns have the words of time zones.
    """

    formats: tuple[str, ...]
    other: str = ""
    doubt: str = ""
    unread: str = ""
    either: str = ""
    has_zones: bool = False


@dataclass(frozen=True)
class AmountGuess:
    """The marks of a column of amounts.

    Attributes:
        decimal: the mark before the fraction.
        thousands: the mark between groups; None if there is none.
        unread: a sample that is not an amount under these marks; empty if there is none.
        ambiguous: a sample that could mean two things, if no other sample settles it; empty if there is none.
        currencies: codes and signs beside the amounts.
        has_sides: whether Dr, Cr or a letter is behind the amounts.
        unsure_side: an amount whose letter may not be its side, since the column has not both of one language; empty if
            there is none.
    """

    decimal: str
    thousands: str | None
    unread: str = ""
    ambiguous: str = ""
    currencies: tuple[str, ...] = ()
    has_sides: bool = False
    unsure_side: str = ""


@lru_cache(maxsize=8192)
def clean_text(cell: str) -> str:
    """Return the text of a cell as a field has it; each rule of a draft asks for it, and many cells are alike."""
    return clean(clean_cell(cell)[0])


@lru_cache(maxsize=8192)
def is_amount(text: str) -> bool:
    """Return whether a text has digits and is an amount under any marks."""
    has_sides = _SIDE.search(text) is not None
    return any(character.isdigit() for character in text) and any(
        read_amount(text.strip(), *marks, has_sides=has_sides) is not None for marks in _MARKS
    )


@lru_cache(maxsize=8192)
def is_date(text: str) -> bool:
    """Return whether a text is a date under any pattern."""
    written = text.strip()
    return parse_date(written, DATE_FORMATS) is not None or any(not names_no_month(one) for one in patterns_of(written))


def read_day(text: str, patterns: Sequence[str]) -> date | None:
    """Return the day of a text under the first pattern that gives one; None if none does.

    Fiscal years begin in January here, but for those of two calendar years, which then do not exist.
    """
    days = (parse_date(text, (pattern,), _OF_TWO_YEARS if names_two_years(pattern) else 1) for pattern in patterns)
    return next((day for day in days if day), None)


def guess_dates(texts: Sequence[str], patterns: Sequence[str] = DATE_FORMATS) -> DateGuess | None:
    """Return the patterns of a column's texts, none of them blank; None if too few of them are dates."""
    distinct = list(dict.fromkeys(texts))
    if not distinct:
        return None
    are_years = patterns == YEAR_FORMATS
    patterns = (*patterns, *(one for one in patterns_of_any(distinct) if names_no_month(one) == are_years))
    patterns = (*patterns, *_with_clocks(patterns, distinct))
    days = {pattern: _days(distinct, pattern) for pattern in patterns}
    formats: list[str] = []
    remaining = set(distinct)
    while remaining and len(formats) < _MAX_FORMATS:
        pattern = max(patterns, key=lambda name: len(days[name].keys() & remaining))
        found = days[pattern].keys() & remaining
        if not found:
            break
        formats.append(pattern)
        remaining -= found
    formats = _with_twins(formats, days)
    unread = [text for text in texts if text in remaining]
    if not formats or not _is_enough(len(texts) - len(unread), len(texts)):
        with_zones = patterns_with_zones(distinct)
        return DateGuess(tuple(with_zones), has_zones=True) if with_zones else None
    other, doubt = _other_reading(texts, formats, days)
    either = (text for text in texts if len({days[name][text] for name in formats if text in days[name]}) > 1)
    return DateGuess(tuple(formats), other, doubt, unread[0] if unread else "", next(either, ""))


def _with_twins(formats: Sequence[str], days: dict[str, dict[str, date]]) -> list[str]:
    """Return patterns, each with those that read what the next file may have: as few samples do not show it.

    Months whose names are as short as others' abbreviations (`3 May 2025`) may be written in full, so there are two
    patterns. Days from 10 on, and months from October on, may be written without a zero before others.

    Args:
        formats: the patterns that were chosen.
        days: the day of each text under each pattern that reads it; gets those of the patterns that are added.
    """
    widened: list[str] = []
    for name in formats:
        wide = _widened(name, days[name])
        long = re.sub("(?<!M)MMM(?!M)", "MMMM", wide)
        for pattern in dict.fromkeys((wide, long)):
            days.setdefault(pattern, _days(days[name], pattern))
            if days[pattern] == days[name] or pattern == wide:
                widened.append(pattern)
    return list(dict.fromkeys(widened))


def _widened(pattern: str, texts: Iterable[str]) -> str:
    """Return the pattern that reads days and months with one digit too, unless a text has a zero before one.

    Without separators, digits are two each, and so they are behind a year, as in ISO 8601.
    """
    if pattern.startswith("yyyy") or pattern.isalpha() or any(map(_ZERO.search, texts)):
        return pattern
    return _PADDED.sub(lambda match: match[0][0], pattern)


def _with_clocks(patterns: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Return the patterns of days with the times of the first text that has one; none if none has."""
    match = next(filter(None, map(_CLOCK.search, texts)), None)
    if match is None:
        return []
    hour = "h" if match["half"] else "H"
    half = re.sub("[apAP][mM]", "a", match["half"] or "")
    clock = f"{match['mark']}{hour}:mm{':ss' if match['seconds'] else ''}{'.S' if match['fraction'] else ''}{half}"
    return [f"{pattern}{clock}" for pattern in patterns if "day" in date_parts(pattern) and ":" not in pattern]


def _other_reading(
    texts: Sequence[str], formats: Sequence[str], days: Mapping[str, Mapping[str, date]]
) -> tuple[str, str]:
    """Return a pattern that reads all texts of a proposed one too, and the first that is another day; or blanks.

    Args:
        texts: the texts of the column.
        formats: the proposed patterns, each of which reads the texts that those before it do not.
        days: the day of each text under each pattern that reads it.
    """
    before: set[str] = set()
    for name in formats:
        alone = days[name].keys() - before
        before |= alone
        for pattern, others in days.items():
            if pattern not in formats and alone <= others.keys():
                differing = (text for text in texts if text in alone and others[text] != days[name][text])
                if text := next(differing, ""):
                    return _widened(pattern, alone), text
    return "", ""


def years_before_months(texts: Sequence[str]) -> str:
    """Return the pattern of months behind two digits that may be a year, such as 25-Jan; empty if they are days.

    Days are those of several numbers, the first ones of months, and their last ones.
    """
    distinct = list(dict.fromkeys(texts))
    for pattern in _YEARS_BEFORE_MONTHS:
        months = _days(distinct, pattern)
        if not distinct or len(months) < len(distinct):
            continue
        years = {month.year for month in months.values()}
        are_last = all(month.year % _CENTURY in _last_days(month.month) for month in months.values())
        is_year = max(years) - min(years) <= 1 and min(years) % _CENTURY > _MONTHS and not are_last
        return pattern if is_year else ""
    return ""


def _last_days(month: int) -> set[int]:
    return {monthrange(year, month)[1] for year in (2023, 2024)}


def named_currencies(texts: Sequence[str]) -> dict[str, str]:
    """Return the codes of currencies that texts name in words, by text."""
    return {text: code for text in texts if (code := _CURRENCY_NAMES.get(plain_name(text)))}


def last_month(text: str) -> str:
    """Return a period 13 to 16 of the year-end as that of the year's last month; any other text as it is."""
    return _YEAR_END.sub(r"\g<1>12", text)


def _is_enough(read: int, count: int) -> bool:
    """Return whether so many texts are read that the others are mistakes; of a few texts, one may be."""
    return read >= count * _ENOUGH or (count >= _FEW and read >= count - 1)


def _days(texts: Iterable[str], pattern: str) -> dict[str, date]:
    days = {text: read_day(text, (pattern,)) for text in texts}
    return {text: day for text, day in days.items() if day is not None and 1900 <= day.year < 2100}


def _unsure_side(texts: Iterable[str]) -> str:
    """Return an amount with a letter, unless the letters are the two sides of one language."""
    stated = [text for text in texts if text[-1:] in SIDES and _SIDE.search(text)]
    return stated[0] if stated and {text[-1] for text in stated} not in _SIDES else ""


def guess_amounts(texts: Sequence[str]) -> AmountGuess | None:
    """Return the marks of a column's texts, none of them blank; None if too few of them are amounts."""
    distinct = list(dict.fromkeys(texts))
    has_sides = any(map(_SIDE.search, distinct))
    read = {marks: {text: read_amount(text, *marks, has_sides=has_sides) for text in distinct} for marks in _MARKS}
    marks = max(_MARKS, key=lambda pair: sum(written is not None for written in read[pair].values()))
    amounts = {text: written for text, written in read[marks].items() if written is not None}
    count = sum(text in amounts for text in texts)
    if not amounts or not _is_enough(count, len(texts)) or not any(c.isdigit() for text in amounts for c in text):
        return None
    is_proven = any(written.proves_marks for written in amounts.values())
    ambiguous = next((text for text, written in amounts.items() if written.is_ambiguous), "")
    currencies = dict.fromkeys(mark for written in amounts.values() for mark in written.marks)
    unread = next((text for text in distinct if text not in amounts), "")
    decimal, thousands = marks
    written_as = APOSTROPHES if thousands == "'" else thousands
    if written_as and not any(mark in text for text in amounts for mark in written_as):
        thousands = None  # it is in none of the samples
    if thousands is None and is_proven and all(abs(written.value) < _THOUSAND for written in amounts.values()):
        thousands = _OTHER_MARKS[decimal]  # none of the samples could have it
    return AmountGuess(
        decimal,
        thousands,
        unread,
        "" if is_proven else ambiguous,
        tuple(currencies),
        has_sides,
        _unsure_side(amounts),
    )
