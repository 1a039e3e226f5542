"""A column of dates that nothing reads, beside days of fiscal years: each line is exactly a year away from it.

Belongs here: finding it, and the words that hold the delivery. Does not belong here: periods beside dates that are read
(see `period_doubts`, `other_periods`).

Many systems name a fiscal year by the calendar year in which it begins, the platform by the one in which it ends. Read
the one way for the other, a whole file is a year early or late, and every line of it is valid.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from finance_platform.feeds.cells import FieldSource
from finance_platform.feeds.doubts.unread_column import UnreadColumn, quoted_name
from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS
from finance_platform.feeds.resolved import ReadingRules
from finance_platform.feeds.values.codes import clean
from finance_platform.feeds.values.dates import parse_date
from finance_platform.feeds.values.header_words import WORDS

_FORMATS = ("yyyy-MM-dd", "dd.MM.yyyy", "dd/MM/yyyy", "MM/dd/yyyy", "yyyyMMdd", "yyyy/MM/dd", "dd-MM-yyyy")
_MONTHS = 12
_SHARE = 0.9
_MAX_PAIRS = 20_000
"""Different days and months of a file that are compared; an extract of several years has fewer."""


@dataclass
class OtherYears(UnreadColumn):
    """The days of a column beside the months of the lines."""

    _pairs: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, texts: pa.StringArray, columns: Mapping[str, pa.Array]) -> None:
        """Add the cells of accepted lines."""
        table = pa.table([texts, columns["period"]], ["text", "month"])
        for row in table.group_by(["text", "month"]).aggregate([([], "count_all")]).to_pylist():
            if (text := clean(row["text"] or "")[:MAX_VALUE_CHARACTERS]) and row["month"]:
                self.lines += row["count_all"]
                if len(self._pairs) < _MAX_PAIRS:
                    self._pairs[text, row["month"]] += row["count_all"]

    def doubts(self) -> dict[str, str]:
        """Return the reason to hold the delivery, if nearly all lines are a year away."""
        for pattern in _FORMATS:
            away = {pair: distance for pair in self._pairs if (distance := _months_away(pair, pattern)) is not None}
            for distance in (_MONTHS, -_MONTHS):
                pairs = [pair for pair, months in away.items() if months == distance]
                lines = sum(self._pairs[pair] for pair in pairs)
                if lines and lines >= self.lines * _SHARE:
                    return self._reason(pairs[0], lines, distance, pattern)
        return {}

    def describe(self) -> tuple[str, str]:
        """Return nothing; see `doubts`."""
        return "", ""

    def _reason(self, sample: tuple[str, str], lines: int, distance: int, pattern: str) -> dict[str, str]:
        text, month = sample
        where = "before" if distance > 0 else "after"
        reason = (
            f"the column {clean(self.name)!r} is not read, and {lines:,} of {self.lines:,} lines are in a period a "
            f"year {where} it, such as {month} for {text!r}: the file may name fiscal years by another calendar year "
            "than the one in which they end"
        )
        name = quoted_name(self.name)
        return {
            reason: (
                f"read it by columns.date: {{from: {name}, formats: [{json.dumps(pattern)}]}} in the descriptor; or "
                "map each fiscal year to the calendar year in which it ends, by a map of columns.date; if the years "
                f"are right, add {name} to ignore_columns"
            )
        }


def of_header(free: Mapping[str, str], sources: Mapping[str, FieldSource], rules: ReadingRules) -> list[OtherYears]:
    """Return the columns of dates that nothing reads, if the days of lines are read from fiscal years.

    Args:
        free: the headers that nothing reads, and their plain names.
        sources: where the fields of lines come from.
        rules: of the feed.
    """
    date = sources.get("date")
    if date is None or not date.rule.is_fiscal or "period" in sources or rules.spread or rules.unpivot:
        return []
    return [OtherYears(name, rules) for name, plain in free.items() if plain in WORDS["date"]]


def _months_away(pair: tuple[str, str], pattern: str) -> int | None:
    """Return how many months a day is after the month of its line; None if it is not one of the pattern."""
    text, month = pair
    day = parse_date(text, (pattern,))
    return None if day is None else day.year * _MONTHS + day.month - int(month[:4]) * _MONTHS - int(month[5:7])
