"""A thirteenth period that a map counts in the twelfth month, and that is as large as the others: years of four weeks.

Belongs here: comparing its lines and money with those of the other periods of a table, and the words that warn. Does
not belong here: columns of periods that nothing reads (see `other_periods`), proposing the map (see `draft`).

Entries of the year-end are few. If the thirteenth period of a table has as many lines and as much money as the others,
the company divides its year into thirteen periods of four weeks. Read as months, each of them has days of another one,
and the last month has twice what it should have, in each year alike.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from statistics import median

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.feeds.cells import FieldSource, RawBatch, field_texts
from finance_platform.feeds.findings import Note
from finance_platform.feeds.resolved import ReadingRules
from finance_platform.feeds.values.amounts import EXACT
from finance_platform.feeds.values.codes import fold

_LEAST_PERIODS = 6
"""Other periods of the table; of fewer, a year-end with much to do may be as large."""

_MONTHS = 12

_LESS = 2
"""How many times less than the other periods mostly have, in lines and in money, it may have."""


@dataclass
class ThirteenthPeriods:
    """The lines of a table by the period in which they count, those of a thirteenth one apart.

    Attributes:
        name: the field that gives the period.
        source: where its texts come from, before the map; None if they are the headers of columns.
        mapped: the texts of thirteenth periods, folded, and as the map has them.
    """

    name: str
    source: FieldSource | None
    mapped: Mapping[str, str]
    _lines: Counter[tuple[str, str]] = field(default_factory=Counter)
    _gross: dict[tuple[str, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    @classmethod
    def of(cls, rules: ReadingRules, sources: Mapping[str, FieldSource]) -> ThirteenthPeriods | None:
        """Return what compares the periods of a table; None if no map has a thirteenth one."""
        name = "period" if "period" in sources else "date"
        if name not in sources:
            return None
        source: FieldSource | None = sources[name]
        value_map = sources[name].rule.value_map
        if rules.unpivot is not None and rules.unpivot.into == name:
            source, value_map = None, rules.unpivot.header_map
        mapped = {fold(text): text for text, twelfth in value_map.items() if _is_thirteenth(text, twelfth)}
        if not mapped:
            return None
        return cls(name, source and replace(source, rule=replace(source.rule, value_map={})), mapped)

    def add(self, batch: RawBatch, columns: Mapping[str, pa.Array]) -> None:
        """Add the lines of a batch, of which period and amount are known."""
        texts = batch.source_columns if self.source is None else field_texts(self.source, batch).texts
        if texts is None:
            return
        gross = pc.abs(columns["amount"].cast(SUM_OF_MONEY_TYPE))
        table = pa.table([columns["period"], texts, gross], ["period", "text", "gross"]).drop_null()
        for row in table.group_by(["period", "text"]).aggregate([("gross", "sum"), ([], "count_all")]).to_pylist():
            place = row["period"], self.mapped.get(fold(row["text"]), "")
            self._lines[place] += row["count_all"]
            self._gross[place] = EXACT.add(self._gross[place], row["gross_sum"])

    def notes(self) -> dict[str, Note]:
        """Return what to know of each thirteenth period, after the table's last row."""
        notes = {}
        for (period, text), lines in sorted(self._lines.items()):
            others = [place for place in self._lines if not place[1] and _is_in_year_before(place[0], period)]
            if not text or len(others) < _LEAST_PERIODS:
                continue
            usual = median(self._lines[place] for place in others)
            if _LESS * lines < usual or _LESS * self._gross[period, text] < median(self._gross[one] for one in others):
                continue
            reason = (
                f"{self.name}: {lines:,} lines of {text!r} count in {period} beside {self._lines[period, '']:,} of its "
                f"own, while the other periods mostly have {usual:,.0f}: it may be one of thirteen periods of four "
                "weeks"
            )
            notes[reason] = Note(lines, self._fix())
        return notes

    def _fix(self) -> str:
        without = (
            "read the months of the days alone, without columns.period" if self.name == "period" else "send the days"
        )
        return (
            f"if so, none of these periods is a month: {without}, or send the amounts of months; if it is that of the "
            "year-end, nothing needs to be done"
        )


def _is_thirteenth(text: str, twelfth: str) -> bool:
    """Return whether a map takes a thirteenth period as the twelfth one: FY24-P13 as FY24-P12."""
    return any(f"{text[: at.start()]}12{text[at.end() :]}" == twelfth for at in re.finditer("13", text))


def _is_in_year_before(period: str, last: str) -> bool:
    """Return whether a period is one of the twelve that end with another one."""
    months = [int(one[:4]) * 12 + int(one[5:7]) for one in (period, last)]
    return 0 <= months[1] - months[0] < _MONTHS
