"""Columns of days: the texts of a field, parsed by its own patterns, for files of every kind.

Belongs here: which patterns a field has in a batch, and which calendar they mean. Does not belong here: the patterns
themselves (see `dates`), rejecting rows (see `ledger_lines`, `typed_rows`).

A change that gives other lines needs a higher version (see `reader_versions`), or files are not read again.
"""

from __future__ import annotations

import json
import re
from datetime import date
from functools import lru_cache

import pyarrow as pa

from finance_platform.feeds.cells import DistinctValues, RawBatch
from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS
from finance_platform.feeds.resolved import FieldRule, ReadingRules
from finance_platform.feeds.values.codes import clean
from finance_platform.feeds.values.dates import EXCEL_SERIAL, compile_pattern, likely_serial_day, parse_date
from finance_platform.feeds.violations import quoted

DEFAULT_DATE_FORMATS = ("yyyy-MM-dd",)
DEFAULT_PERIOD_FORMATS = ("yyyy-MM", "yyyyMM")
_DATES_OF_SHEETS = ("yyyy-MM-dd", "yyyy-MM-ddTHH:mm:ss", "yyyy-MM-ddTHH:mm:ss.SSS", "yyyy-MM-ddTHH:mm:ss.SSS'000'")
"""The text of cells of sheets that are dates, whatever their format. Of milliseconds, Python writes six digits."""

_REMEMBERED_DAYS = 1 << 14
_PERIODS_OF_YEAR_END = re.compile("1[3-6]")


def patterns_of(name: str, rules: ReadingRules, default: tuple[str, ...]) -> tuple[str, ...]:
    """Return the patterns of a field, those of its descriptor or the default ones."""
    return rules.fields.get(name, FieldRule()).formats or default


def tried_patterns(
    name: str, rules: ReadingRules, default: tuple[str, ...], sheet: str | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the patterns of a field, and these with those of cells that are dates, which a sheet may have."""
    patterns = patterns_of(name, rules, default)
    return patterns, patterns if sheet is None else (*patterns, *_DATES_OF_SHEETS)


def day_values(
    name: str, written: DistinctValues, rules: ReadingRules, default: tuple[str, ...], batch: RawBatch
) -> DistinctValues:
    """Return the day of each distinct text of a field, null where it is blank or no pattern reads it.

    Args:
        name: the field.
        written: its texts.
        rules: those of the feed.
        default: the patterns of a field without any.
        batch: the rows that the texts are of.
    """
    _, tried = tried_patterns(name, rules, default, batch.sheet)
    month = rules.fiscal_year_start_month if rules.fields.get(name, FieldRule()).is_fiscal else 1
    return written.map(lambda text: _day(text, tried, month, batch.is_1904), pa.date32())


@lru_cache(maxsize=_REMEMBERED_DAYS)
def _day(text: str, patterns: tuple[str, ...], first_month: int, is_1904: bool) -> date | None:
    return parse_date(clean(text), patterns, first_month, is_1904=is_1904)


def describe_invalid_day(name: str, text: str, rules: ReadingRules, default: tuple[str, ...], *, is_1904: bool) -> str:
    """Return why a text is not a valid day of a field, with what reads it, if that is known.

    Args:
        name: the field.
        text: the text.
        rules: those of the feed.
        default: the patterns of a field without any.
        is_1904: whether the file's sheets count days from 1904.
    """
    patterns = patterns_of(name, rules, default)
    reason = f"{name}: {quoted(text)} is not a valid date of the form {' or '.join(patterns)}"
    if (day := likely_serial_day(clean(text), is_1904=is_1904)) is not None:
        formats = ", ".join((*(json.dumps(pattern) for pattern in patterns), EXCEL_SERIAL))
        return f"{reason}; columns.{name}.formats: [{formats}] reads it as {day}, as a spreadsheet counts days"
    rule = rules.fields.get(name, FieldRule())
    twelfth = _as_twelfth(clean(text), patterns, rules.fiscal_year_start_month if rule.is_fiscal else 1)
    if twelfth is None or rule.name_pattern:
        return reason
    mapped = f"{{{json.dumps(clean(text), ensure_ascii=False)}: {json.dumps(twelfth, ensure_ascii=False)}}}"
    return f"{reason}; if it is a period of the year-end, columns.{name}.map: {mapped} reads it as the twelfth"


def _as_twelfth(text: str, patterns: tuple[str, ...], first_month: int) -> str | None:
    """Return a period from 13 to 16 as the twelfth one: FY26-P12 of FY26-P13; None if a text is something else."""
    others = (pattern for pattern in patterns if pattern != EXCEL_SERIAL)
    of_months = tuple(pattern for pattern in others if "day" not in compile_pattern(pattern).groupindex)
    for at in _PERIODS_OF_YEAR_END.finditer(text) if len(text) <= MAX_VALUE_CHARACTERS else ():
        twelfth = f"{text[: at.start()]}12{text[at.end() :]}"
        if parse_date(twelfth, of_months, first_month) is not None:
            return twelfth
    return None
