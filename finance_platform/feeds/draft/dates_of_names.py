"""The date of a draft's lines where no column has it: by the names of the sheets, or by the file's name.

Belongs here: forms of months and quarters in names, and asking a person where a name has none. Does not belong here:
dates in columns (see `dates_of_lines`), the year of titles and names (see `years_of_headers`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from finance_platform.feeds.draft.columns import (
    Column,
    FieldDraft,
    FieldsDraft,
    best_column,
    describe_days,
    headers_of_amount,
)
from finance_platform.feeds.draft.parts_of_years import first_day
from finance_platform.feeds.draft.values import years_before_months
from finance_platform.feeds.draft.weeks import describe_lone_weeks, lone_week_pattern
from finance_platform.feeds.draft.years_of_headers import single_year
from finance_platform.feeds.file_names import value_from_name
from finance_platform.feeds.values.dates import parse_date
from finance_platform.feeds.values.month_names import named_months, read_month

_SHORT = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_LONG = "january|february|march|april|may|june|july|august|september|october|november|december"
_NAMES = (
    ("(20[0-9]{2})[-_ .]?(0[1-9]|1[0-2])", "{1}-{2}", "yyyy-MM", "the month"),
    *(
        (f"(?i)(?:^|[^a-z])({months})[-_ ]+[a-z]+[-_ ]*(20[0-9]{{2}})", "{1} {2}", written, "the first month")
        for months, written in ((_SHORT, "MMM yyyy"), (_LONG, "MMMM yyyy"))
    ),
    *(
        (f"(?i)(?:^|[^a-z])({months})[-_ .]*(20[0-9]{{2}})", "{1} {2}", written, "the month")
        for months, written in ((_SHORT, "MMM yyyy"), (_LONG, "MMMM yyyy"))
    ),
    ("(?i)(20[0-9]{2})[-_ .]*q([1-4])", "{1} Q{2}", "yyyy QQQ", "the quarter"),
    ("(?i)(?:^|[^a-z])q([1-4])[-_ .]*(20[0-9]{2})", "Q{1} {2}", "QQQ yyyy", "the quarter"),
)
"""What a file's name may say of its dates: pattern, template, format, and the word for it."""

_MONTH = "(?:20[0-9]{2}[./](?:0[1-9]|1[0-2])|(?:0[1-9]|1[0-2])[./]20[0-9]{2})"
_DAY = r"(?:[0-3][0-9]\.)?"
_SPAN = re.compile(f"(?<![0-9]){_DAY}(?P<first>{_MONTH}) ?(?:-|–|to|bis|au|al) ?{_DAY}(?P<last>{_MONTH})(?![0-9])")
"""Two months, or days of them, as a report names the time that its amounts are of."""

_TWO_DIGITS, _SEVERAL = 2, 2


def draft_months_of_sheets(draft: FieldsDraft, file: str, titles: Sequence[str], sheets: Sequence[str]) -> bool:
    """Take the date from the names of the sheets, if each is called like a month; return whether they are.

    Args:
        draft: gets the date.
        file: the file's name.
        titles: the texts above the header.
        sheets: the names of the sheets.
    """
    months = [(name, month) for name in sheets if (month := read_month(name))]
    if not months or len(months) < len(sheets):
        return False
    for pattern, template, written, _ in _NAMES:
        texts = [value_from_name(pattern, template, name) for name, _ in months]
        if all(text and parse_date(text, (written,)) for text in texts):
            values: dict[str, Any] = {"from_name": pattern, "template": template, "formats": [written]}
            draft.fields["date"] = FieldDraft(values, "the month in the sheet's name")
            return True
    year = single_year(file, titles)
    days = {name: first_day(month.year or year, month.month) for name, month in months}
    values = {"from_name": "^.+$", "map": days}
    comment = "decide: the day of the lines of each sheet, by its name; a sheet that is not listed is rejected"
    draft.fields["date"] = FieldDraft(values, comment)
    return True


def month_of_name(file: str) -> tuple[dict[str, Any], str] | None:
    """Return the keys of a date that a file's name has, and what it is; None if it has none."""
    for pattern, template, written, period in _NAMES:
        text = value_from_name(pattern, template, file)
        if text and parse_date(text, (written,)):
            values = {"from_name": pattern, "template": template, "formats": [written]}
            return values, f"{period} in the file's name"
    return None


def draft_date_of_name(draft: FieldsDraft, columns: Sequence[Column], file: str, titles: Sequence[str]) -> None:
    """Take the date from the file's name; a person decides where the name has none.

    Args:
        draft: gets the date, or what a person has to decide.
        columns: the columns that no field uses.
        file: the file's name.
        titles: the texts above the header.
    """
    named = best_column(["date", "period"], columns)
    hint = single_year(file, titles)
    week = next((column for column in columns if lone_week_pattern(column.texts)), None)
    if named is not None and named is not week:
        draft.decisions.append(
            f"{named.name!r} looks like a date by its name, but {named.sample!r} is not one; "
            f"give its form in columns.date.formats{_describe_numbers(named, hint)}."
        )
    # Lines of several periods are not all of the month in the file's name.
    of_name = month_of_name(file) if named is None or len(set(named.texts)) < _SEVERAL else None
    if of_name:
        values, comment = of_name
        if several := _months_named_by([*titles, *headers_of_amount(draft)]):
            comment = (
                f"decide: {comment}, but {several!r} names several: export a report for each month, or keep it if the "
                "amounts are of that month alone"
            )
        draft.fields["date"] = FieldDraft(values, comment)
        return
    if week is not None:
        draft.decisions.append(describe_lone_weeks(week.name, week.texts, hint))
    draft.decide_constant(
        "date",
        "No column was recognized as the date. Name its column in columns.date and remove constants.date, or give "
        f"there the day of every line, such as {hint or 2025}-01-31{describe_days(titles)}. If each month has a file "
        f"of its own, give it a name with its month, such as costs_{hint or 2025}-01, and draft again: the draft then "
        "reads the month from the name.",
    )


def _months_named_by(texts: Sequence[str]) -> str:
    """Return the first text that names several months, such as 2025.01-2025.03; empty if none does."""
    found = (text for text in texts if len(named_months(text)) > 1 or any(map(_is_span, _SPAN.finditer(text))))
    return " ".join(next(found, "").split())


def _is_span(match: re.Match[str]) -> bool:
    return match["first"] != match["last"]


def _describe_numbers(column: Column, year: str) -> str:
    """Return the two forms of texts such as 25-Jan, of which the number may be a year or a day; empty for others."""
    pattern = years_before_months(column.texts)
    if not pattern:
        return ""
    number, source = column.sample[:_TWO_DIGITS], json.dumps(f"{year or 2025} {{{column.name}}}", ensure_ascii=False)
    days = f"from: {source}, formats: [yyyy {pattern.replace('yy', 'd', 1)}]"
    return f": [{pattern}] if {number} is the year; if it is the day, write columns.date: {{{days}}} with its year"
