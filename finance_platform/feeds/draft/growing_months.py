"""Columns of months of a file that has one more of them each month: the pattern that reads the next ones too.

Belongs here: which files grow, and the pattern. Does not belong here: which headers name months (see `period_columns`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from finance_platform.feeds.doubts.unread_column import escape
from finance_platform.feeds.draft.columns import Column, FieldsDraft
from finance_platform.feeds.draft.period_columns import PeriodHeader, read_header
from finance_platform.feeds.limits import MAX_PATTERN_CHARACTERS
from finance_platform.feeds.values.dates import format_date

_MONTHS_OF_YEAR = 12


def draft_growing_months(
    draft: FieldsDraft, columns: Sequence[Column], first_month: int, others: Sequence[str] = ()
) -> None:
    """Let a draft read the further months of a year, if its file has the first ones and their amounts are actual.

    A plan has all of its months, and one that lacks some was cut off. A month of another year holds the next file.

    Args:
        draft: with every field.
        columns: those of the file.
        first_month: of the home's fiscal years, which such a file has the months of, if its headers have a year.
        others: the periods of other sheets, which a plan may have, too.
    """
    names = draft.unpivot["columns"] if draft.unpivot else []
    others = [name for name in others if names and _unit(name) == _unit(names[0])]
    _draft_months_of_year(draft, columns, first_month, is_needed=bool(others))
    if not all(re.fullmatch(draft.unpivot_pattern, name) for name in others):
        draft.unpivot_pattern = "|".join(map(escape, dict.fromkeys([*names, *others])))


def _unit(name: str) -> str:
    header = read_header(name)
    return header.unit if header else ""


def _draft_months_of_year(draft: FieldsDraft, columns: Sequence[Column], first_month: int, *, is_needed: bool) -> None:
    unpivot, date_of = draft.unpivot, draft.fields.get("date")
    if unpivot is None or date_of is None or unpivot["into"] != "date" or "map" in date_of.values:
        return
    if draft.is_plan and not is_needed:
        return
    names: list[str] = unpivot["columns"]
    headers = [header for name in names if (header := read_header(name)) and header.unit == "month"]
    if len(headers) != len(names):
        return
    months = _months_of_year(headers[0], first_month)
    if not _are_some_of(headers, months):
        return
    forms = (headers[0].pattern, re.sub("(?<!M)M$", "MM", headers[0].pattern))  # M reads P01, too
    written = [[_write(headers[0], form, month) for month in months] for form in forms]
    texts = next((one for one in written if set(names) <= set(one)), written[0])
    pattern = "|".join(map(escape, texts))
    pattern = pattern if set(names) <= set(texts) else f"(?i){pattern}"
    read = [one.name for one in columns if re.fullmatch(pattern, one.name)]
    if read == names and len(pattern) <= MAX_PATTERN_CHARACTERS:
        draft.unpivot_pattern, draft.is_growing = pattern, True


def _months_of_year(header: PeriodHeader, first_month: int) -> list[date]:
    """Return the first days of the months of the year of a header: of a fiscal one, if it names the calendar's."""
    first = first_month if header.has_year and not header.is_fiscal else 1
    year = header.day.year - (header.day.month < first)
    return [date(year + month // 12, month % 12 + 1, 1) for month in range(first - 1, first - 1 + _MONTHS_OF_YEAR)]


def _are_some_of(headers: Sequence[PeriodHeader], months: Sequence[date]) -> bool:
    """Return whether headers are some months of a year in one form, each the one after the month before it."""
    days = [header.day.replace(day=1) for header in headers]
    begin = months.index(days[0])
    is_one_form = len({header.pattern for header in headers}) == 1
    return is_one_form and days == list(months[begin : begin + len(days)]) and len(days) < _MONTHS_OF_YEAR


def _write(header: PeriodHeader, form: str, month: date) -> str:
    """Return the header of another month of its year in a form."""
    if header.has_year:
        return str(format_date(month, form))
    return str(format_date(month, f"yyyy {form}")).partition(" ")[2]
