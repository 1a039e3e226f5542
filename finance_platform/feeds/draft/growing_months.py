"""Columns of months of a file that has one more of them each month: the pattern that reads the next ones too.

Belongs here: which files grow, and the pattern. Does not belong here: which headers name months (see `period_columns`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from finance_platform.feeds.doubts.unread_column import escape
from finance_platform.feeds.draft.columns import Column, FieldsDraft
from finance_platform.feeds.draft.period_columns import PeriodHeader, read_header
from finance_platform.feeds.limits import MAX_PATTERN_CHARACTERS
from finance_platform.feeds.values.dates import format_date

_MONTHS_OF_YEAR = 12


def draft_growing_months(draft: FieldsDraft, columns: Sequence[Column]) -> None:
    """Let a draft read the further months of a year, if its file has the first ones and their amounts are actual.

    A plan has all of its months, and one that lacks some was cut off. A month of another year holds the next file.

    Args:
        draft: with every field.
        columns: those of the file.
    """
    unpivot, date_of = draft.unpivot, draft.fields.get("date")
    if unpivot is None or date_of is None or unpivot["into"] != "date" or draft.is_plan or "map" in date_of.values:
        return
    names: list[str] = unpivot["columns"]
    headers = [header for name in names if (header := read_header(name)) and header.unit == "month"]
    if len(headers) != len(names) or not _begin_a_year(headers):
        return
    forms = (headers[0].pattern, re.sub("(?<!M)M$", "MM", headers[0].pattern))  # M reads P01, too
    written = [[_write(headers[0], form, month) for month in range(1, _MONTHS_OF_YEAR + 1)] for form in forms]
    texts = next((one for one in written if set(names) <= set(one)), written[0])
    pattern = "|".join(map(escape, texts))
    pattern = pattern if set(names) <= set(texts) else f"(?i){pattern}"
    read = [one.name for one in columns if re.fullmatch(pattern, one.name)]
    if read == names and len(pattern) <= MAX_PATTERN_CHARACTERS:
        draft.unpivot_pattern, draft.is_growing = pattern, True


def _begin_a_year(headers: Sequence[PeriodHeader]) -> bool:
    """Return whether headers are months of one year in one form, each the one after the month before it, not all."""
    days = [header.day for header in headers]
    is_one_form = len({(header.pattern, day.year) for header, day in zip(headers, days, strict=True)}) == 1
    is_close = all(later.month - earlier.month == 1 for earlier, later in pairwise(days))
    return is_one_form and is_close and len(headers) < _MONTHS_OF_YEAR


def _write(header: PeriodHeader, form: str, month: int) -> str:
    """Return the header of another month of its year in a form."""
    day = date(header.day.year, month, 1)
    if header.has_year:
        return str(format_date(day, form))
    return str(format_date(day, f"yyyy {form}")).partition(" ")[2]
