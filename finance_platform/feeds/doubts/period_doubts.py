"""Periods of a table that are not those of its days: most lines are as many months away, as if years began elsewhere.

Belongs here: counting days and periods over the batches of a table, and the words that hold the delivery. Does not
belong here: what a period or a day is (see `dates`, `day_columns`), single lines that are booked later.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import RawBatch

_SHARE = 10
"""At most one line in so many may be another number of months away."""

_SOME_MONTHS = 2
"""Months by which the whole of a file may be booked late, if its days are of one or two months."""

_MANY_MONTHS = 6
_DIFFERENT_MONTHS = 3

_FIX = (
    "if these are periods of a fiscal year, set columns.period.calendar: fiscal with formats such as [FFFF-PP] in the "
    "descriptor, and FINANCE_PLATFORM_FISCAL_YEAR_START_MONTH in the home's .env; without columns.period, the months "
    "of the dates count; if the periods are right, accept the file"
)


@dataclass
class PeriodDoubts:
    """How many lines of Actual have each month of their day and each period, with the first line that differs."""

    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _first: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, days: pa.Array, months: pa.StringArray, periods: pa.StringArray, batch: RawBatch) -> None:
        """Add the lines of a batch.

        Args:
            days: of the lines of Actual, null for others.
            months: the periods of all days.
            periods: the periods in which they are booked.
            batch: the rows.
        """
        table = pa.table({"month": pc.if_else(pc.is_valid(days), months, None), "period": periods})
        for row in table.group_by(["month", "period"]).aggregate([([], "count_all")]).to_pylist():
            pair = row["month"], row["period"]
            if None in pair:
                continue
            self._counts[pair] += row["count_all"]
            if pair[0] != pair[1] and pair not in self._first:
                is_pair = pc.and_(pc.equal(table["month"], pair[0]), pc.equal(table["period"], pair[1]))
                self._first[pair] = batch.place(pc.index(is_pair, True).as_py())

    def doubts(self) -> dict[str, str]:
        """Return why a person must decide whether the table may count, with what to do about it."""
        away: Counter[int] = Counter()
        for (month, period), rows in self._counts.items():
            away[_months(period) - _months(month)] += rows
        total = sum(away.values())
        months, rows = max(away.items(), key=lambda item: item[1], default=(0, 0))
        pairs = sorted(pair for pair in self._first if _months(pair[1]) - _months(pair[0]) == months)
        is_late = -_SOME_MONTHS < months < _MANY_MONTHS
        if (total - rows) * _SHARE > total or abs(months) < _SOME_MONTHS:
            return {}
        if is_late and len({month for month, _ in pairs}) < _DIFFERENT_MONTHS:
            return {}
        month, period = pairs[0]
        away_by = f"{abs(months)} months {'after' if months > 0 else 'before'}"
        return {
            f"period: {rows:,} of {total:,} lines are in a period {away_by} that of their date, such as {period} for "
            f"a day of {month}, first on {self._first[pairs[0]]}": _FIX
        }


def _months(period: str) -> int:
    return int(period[:4]) * 12 + int(period[5:7])
