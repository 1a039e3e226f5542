"""Days such as 01/05/2025: whether the first number is the day or the month, by another column or by a title.

Belongs here: comparing the two readings with the period of each row, and with the months that titles name. Does not
belong here: patterns (see `values`), which column is the date (see `dates_of_lines`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from finance_platform.feeds.draft.columns import Column, best_column
from finance_platform.feeds.draft.values import DateGuess
from finance_platform.feeds.values.dates import parse_date
from finance_platform.feeds.values.header_words import rank
from finance_platform.feeds.values.month_names import named_months

_MONTHS = frozenset(map(str, range(1, 13)))
_LEAST_FIRST_DAYS = 6
"""Days that are the first ones of months, from which they are those of a plan by month."""

_LEAST_LINES = 2
_LEAST_MONTHS = 2
"""Different months of the period, of which one alone would agree with a day by chance."""


def settle_day(
    column: Column, guess: DateGuess, columns: Sequence[Column], titles: Sequence[str] = (), *, is_plan: bool = False
) -> DateGuess:
    """Return the reading of a column of dates in one form that agrees with the period of each row; if none does, both.

    Args:
        column: the dates.
        guess: how they are read.
        columns: those of the file.
        titles: the file's name, and the texts above the header.
        is_plan: whether a name says that the file has a plan.
    """
    if not guess.other or len(guess.formats) > 1:
        return guess
    guess = _settle_by_titles(column, _settle_first_days(column, guess, is_plan=is_plan), titles)
    months = _months_of_periods(best_column(["period"], [one for one in columns if one is not column]))
    if len(set(filter(None, months))) < _LEAST_MONTHS:
        return guess
    pairs = [(text, month) for text, month in zip(column.cells, months, strict=True) if text and month]
    agreeing = [
        pattern
        for pattern in (guess.formats[0], guess.other)
        if all((day := parse_date(text, (pattern,))) and day.month == month for text, month in pairs)
    ]
    return replace(guess, formats=(agreeing[0],), other="") if len(agreeing) == 1 else guess


def column_in_period(column: Column, columns: Sequence[Column], first_month: int) -> Column:
    """Return the column of dates that agrees with the period of each row, if the best one by its name does not.

    A day on which lines were entered may be in another month than the one in which they count.

    Args:
        column: the dates that fit best by their name.
        columns: those of the file.
        first_month: of the home's fiscal years; numbers of periods may count from it, or from January.
    """
    period = best_column(["period"], [one for one in columns if one is not column])
    countings = [_months_of_periods(period, first) for first in (1, first_month)]

    def is_in_period(dates: Column) -> bool:
        return any(_agrees(dates, months) for months in countings)

    if not any(countings[0]) or is_in_period(column):
        return column
    others = (one for one in columns if one is not column and one.dates and rank("date", one.name) is not None)
    return next(filter(is_in_period, others), column)


def _agrees(column: Column, months: Sequence[int]) -> bool:
    """Return whether each day is in the month that the period of its row says."""
    if column.dates is None or column.dates.other or column.blanks:
        return False
    days = [parse_date(text, column.dates.formats) for text in column.cells]
    return all(day and day.month == month for day, month in zip(days, months, strict=True) if month)


def _settle_by_titles(column: Column, guess: DateGuess, titles: Sequence[str]) -> DateGuess:
    """Return the reading under which all days are in the months that a title names, if one is; a person confirms it."""
    for months in filter(None, map(named_months, titles)):
        agreeing = [
            pattern
            for pattern in (guess.formats[0], guess.other)
            if all((day := parse_date(text, (pattern,))) and day.month in months for text in column.texts)
        ]
        if agreeing == [guess.other]:
            return replace(guess, formats=(guess.other,), other=guess.formats[0])
    return guess


def _settle_first_days(column: Column, guess: DateGuess, *, is_plan: bool) -> DateGuess:
    """Return the reading under which all days are the first ones of months that have equally many lines, if one does.

    The other one stays, for a person. A budget with a line for each month has such days; the first days of a January
    with equally many lines each, of two or more, are unlikely in a ledger.
    """
    counts = Counter(column.texts)
    least = 1 if is_plan else _LEAST_LINES
    if len(counts) < _LEAST_FIRST_DAYS or len(set(counts.values())) > 1 or min(counts.values()) < least:
        return guess
    days = [parse_date(text, (guess.other,)) for text in counts]
    if not all(day and day.day == 1 for day in days):
        return guess
    return replace(guess, formats=(guess.other,), other=guess.formats[0])


def _months_of_periods(period: Column | None, first_month: int = 1) -> list[int]:
    """Return the month of the year that a column of periods says in each row, 0 where it says none.

    Args:
        period: the column, if there is one.
        first_month: the month that the number 1 is.
    """
    if period is None:
        return []
    if period.texts and all(text.lstrip("0") in _MONTHS for text in period.texts):
        return [(int(text) + first_month - 2) % 12 + 1 if text else 0 for text in period.cells]
    formats = period.dates.formats if period.dates else ()
    days = [parse_date(text, formats) if text and formats else None for text in period.cells]
    return [day.month if day else 0 for day in days]
