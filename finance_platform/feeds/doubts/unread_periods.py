"""A column of periods that nothing reads, beside dates that are those of years.

Belongs here: finding it, and the words that hold the delivery. Does not belong here: columns each of which is a period
(see `unread_months`), periods that contradict the day (see `period_doubts`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import FieldSource
from finance_platform.feeds.doubts.unread_column import UnreadColumn
from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS
from finance_platform.feeds.resolved import ReadingRules
from finance_platform.feeds.values.codes import clean
from finance_platform.feeds.values.dates import names_no_month, needs_fiscal_calendar, parse_date
from finance_platform.feeds.values.header_words import WORDS, plain_name

_WEEKS = {
    *("week", "wk", "week no", "week number", "calendar week", "fiscal week", "accounting week", "iso week"),
    *("woche", "kalenderwoche", "kw", "semaine", "semana", "settimana"),
}

PERIODS = {
    *(*WORDS["period"], *WORDS["quarter"], "month name", "period name", "period no", "period number", "poper"),
    *_WEEKS,
}
"""Headers of columns of periods."""

_MAX_TEXTS = 100
_OF_MONTHS = ("MM", "M", "MMM", "MMMM", "QQQ", "'P'MM", "'P'M", "PPP")
_OF_QUARTERS = ("QQQ", "Q")
_ANY_YEAR = "2025"
_YEAR_END = re.compile("1[3-6](?![0-9])")


def is_of_years(sources: Mapping[str, FieldSource], rules: ReadingRules) -> bool:
    """Return whether the days of lines are read from texts that name a year and no month."""
    date = sources.get("date")
    formats = date.rule.formats if date is not None and date.headers and not rules.spread else ()
    return bool(formats) and all(map(names_no_month, formats)) and "period" not in sources


@dataclass
class UnreadPeriods(UnreadColumn):
    """The periods of lines that are all dated on the first day of their year."""

    def add(self, texts: pa.StringArray, columns: Mapping[str, pa.Array]) -> None:  # noqa: ARG002
        """Add the cells of accepted lines."""
        for row in pc.value_counts(pc.drop_null(texts)).to_pylist():
            if (text := clean(row["values"])[:MAX_VALUE_CHARACTERS]) and len(self.found) <= _MAX_TEXTS:
                self.lines += row["counts"]
                self.found[text] += row["counts"]

    def doubts(self) -> dict[str, str]:
        """Return the reason to hold the delivery: several periods become one."""
        return super().doubts() if len(self.found) > 1 else {}

    def describe(self) -> tuple[str, str]:
        """Return the reason to hold the delivery, after the column's name, and the fix."""
        year = next(iter(self.rules.fields["date"].sources), "")
        source = json.dumps(f"{{{year}}}-{{{clean(self.name)}}}", ensure_ascii=False)
        fix = f"read both by columns.date.from: {source} with {self._formats()} in the descriptor"
        if plain_name(self.name) in _WEEKS:
            # A week may lie in two months, so only the company's calendar says which one it counts in.
            sample = json.dumps({f"{_ANY_YEAR}-{text}": f"{_ANY_YEAR}-01" for text in list(self.found)[:1]})
            fix = (
                f"send the file with a day or a month in each line; or read both by columns.date.from: {source} with "
                f"formats: [yyyy-MM] and a map from each week to its month, such as {sample}, in the descriptor"
            )
        fix += "; if all lines are of the first month of their year"
        unit = "weeks" if plain_name(self.name) in _WEEKS else "periods"
        reason = f"has {len(self.found):,} {unit}, {self.texts}, while each line is dated on the first day of its year"
        return reason, fix

    def _formats(self) -> str:
        """Return the format that reads most of the texts, and what else they need."""
        parts = _OF_QUARTERS if plain_name(self.name) in WORDS["quarter"] else _OF_MONTHS
        texts = [f"{_ANY_YEAR}-{text}" for text in self.found]
        patterns = [f"FFFF-{part}" if part == "PPP" else f"yyyy-{part}" for part in parts]
        read = {pattern: [text for text in texts if parse_date(text, (pattern,))] for pattern in patterns}
        pattern = max(patterns, key=lambda one: len(read[one]))
        if not read[pattern]:
            return "formats such as [yyyy-MM]"
        keys = f"formats: [{json.dumps(pattern)}]" + (", calendar: fiscal" if needs_fiscal_calendar(pattern) else "")
        for text in texts:
            twelfth = _YEAR_END.sub("12", text)
            if text not in read[pattern] and parse_date(twelfth, (pattern,)):
                return f"{keys}, and a map of the periods of the year-end, such as {json.dumps({text: twelfth})},"
        return keys
