"""The year of headers that name a period: the one that they lack, and the fiscal calendar of those that have one.

Belongs here: a column of years, the file's name, titles. Does not belong here: which headers name periods (see
`period_columns`), dates of other files (see `dates_of_lines`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from finance_platform.feeds.descriptor import UNDECIDED
from finance_platform.feeds.draft.columns import Column, FieldsDraft, best_column
from finance_platform.feeds.draft.parts_of_years import FISCAL
from finance_platform.feeds.draft.period_columns import read_header
from finance_platform.feeds.draft.two_years import TwoYears, years_in
from finance_platform.feeds.draft.weeks import OF_WEEKS
from finance_platform.feeds.header import without_position
from finance_platform.feeds.values.dates import date_parts, names_two_years, needs_fiscal_calendar, parse_date
from finance_platform.feeds.values.month_names import turn_of_year

_YEAR = re.compile("(?<![0-9])20[0-9]{2}(?![0-9])")
_NUMBERS_OF_MONTHS = ("M", "MM", "'M'M", "'M'MM", "'Month 'M")
"""Patterns of headers that may number the months of the calendar, or the periods of a fiscal year."""

_OF_FISCAL_YEARS = "'FY"
"""How patterns begin that name a fiscal year in words."""


def draft_years_of_headers(
    draft: FieldsDraft, columns: Sequence[Column], file: str, titles: Sequence[str], first_month: int
) -> set[str]:
    """Give the headers of periods of a draft the year that they lack; return the headers of the columns that are used.

    Args:
        draft: with `unpivot` or measures that have dates.
        columns: the columns that no field uses.
        file: the file's name.
        titles: the texts above the header.
        first_month: of the home's fiscal years.
    """
    years = _Years(draft, columns, file, titles, first_month)
    if draft.unpivot:
        years.of_unpivot()
    else:
        years.of_measures()
    return years.used


def single_year(file: str, titles: Sequence[str]) -> str:
    """Return the only year that a file's name or a title names; empty if there is none, or several.

    A fiscal year of two calendar years is none: most of its periods are in the first one, and its name is the second.
    """
    for text in (file, " ".join(titles)):
        if years_in([text]):
            return ""
        years = set(_YEAR.findall(text))
        if years:
            return years.pop() if len(years) == 1 else ""
    return ""


def describe_january(text: str) -> str:
    """Return what a person does about a fiscal year of two calendar years in a home that has none."""
    return (
        f"decide: {text!r} is of a fiscal year that lies in two calendar years, and those of this home begin in "
        "January, so every line will be rejected: set FINANCE_PLATFORM_FISCAL_YEAR_START_MONTH in the home's .env"
    )


class _Years:
    """The years of one draft's headers."""

    def __init__(
        self, draft: FieldsDraft, columns: Sequence[Column], file: str, titles: Sequence[str], first_month: int
    ) -> None:
        self._draft, self._columns, self._file, self._titles = draft, columns, file, titles
        self._first_month = first_month
        self.used: set[str] = set()

    def of_unpivot(self) -> None:
        """Give the headers of `unpivot` their year, or the calendar of the year that they have."""
        unpivot, date = self._draft.unpivot, self._draft.fields["date"]
        formats = date.values["formats"]
        if unpivot is None:
            return
        headers = [header for name in unpivot["columns"] if (header := read_header(name))]
        if any(header.has_year for header in headers):
            self._calendar_of_years(formats, unpivot["columns"][0])
            return
        months = [header.day.month for header in headers]
        two_years = years_in([self._file]) or years_in(self._titles)
        are_periods = all(pattern.startswith(("'P'M", "'Period 'M")) for pattern in formats)
        if are_periods or (two_years and all(pattern in _NUMBERS_OF_MONTHS for pattern in formats)):
            formats = [pattern.replace("M", "P") if pattern != "'M'M" else "'M'P" for pattern in formats]
        if are_periods or two_years or turn_of_year(months) is not None:
            date.values |= {"formats": formats, "calendar": "fiscal"}
            date.comment = FISCAL
        elif all(pattern in _NUMBERS_OF_MONTHS for pattern in formats):
            periods = ", ".join(pattern.rstrip("M") + "P" for pattern in formats)
            date.comment = f"decide: formats: [{periods}] and calendar: fiscal if these are periods of a fiscal year"
        column = best_column(["year"], self._columns)
        if column is not None and all(parse_date(text, ("yyyy",)) for text in column.texts):
            self.used.add(column.name)
            unpivot["year"] = {"column": column.name}
        elif two_years:
            self._of_two_years(two_years)
        elif len(set(_YEAR.findall(self._file))) == 1:
            unpivot["year"] = {"from_name": "(20[0-9]{2})"}
        elif year := single_year(self._file, self._titles):
            unpivot["year"] = year
            self._draft.decisions.append(f"The headers have no year; {year} in unpivot.year is that of the title.")
        else:
            unpivot["year"] = UNDECIDED
            self._draft.decisions.append(
                "The headers have no year. Give it in unpivot.year: a year such as 2025, {column: …} or {from_name: …}."
            )

    def _calendar_of_years(self, formats: Sequence[str], header: str) -> None:
        """Give headers with a year the fiscal calendar, if the year is a fiscal one."""
        date = self._draft.fields["date"]
        if any("week" in date_parts(pattern) for pattern in formats):
            date.comment = OF_WEEKS
        elif any(needs_fiscal_calendar(one) or _OF_FISCAL_YEARS in one for one in formats):
            date.values["calendar"] = "fiscal"
            is_unknown = self._first_month == 1 and any(map(names_two_years, formats))
            date.comment = describe_january(header) if is_unknown else FISCAL

    def _of_two_years(self, years: TwoYears) -> None:
        """Give headers without a year the fiscal year that the file's name or a title names, such as 2024/25."""
        unpivot = self._draft.unpivot
        if unpivot is None:
            return
        if self._first_month == 1:
            unpivot["year"] = UNDECIDED
            self._draft.decisions.append(
                f"The headers have no year, and {years.text!r} is a fiscal year that lies in two calendar years, while "
                "those of this home begin in January. Set FINANCE_PLATFORM_FISCAL_YEAR_START_MONTH in the home's .env "
                f"and write {years.year} in unpivot.year."
            )
            return
        unpivot["year"] = years.year
        self._draft.year = years.text
        self._draft.decisions.append(
            f"The headers have no year; {years.year} in unpivot.year is the fiscal year {years.text}. A file of "
            "another year needs a descriptor of its own, with a path of its own."
        )

    def of_measures(self) -> None:
        """Give columns such as `Jan Actual` and `Apr Forecast` the only year that the file's name or a title names.

        Without one, their dates have a place for it, so that nothing but the year is left to a person.
        """
        periods = self._draft.periods
        headers = {name: periods.get(name) or read_header(without_position(name)) for name in self._draft.measures}
        for name, header in headers.items():
            if header and header.has_year and header.is_fiscal:
                day = parse_date(header.text, (header.pattern,), self._first_month)
                self._draft.measures[name]["date"] = day.isoformat() if day else UNDECIDED
        months = [header.day.month for header in headers.values() if header and not header.has_year]
        if not months:
            return
        year = "" if turn_of_year(months) is not None else single_year(self._file, self._titles)
        for name, header in headers.items():
            if header and not header.has_year:
                self._draft.measures[name]["date"] = f"{year or UNDECIDED}-{header.day.month:02d}-01"
        if year:
            self._draft.year = year
            self._draft.rows_comment += (
                f"; the headers have no year, and {year} is that of the file's name or title, so a file of another "
                "year needs a descriptor of its own"
            )
        else:
            self._draft.decisions.append(
                f"The headers have no year. Write it in place of {UNDECIDED} in each date of measures, such as "
                f"2025-{months[0]:02d}-01."
            )
