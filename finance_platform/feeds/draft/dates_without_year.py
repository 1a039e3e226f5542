"""The date of a draft's lines where a column has days or periods without their year, and no other column has it.

Belongs here: patterns of such texts, the year that a title or the file's name gives, asking a person for it. Does not
belong here: a year in a column beside them (see `dates_of_lines`), in headers of periods (see `years_of_headers`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from finance_platform.feeds.descriptor import UNDECIDED
from finance_platform.feeds.draft.columns import Column, FieldDraft, FieldsDraft, best_column
from finance_platform.feeds.draft.parts_of_years import FISCAL
from finance_platform.feeds.draft.two_years import years_in
from finance_platform.feeds.draft.values import years_before_months
from finance_platform.feeds.draft.wide_periods import OF_QUARTERS
from finance_platform.feeds.draft.years_of_headers import single_year
from finance_platform.feeds.values.dates import needs_fiscal_calendar, parse_date

_WITHOUT_YEAR = ("yyyy ddMM", "yyyy dMM", "yyyy dd.MM.", "yyyy dd.MM", "yyyy d.M.", "yyyy d.M")
"""Patterns of days and months behind a year: 0503, and 503 where a zero was lost."""

_DAYS_OF_MONTHS = ("yyyy d-MMM", "yyyy d MMM", "yyyy d. MMM", "yyyy d-MMMM", "yyyy d MMMM", "yyyy d. MMMM")
"""Patterns of days behind a year whose months are words: 5-Mar."""

_NUMBERED = ("yyyy M", "yyyy 'M'M", "yyyy 'Month 'M")
_QUARTERS_IN_WORDS = ("yyyy Q'. Quartal'", "yyyy 'Quartal 'Q", "yyyy 'Quarter 'Q")
_PERIODS = (
    *("yyyy MMM", "yyyy MMMM", "yyyy 'P'P", "yyyy 'Period 'P", "yyyy 'AP 'P", "yyyy QQQ", *_NUMBERED, "yyyy PPP"),
    *_QUARTERS_IN_WORDS,
)
_QUARTERS = ("yyyy QQQ", "yyyy Q", *_QUARTERS_IN_WORDS)
"""Patterns of periods behind a year, for a column whose name says that it has periods."""

_LEAST_YEAR = 1990
_TWO_DIGITS, _SEVERAL = 2, 2


def draft_days_without_year(
    draft: FieldsDraft, columns: Sequence[Column], file: str, titles: Sequence[str]
) -> set[str]:
    """Take a column of days and months, such as 0503 in a batch of bookings; return its header, if there is one.

    Args:
        draft: gets the date.
        columns: the columns that no field uses.
        file: the file's name.
        titles: the texts above the header.
    """
    dated = best_column(["date"], columns)
    column = dated or best_column(["period"], columns)
    if column is None or len(set(column.texts)) < _SEVERAL:
        return set()
    patterns = () if years_before_months(column.texts) else _DAYS_OF_MONTHS
    if dated and len({text[:-_TWO_DIGITS] for text in dated.texts}) >= _SEVERAL:
        # Of one beginning, it may be a year: 2501, 2502. Days from 10 on do not show whether others have a zero.
        is_padded = any(text.startswith("0") for text in column.texts)
        patterns = (*(one for one in _WITHOUT_YEAR if is_padded or "dd" not in one), *patterns)
    pattern = next((one for one in patterns if all(parse_date(f"2000 {t}", (one,)) for t in column.texts)), "")
    if not pattern:
        return set()
    year = _year_of_titles(titles) or single_year(file, titles)
    comment = _ask_for_year("days", column, year)
    draft.year = year
    values = {"from": f"{year or UNDECIDED} {{{column.name}}}", "formats": [pattern]}
    draft.fields["date"] = FieldDraft(values, comment)
    return {column.name}


def draft_periods_without_year(
    draft: FieldsDraft, columns: Sequence[Column], file: str, titles: Sequence[str], first_month: int
) -> set[str]:
    """Take a column of periods beside which nothing has a year, such as P01; return its header, if there is one.

    Args:
        draft: gets the date.
        columns: the columns that no field uses.
        file: the file's name.
        titles: the texts above the header.
        first_month: of the home's fiscal years.
    """
    column = best_column(["period", "quarter"], columns)
    if column is None or len(set(column.texts)) < _SEVERAL or best_column(["year"], columns):
        return set()
    # The second quarter is no February.
    patterns = _PERIODS if best_column(["period"], [column]) else _QUARTERS
    pattern = next((one for one in patterns if all(parse_date(f"2000 {t}", (one,)) for t in column.texts)), "")
    if not pattern:
        return set()
    two_years = years_in([file]) or years_in(titles)
    year = single_year(file, titles)
    draft.year = year
    if two_years and first_month > 1:
        year, draft.year = str(two_years.year), two_years.text
    comment = _ask_for_year("periods", column, year)
    values: dict[str, Any] = {"from": f"{year or UNDECIDED} {{{column.name}}}", "formats": [pattern]}
    if two_years or needs_fiscal_calendar(pattern):
        values |= {"formats": [pattern.replace("yyyy", "FFFF")], "calendar": "fiscal"}
        comment = f"{comment}; {FISCAL}"
    elif "Q" in pattern:
        comment = f"{comment}; {OF_QUARTERS}; calendar: fiscal means fiscal quarters"
    elif pattern in _NUMBERED:
        comment += "; formats: [FFFF P] and calendar: fiscal if these are periods of a fiscal year"
    draft.fields["date"] = FieldDraft(values, comment)
    return {column.name}


def _ask_for_year(what: str, column: Column, year: str) -> str:
    known = f"; {year} is that of the title or of the name" if year else ""
    return (
        f"decide: the year of {what} such as {column.sample!r}{known}. A file of another year needs a "
        "descriptor of its own, with a path of its own"
    )


def _year_of_titles(titles: Sequence[str]) -> str:
    """Return the only year of the days that the rows above the header name as digits; empty if there is none."""
    days = [day for text in titles if (day := parse_date(text, ("yyyyMMdd",))) and day.year > _LEAST_YEAR]
    years = {f"{day.year}" for day in days}
    return years.pop() if len(years) == 1 else ""
