"""Columns of periods: which headers of a wide file name a month, a quarter or a year, and how `unpivot` reads them.

Belongs here: single headers, and choosing among them. Does not belong here: the year of headers that have none (see
`money`), texts of cells (see `values`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise

from finance_platform.feeds.draft.two_years import patterns_of
from finance_platform.feeds.draft.values import FISCAL_PERIODS, MONTHS_ENDED, SHORT_FISCAL_PERIODS, read_day
from finance_platform.feeds.draft.weeks import THURSDAY, week_pattern
from finance_platform.feeds.header import without_position
from finance_platform.feeds.values.dates import names_no_month, names_part_of_year, needs_fiscal_calendar, parse_date
from finance_platform.feeds.values.header_words import plain_name
from finance_platform.feeds.values.month_names import is_total_name, read_month
from finance_platform.feeds.values.quarter_words import plain_quarter, read_half

_DATED = {
    "month": (
        "MMM yyyy", "MMMM yyyy", "MMM-yyyy", "MMMM-yyyy", "MMM-yy", "MMM yy", "MMM''yy", "MMM/yyyy", "MMM.yyyy",
        "yyyy-MM", "yyyyMM", "yyyy/MM", "yyyy.MM", "MM/yyyy", "MM.yyyy", "MM-yyyy", "yyyy MMM", "yyyy-MMM", "yyyy MMMM",
        "yyyy-MM-dd", "dd.MM.yyyy", "dd/MM/yyyy", "MM/dd/yyyy", "dd-MMM-yyyy", "dd-MMM-yy", "d MMM yyyy",
        *(pattern for pattern in FISCAL_PERIODS if not pattern.isalpha()), *SHORT_FISCAL_PERIODS,
        *MONTHS_ENDED,
    ),
    "quarter": (
        "QQQ yyyy", "QQQ-yyyy", "QQQ/yyyy", "QQQyyyy", "QQQ yy", "QQQ''yy", "QQQ-yy", "yyyy QQQ", "yyyy-QQQ", "yyyyQQQ",
        "yyyy/QQQ", "QQQ/yy", "Q'Q'yy", "Q'Q'yyyy", "QQQ 'FY'yyyy", "'FY'yyyy QQQ", "QQQ 'FY'yy", "'FY'yy QQQ",
    ),
    "year": ("yyyy", "'FY'yyyy", "'FY' yyyy", "'FY'yy"),
}  # fmt: skip
"""Patterns of headers with a year, by what they name."""

_YEARLESS = {
    "month": ("MMM", "MMMM", "'P'M", "'P'MM", "'M'M", "'M'MM", "'Period 'M", "'Period 'MM", "'Month 'M", "M", "MM"),
    "quarter": ("QQQ", "'Quarter 'Q"),
}
_SHORT_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LETTERS = {"a": "Actual", "b": "Budget", "f": "Forecast"}
"""Words of one letter, which are scenarios behind a period alone: Jan-25 A."""

_SCENARIOS = {
    "actual": "Actual", "actuals": "Actual", "act": "Actual", "ist": "Actual", "budget": "Budget", "bud": "Budget",
    "plan": "Budget", "soll": "Budget", "forecast": "Forecast", "fcst": "Forecast", "outlook": "Forecast",
}  # fmt: skip
_NUMBERED_AMOUNT = re.compile(
    "(?:amount|amt|budget|budget amount|value|betrag|montant|importe|importo|bedrag|hsl|period amount)"
    " ?(?P<number>0?[1-9]|1[0-2])"
)
"""Headers as `plain_name` writes them that number the amounts of a year's periods: Amount 1 to Amount 12."""

_OF_YEAR = re.compile("(?:19|20)[0-9]{2}")
_QUARTER_OVER = re.compile(
    "(?i)(?:q(?P<first>[1-4])(?:[ /'-]*(?P<year>20[0-9]{2}))?|(?P<before>20[0-9]{2})[ /-]*q(?P<last>[1-4])) "
)
"""A quarter over its months, as merged cells of a header have it."""

_MONTHS_OF_QUARTER = 3
_PERIODS_OF_YEAR = 12
_MIN_COLUMNS = 2
_SHORT_NUMBER = len("01.26")
_MIN_NUMBERS = 6
"""Headers such as 1, 2, 3 from which they are taken for months."""


@dataclass(frozen=True)
class PeriodHeader:
    """A header that names a period.

    Attributes:
        unit: month, week, quarter, half or year.
        day: its first day; without a year, that of the year 2000.
        pattern: the pattern that reads it, without the year if it has none.
        text: the text that the pattern reads; it differs from the header where `map` must translate it.
        has_year: whether it names a year.
        scenario: the scenario beside the period; empty if there is none.
    """

    unit: str
    day: date
    pattern: str
    text: str
    has_year: bool
    scenario: str = ""

    @property
    def is_fiscal(self) -> bool:
        """Whether its year is a fiscal one, so that its day depends on the home."""
        return needs_fiscal_calendar(self.pattern) if self.has_year else False


@dataclass(frozen=True)
class PeriodColumns:
    """The columns of a file with a column per period, all of one unit.

    Attributes:
        headers: header to what it names.
        others: headers of coarser periods, which are totals of these.
        unclear: headers of the same unit that have a year where these have none, or the other way round.
    """

    headers: dict[str, PeriodHeader]
    others: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)

    @property
    def has_year(self) -> bool:
        """Whether the headers name a year."""
        return next(iter(self.headers.values())).has_year

    @property
    def unit(self) -> str:
        """What they name."""
        return next(iter(self.headers.values())).unit

    @property
    def scenarios(self) -> set[str]:
        """The scenarios that they name; empty if they name none."""
        return {header.scenario for header in self.headers.values()} - {""}

    @property
    def formats(self) -> list[str]:
        """The patterns that read them."""
        return list(dict.fromkeys(header.pattern for header in self.headers.values()))

    @property
    def header_map(self) -> dict[str, str]:
        """The texts that the patterns read, of headers that they do not read as they are."""
        return {name: header.text for name, header in self.headers.items() if header.text != name}


@lru_cache(maxsize=4096)
def read_header(name: str) -> PeriodHeader | None:
    """Return the period that a header names, alone or beside a scenario; None if it names none."""
    words = name.split()
    scenario = next((_SCENARIOS[word.lower()] for word in words if word.lower() in _SCENARIOS), "")
    text = " ".join(word for word in words if word.lower() not in _SCENARIOS) if scenario else name
    if not scenario and len(words) > 1 and (letter := _LETTERS.get(words[-1].lower())):
        before = " ".join(words[:-1])
        if header := _dated(before, letter):
            return header if header.unit != "year" else None
    return (
        _dated(text, scenario)
        or _yearless(text, scenario)
        or _in_quarter(text, scenario)
        or _translated(text, scenario)
    )


def read_scenario(text: str) -> str:
    """Return the scenario that a heading names, alone or before a year; empty if it names none."""
    words = text.split()
    others = [word for word in words[1:] if not word.isdigit()]
    return _SCENARIOS.get(words[0].lower(), "") if words and not others else ""


def names_scenarios(cells: Sequence[str]) -> bool:
    """Return whether a header has two scenarios, each without a month."""
    words = [cell.strip().lower() for cell in cells]
    return len({_SCENARIOS[word] for word in words if word in _SCENARIOS}) >= _MIN_COLUMNS


def periods_over(cells: Sequence[str], width: int) -> dict[int, str]:
    """Return the month over each column of a header, by position: each stands for the columns up to the next one.

    Args:
        cells: the row above the header.
        width: how many columns the header has.

    Returns:
        Nothing if the row has another text than months and totals, or a single one, which is a title.
    """
    texts = {place: cell.strip() for place, cell in enumerate(cells[:width]) if cell.strip()}
    headers = [read_header(text) for text in texts.values() if not is_total_name(text)]
    if len(headers) < _MIN_COLUMNS or not all(one and one.unit == "month" and one.has_year for one in headers):
        return {}
    over: dict[int, str] = {}
    for place in range(min(texts), width):
        over[place] = texts.get(place) or over[place - 1]
    return over


def years_over(cells: Sequence[str], names: Sequence[str]) -> dict[int, str]:
    """Return the year over each column of a header, by position: each stands for the columns up to the next one.

    Args:
        cells: the row above the header.
        names: the header, whose periods have no year.

    Returns:
        Nothing if the row has another text than years and totals, the first of them is not over the first period, or
        periods of one year do not follow each other.
    """
    texts = {
        place: _year_over(cell.strip(), names[place]) for place, cell in enumerate(cells[: len(names)]) if cell.strip()
    }
    years = {place for place, text in texts.items() if _OF_YEAR.fullmatch(text)}
    periods = [place for place, name in enumerate(names) if (header := read_header(name)) and not header.has_year]
    if not (years and periods and min(texts) == min(years) == periods[0]) or not all(
        map(is_total_name, texts.values())
    ):
        return {}  # to `is_total_name`, a year alone is one
    over: dict[int, str] = {}
    for place in range(periods[0], len(names)):
        over[place] = texts.get(place) or over[place - 1]
    read = [read_header(f"{over[place]} {names[place]}") for place in periods]
    if not all(one and one.has_year for one in read):
        return {}
    days = [one.day for one in read if one]
    # A year over October to March is a fiscal one, of which only the home knows the calendar.
    return {place: over[place] for place in periods} if days == sorted(set(days)) else {}


def _year_over(text: str, name: str) -> str:
    """Return the year of a quarter over a month of it; any other text as it is."""
    header = _in_quarter(f"{text} {name}", "")
    return str(header.day.year) if header and header.has_year else text


def _in_quarter(text: str, scenario: str) -> PeriodHeader | None:
    """Return the month of a quarter before it: Q1 2025 Jan, Q1 Jan; None if it is none, or one of another quarter."""
    quarter = _QUARTER_OVER.match(text)
    header = _yearless(text[quarter.end() :].strip(), scenario) if quarter else None
    if not quarter or header is None or header.unit != "month":
        return None
    if (header.day.month - 1) // _MONTHS_OF_QUARTER + 1 != int(quarter["first"] or quarter["last"]):
        return None  # of a fiscal year
    if not (year := quarter["year"] or quarter["before"]):
        return header
    day = header.day.replace(year=int(year))
    return PeriodHeader("month", day, "yyyy-MM", f"{day:%Y-%m}", has_year=True, scenario=scenario)


def scenarios_over(cells: Sequence[str], width: int) -> dict[int, str]:
    """Return the scenario over each column of a header, by position: each stands for the columns up to the next one.

    Args:
        cells: the row above the header.
        width: how many columns the header has.

    Returns:
        None if the row has another text than scenarios, or a single scenario, which is a title.
    """
    texts = {place: cell.split() for place, cell in enumerate(cells[:width]) if cell.strip()}
    named = {place: _SCENARIOS.get(words[0].lower(), "") for place, words in texts.items()}
    if not all(named.values()) or len(set(named.values())) < _MIN_COLUMNS:
        return {}
    over: dict[int, str] = {}
    for place in range(min(named), width):
        over[place] = named.get(place) or over[place - 1]
    return over


def is_period(name: str) -> bool:
    """Return whether a header names a month or a quarter; four digits and 01.26 may be any number."""
    header = read_header(name)
    is_numbered = _NUMBERED_AMOUNT.fullmatch(plain_name(name)) is not None
    return header is not None and header.unit != "year" and not (name.isdigit() or _is_number(name) or is_numbered)


def find_period_columns(
    names: Sequence[str],
    *,
    are_alone: bool,
    distinguished: Collection[str] = (),
    over: Mapping[str, str] | None = None,
) -> PeriodColumns | None:
    """Return the columns of periods among those with amounts; None if the file has none.

    Args:
        names: the headers of the columns with amounts.
        are_alone: whether the file has no other column with amounts; then one column is enough.
        distinguished: those that share a name and have different scenarios in the row above the header. They are read
            without the position that their names have; others of one name may be two amounts of the same month.
        over: the months in the row above the header, by header, where that names scenarios alone.
    """
    texts = {name: without_position(name) if name in distinguished else name for name in names}
    texts |= {
        name: f"{month} {without_position(name)}"
        for name, month in (over or {}).items()
        if name in texts and not _in_quarter(name, "")
    }
    found = {name: header for name, text in texts.items() if (header := read_header(text))}
    for unit in ("month", "week", "quarter", "half", "year"):
        for has_year in (True, False):
            headers = {
                name: header for name, header in found.items() if (header.unit, header.has_year) == (unit, has_year)
            }
            if _is_series(headers, are_alone=are_alone):
                same = [name for name, header in found.items() if header.unit == unit and name not in headers]
                return PeriodColumns(
                    headers, [name for name in found if name not in headers and name not in same], same
                )
    return None


def _is_series(headers: dict[str, PeriodHeader], *, are_alone: bool) -> bool:
    days = {header.day for header in headers.values()}
    if any(_is_number(name) for name in headers) and not _are_close([header.day for header in headers.values()]):
        return False
    numbers = [name for name in headers if name.isdigit() and not headers[name].has_year]
    if numbers and (len(numbers) < _MIN_NUMBERS or date(2000, 1, 1) not in days):
        return False
    numbered = [name for name in headers if _NUMBERED_AMOUNT.fullmatch(plain_name(name))]
    if numbered and (len(numbered) != len(headers) or len(days) != _PERIODS_OF_YEAR):
        return False  # two amounts of a line, which are numbered
    is_certain = are_alone and len(headers) == 1 and not next(iter(headers)).isdigit()
    return len(days) >= _MIN_COLUMNS or (is_certain and all(header.has_year for header in headers.values()))


def _is_number(name: str) -> bool:
    """Return whether a header such as 01.26 may be an amount as well."""
    return len(name) == _SHORT_NUMBER and name[2] in ".," and (name[:2] + name[3:]).isdigit()


def _are_close(days: Sequence[date]) -> bool:
    """Return whether days ascend and lie close together, as those of months do and amounts seldom do."""
    months = [day.year * 12 + day.month for day in days]
    ascends = all(earlier < later for earlier, later in pairwise(months))
    return len(months) >= _MIN_COLUMNS and ascends and months[-1] - months[0] <= 2 * len(months)


def _dated(text: str, scenario: str) -> PeriodHeader | None:
    for unit, patterns in _DATED.items():
        for pattern in patterns:
            day = parse_date(text, (pattern,))
            if day and 1990 <= day.year < 2100 and (day.day == 1 or (day + timedelta(1)).day == 1):
                return PeriodHeader(unit, day.replace(day=1), pattern, text, has_year=True, scenario=scenario)
    if (week := week_pattern([text])) and (day := parse_date(text + THURSDAY, (week,))):
        return PeriodHeader("week", day, week, text + THURSDAY, has_year=True, scenario=scenario)
    for pattern in patterns_of(text):
        if day := read_day(text, (pattern,)):
            return PeriodHeader(_unit(pattern), day, pattern, text, has_year=True, scenario=scenario)
    return None


def _half(text: str, scenario: str) -> PeriodHeader | None:
    """Return half a year of the calendar, which no pattern reads: as the text of its first month."""
    half = read_half(text)
    if half is None:
        return None
    year, month = half
    if year:
        return PeriodHeader("half", date(year, month, 1), "yyyy-MM", f"{year}-{month:02d}", True, scenario)
    return PeriodHeader("half", date(2000, month, 1), "MMM", _SHORT_MONTHS[month - 1], False, scenario)


def _unit(pattern: str) -> str:
    """Return what a pattern of a fiscal year of two calendar years names."""
    if names_no_month(pattern):
        return "year"
    return "quarter" if names_part_of_year(pattern) else "month"


def _yearless(text: str, scenario: str) -> PeriodHeader | None:
    for unit, patterns in _YEARLESS.items():
        for pattern in patterns:
            day = parse_date(f"2000 {text}", (f"yyyy {pattern}",))
            if day:
                return PeriodHeader(unit, day, pattern, text, has_year=False, scenario=scenario)
    return None


def _translated(text: str, scenario: str) -> PeriodHeader | None:
    """Return the period of a header whose month is written in another way than those that patterns read."""
    if quarter := plain_quarter(text):
        return _dated(quarter, scenario) or _yearless(quarter, scenario)
    if half := _half(text, scenario):
        return half
    if numbered := _NUMBERED_AMOUNT.fullmatch(plain_name(text)):
        return _yearless(f"P{int(numbered['number'])}", scenario)
    named = read_month(text)
    if named is None:
        return None
    if named.year:
        day = date(named.year, named.month, 1)
        return PeriodHeader("month", day, "yyyy-MM", f"{day:%Y-%m}", has_year=True, scenario=scenario)
    if not named.is_bare:
        return None
    day = date(2000, named.month, 1)
    return PeriodHeader("month", day, "MMM", _SHORT_MONTHS[named.month - 1], has_year=False, scenario=scenario)
