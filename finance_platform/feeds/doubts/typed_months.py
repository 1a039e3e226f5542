"""Months that were typed as `Jan-25`, which a spreadsheet takes for the 25th of January of the year of that day.

Belongs here: recognizing such days in headers and in columns of months, and the words that hold the delivery. Does not
belong here: formats of cells (see `files.number_formats`), days whose day and month were swapped (see `day_doubts`).

The cell displays 25-Jan, which looks like what was typed, and counts in January of another year.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta

from finance_platform.feeds.cells import FieldSource, describe_place
from finance_platform.feeds.files.displayed_units import Displayed
from finance_platform.feeds.files.number_formats import Kind
from finance_platform.feeds.files.tables import Table
from finance_platform.feeds.resolved import ReadingRules
from finance_platform.feeds.values.codes import clean, fold
from finance_platform.feeds.values.dates import date_parts
from finance_platform.feeds.values.header_words import WORDS, plain_name

_CENTURY = 100
_NEAR_YEARS = 3
"""Years before or after that of the cells for which people plan or report."""

_LEAST_MONTHS = 2
_MONTHS = frozenset(WORDS["period"])
_FIX = (
    "enter the months again with the year in four digits, such as 2025-01, or format the cells as text first; if these "
    "days are right, accept the file"
)


def find_doubts(
    table: Table, rules: ReadingRules, sources: Mapping[str, FieldSource], cells: Collection[str] = ()
) -> dict[str, str]:
    """Return why months may be those of another year, with what to do about it.

    Args:
        table: the table.
        rules: of the feed.
        sources: where the fields of its lines come from.
        cells: the headers of the cells of which each gives a line.
    """
    doubts: dict[str, str] = {}
    unpivot = rules.unpivot
    if unpivot and unpivot.into in {"date", "period"} and (headers := _yearless(table, cells)):
        days = {day for _, one in headers for day in one.days if str(day) not in unpivot.header_map}
        if _are_typed_months(days, _LEAST_MONTHS):
            doubts |= _describe(f"{len(headers):,} headers", days)
    for field in ("date", "period"):
        for name, one in _yearless(table, sources[field].headers if field in sources else ()):
            days = {day for day in one.days if str(day) not in rules.fields[field].value_map}
            if _is_of_months(field, name, rules) and _are_typed_months(days, 1):
                place = describe_place(table.sheet, one.first_row)
                doubts |= _describe(f"{one.cells:,} cells of {clean(name)!r}, first on {place},", days)
    return doubts


def _yearless(table: Table, headers: Collection[str]) -> list[tuple[str, Displayed]]:
    """Return the columns of these headers that have days without a displayed year, with these days."""
    wanted = {fold(name) for name in headers}
    return [
        (name, one)
        for position, name in enumerate(table.header)
        if fold(name) in wanted
        for one in table.displayed.get(position, ())
        if one.mark.kind is Kind.YEARLESS
    ]


def _describe(what: str, days: Iterable[date]) -> dict[str, str]:
    day = min(day for day in days if day.day != day.year % _CENTURY)
    return {
        f"{what} are days such as {day}, which is displayed as {day:%d-%b} and counts in {day.year}: a spreadsheet "
        f"takes {day:%b-%d}, entered for a month of 20{day:%d}, for such a day": _FIX
    }


def _is_of_months(field: str, header: str, rules: ReadingRules) -> bool:
    """Return whether a column has months by its name or by the formats of the descriptor."""
    patterns = rules.fields[field].formats
    is_without_days = bool(patterns) and not any("day" in date_parts(pattern) for pattern in patterns)
    return is_without_days or plain_name(header) in _MONTHS


def _are_typed_months(days: Iterable[date], least: int) -> bool:
    """Return whether days are those that years of two digits give: each in several months, of some other year."""
    months: dict[int, set[int]] = defaultdict(set)
    is_another_year = has_other_day = False
    for day in days:
        years = (day.day - day.year % _CENTURY) if day.day > 1 else _CENTURY
        if abs(years) > _NEAR_YEARS:
            return False
        months[day.day].add(day.month)
        is_another_year |= years != 0
        has_other_day |= (day + timedelta(1)).month == day.month
    return is_another_year and has_other_day and all(len(of_day) >= least for of_day in months.values())
